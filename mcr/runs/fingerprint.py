"""What the rows of a run folder depend on, kept beside them: a run that resumes there has to be of the same settings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError
from mcr.io.atomic_write import write_json


def check_fingerprint(path: Path, fingerprint: Mapping[str, Any], rows: str) -> None:
    """Write what a folder's rows depend on, or refuse a folder whose rows depend on something else.

    Args:
        path: the fingerprint's JSON file in the run folder.
        fingerprint: setting and value.
        rows: what the folder holds, for the message, e.g. "predictions".

    Raises:
        ConfigError: names the settings that differ.
    """
    new = json.loads(json.dumps(fingerprint, default=str))
    if path.is_file():
        old = json.loads(path.read_text(encoding="utf-8"))
        differing = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        if differing:
            raise ConfigError(
                f"output_dir: {path.parent} holds {rows} made with other settings ({', '.join(differing)}; {path.name} has "
                "theirs). Choose another folder."
            )
    write_json(path, new)
