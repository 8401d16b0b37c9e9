"""Images are opened inside their folder alone, links included."""

import pytest

pytest.importorskip("PIL")
from PIL import Image

from mcr.errors import DataError
from mcr.io.images import open_image


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    root = tmp_path / "images"
    root.mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    Image.new("RGB", (4, 4)).save(root / "own.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "fine.png").symlink_to(root / "own.png")
    assert open_image(root, "fine.png").size == (4, 4)
    with pytest.raises(DataError, match=r"link\.png"):
        open_image(root, "link.png")
