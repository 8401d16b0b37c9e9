"""What a run folder depends on, saved beside it: a run that resumes there has to be of the same settings, data and weights."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError
from mcr.io.atomic_write import write_json

HASH_LENGTH = 16  # hexadecimal digits: enough to tell two files apart, short enough to read in a message
WHOLE_BYTES = 1 << 26  # a file up to this size is hashed whole, a larger one by its ends and blocks in between
BLOCK_BYTES, NUM_BLOCKS = 1 << 20, 64
MAX_VALUE_CHARS = 60


def check_fingerprint(path: Path, fingerprint: Mapping[str, Any], rows: str) -> None:
    """Write what a folder's rows depend on, or refuse a folder whose rows depend on something else.

    Args:
        path: the fingerprint's JSON file in the run folder.
        fingerprint: setting and value.
        rows: what the folder holds, for the message, e.g. "predictions".

    Raises:
        ConfigError: names the settings that differ, with both values.
    """
    refuse_others(path, fingerprint, rows)
    write_json(path, _plain(fingerprint))


def refuse_others(path: Path, fingerprint: Mapping[str, Any], rows: str) -> None:
    """Refuse as `check_fingerprint` does, without writing anything."""
    differing = differences(path, fingerprint)
    if differing:
        raise ConfigError(
            f"output_dir: {path.parent} holds {rows} made with other settings ({'; '.join(differing.values())}; {path.name} has "
            "theirs). Choose another folder."
        )


def differences(path: Path, fingerprint: Mapping[str, Any]) -> dict[str, str]:
    """Return what differs from a saved fingerprint, in words by setting; nothing where there is no file."""
    old, new = read_fingerprint(path), _plain(fingerprint)
    if old is None:
        return {}
    return {
        key: f"{key}: {_shown(old, key)} there, {_shown(new, key)} here"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    }


def read_fingerprint(path: Path) -> dict[str, Any] | None:
    """Return a saved fingerprint; None where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def weights_hash(model: str | Path) -> str:
    """Return a hash of a model folder's weights, an adapter's base included; the name itself where it is no folder."""
    folder = Path(model)
    if not folder.is_dir():
        return str(model)
    parts = [file_hash(path) for path in sorted(folder.glob("*.safetensors"))]
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        parts.append(weights_hash(str(json.loads(adapter.read_text(encoding="utf-8")).get("base_model_name_or_path"))))
    return text_hash(" ".join(parts))


def file_hash(path: str | Path) -> str:
    """Return a hash of a file's bytes; of a large one, of its size, its ends and blocks spread evenly between them."""
    path = Path(path)
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            digest.update(file.read())
        else:
            for number in range(NUM_BLOCKS + 1):
                file.seek(number * (size - BLOCK_BYTES) // NUM_BLOCKS)
                digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()[:HASH_LENGTH]


def images_hash(image_root: Path, paths: Iterable[str]) -> str:
    """Return a hash of which images there are, by their paths inside the folder and the sizes of their files."""
    sizes = {path: _size_of(image_root / path) for path in paths}
    return text_hash(json.dumps(sorted(sizes.items())))


def text_hash(text: str) -> str:
    """Return a hash of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return -1  # missing; whether that is a fault is for the check of images to say


def _plain(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(fingerprint, default=str))


def _shown(row: Mapping[str, Any], key: str) -> str:
    text = json.dumps(row[key], ensure_ascii=False) if key in row else "nothing"
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}..."
