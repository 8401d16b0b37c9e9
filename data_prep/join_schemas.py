"""One D1 out of several writers': so many schemas a sample, drawn by seed from what templates, LLMs and MLLMs wrote of it.

mcr join-schemas data/tagged data/llm data/mllm --per_sample 2 --output_dir data/schemas

MCR's five routes are two tagged ones (templates), two of an LLM and one of an MLLM. All folders must have one prompt and hold
back the same samples.
"""

import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq

from data_prep.training_sets.parquet import SCHEMA_COLUMNS, write_parquet
from mcr.errors import ConfigError, DataError, run_command
from mcr.prompts.settings import SETTINGS_FILE
from mcr.runs.command_line import CommandParser


def read_by_sample(folders: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """Return all schemas by sample id, in the order of folders and files, one of several with the same text.

    Raises:
        DataError: no d1.parquet in a folder.
    """
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for folder in folders:
        path = folder / "d1.parquet"
        if not path.is_file():
            raise DataError(f"join: {path} does not exist. Name folders that mcr write-schemas wrote.")
        for row in pq.read_table(path).to_pylist():
            of_sample = rows[row["sample_id"]]
            if all(row["completion"] != other["completion"] for other in of_sample):
                of_sample.append(row)
    return rows


def check_alike(folders: Sequence[Path]) -> None:
    """Raise ConfigError unless all folders have one prompt and hold back the same samples."""
    for folder in folders[1:]:
        if (folder / SETTINGS_FILE).read_bytes() != (folders[0] / SETTINGS_FILE).read_bytes():
            raise ConfigError(f"join: {folder} was written for another prompt than {folders[0]}. Write them alike.")
        for name in ("d1.parquet", "d2.parquet"):
            if _ids(folder / name) != _ids(folders[0] / name):
                raise ConfigError(
                    f"join: {folder / name} has other samples than {folders[0] / name}. Use one --seed and --d2_share."
                )


def _ids(path: Path) -> set[str]:
    return set(pq.read_table(path, columns=["sample_id"])["sample_id"].to_pylist())


def main(argv: list[str] | None = None) -> None:
    """Read, draw, write."""
    parser = CommandParser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders that mcr write-schemas wrote")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--per_sample", type=int, default=2, help="schemas drawn for each sample")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    if args.output_dir.resolve() in [folder.resolve() for folder in args.folders]:
        raise ConfigError(f"--output_dir: {args.output_dir} is one of the folders that are read. Name another.")
    by_sample = read_by_sample(args.folders)
    check_alike(args.folders)
    few = [sample_id for sample_id, rows in by_sample.items() if len(rows) < args.per_sample]
    if few or args.per_sample < 1:
        raise ConfigError(f"--per_sample: got {args.per_sample}, but {len(few)} samples have fewer different schemas. Lower it.")
    drawn = []
    for sample_id, rows in by_sample.items():
        drawn += Random(f"{args.seed}/{sample_id}/join").sample(rows, args.per_sample)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    write_parquet(args.output_dir / "d1.parquet", drawn, SCHEMA_COLUMNS)
    for name in ("d2.parquet", SETTINGS_FILE):
        shutil.copyfile(args.folders[0] / name, args.output_dir / name)
    for style, count in sorted(Counter(row["style"] for row in drawn).items()):
        print(f"| {style} | {count} |")
    print(f"{len(drawn)} schemas of {len(by_sample)} samples -> {args.output_dir / 'd1.parquet'}")


if __name__ == "__main__":
    run_command(main)
