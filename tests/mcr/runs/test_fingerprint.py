"""A run folder takes rows of one kind of settings."""

import pytest

from mcr.errors import ConfigError
from mcr.runs.fingerprint import check_fingerprint


def test_other_settings_are_refused_by_name_and_the_same_are_not(tmp_path):
    path = tmp_path / "sampling.json"
    check_fingerprint(path, {"seed": 1, "sizes": (1, 2), "image_root": tmp_path}, "rows")
    check_fingerprint(path, {"image_root": tmp_path, "sizes": [1, 2], "seed": 1}, "rows")
    with pytest.raises(
        ConfigError,
        match=r"holds rows made with other settings \(new: nothing there, 1 here; seed: 1 there, 2 here; sampling.json",
    ):
        check_fingerprint(path, {"seed": 2, "sizes": (1, 2), "image_root": tmp_path, "new": 1}, "rows")
    check_fingerprint(path, {"seed": 1, "sizes": (1, 2), "image_root": tmp_path}, "rows")
