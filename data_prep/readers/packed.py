"""Opening published files as they come: plain, packed by gzip, or a member of a zip archive (`archive.zip/member.txt`).

    python -m data_prep.readers.packed --archive Twitter10000_v2.0.annotations.tar.gz --output_dir data

unpacks an archive whose files a reader wants in a folder.
"""

import tarfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mcr.errors import DataError, run_command
from mcr.io.samples import open_data
from mcr.runs.command_line import CommandParser

MAX_MEMBER_BYTES = 1 << 30


def open_packed(path: Path) -> BinaryIO:
    """Open a file for reading, unpacked.

    Raises:
        DataError: there is no such file or member, the archive is broken, or the member is larger than MAX_MEMBER_BYTES.
    """
    archive = next((parent for parent in path.parents if parent.suffix == ".zip" and parent.is_file()), None)
    if archive is None:
        return open_data(path)
    name = path.relative_to(archive).as_posix()
    try:
        with zipfile.ZipFile(archive) as opened:
            size = opened.getinfo(name).file_size
            if size > MAX_MEMBER_BYTES:
                raise DataError(f"reading {path}: it has {size} bytes, expected at most {MAX_MEMBER_BYTES}. Unpack it yourself.")
            return BytesIO(opened.read(name))
    except KeyError:
        raise DataError(f"reading {path}: {archive.name} has no member {name}. Correct the name.") from None
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        raise DataError(f"reading {path}: zip cannot unpack it ({error}). Copy the file again.") from error


def is_there(path: Path) -> bool:
    """Whether a file, or a member of an archive, can be opened."""
    try:
        open_packed(path).close()
    except DataError:
        return False
    return True


def main(argv: list[str] | None = None) -> None:
    """Unpack an archive; members that would lie outside the folder are refused."""
    parser = CommandParser(__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="a .tar, .tar.gz or .tgz")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder to unpack into")
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(args.archive) as archive:
            archive.extractall(args.output_dir, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise DataError(f"--archive: {args.archive} cannot be unpacked ({error}). Copy the file again.") from error
    print(f"unpacked {args.archive.name} -> {args.output_dir}")


if __name__ == "__main__":
    run_command(main)
