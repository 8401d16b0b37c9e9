"""One training set out of several: so many samples of each source, drawn and shuffled by seed.

    mcr mix-samples --config data_prep/configs/mcr_mix.yaml [--seed 1] [--num 70 70 140]
    mcr mix-samples --samples A.jsonl B.jsonl --output_dir DIR [--num 70 140] [--image_folders a b]

Tasks stay with their samples: mcr write-schemas gives each its own prompt, answer and reasoning, the rewards score it as its own.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from random import Random
from typing import Any

import yaml

from mcr.errors import ConfigError, closest, raise_faults, run_command
from mcr.io.samples import load_samples, write_samples
from mcr.records import ImageRef, Sample
from mcr.runs.command_line import CommandParser

KEYS = ("sources", "output_dir", "seed")
OPTIONAL = ("split",)
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a mix.

    Attributes:
        samples: a samples.jsonl.
        num: how many to draw; None takes all.
        image_folder: put before its image paths, where the sources' images lie in folders of one root.
    """

    samples: str
    num: int | None = None
    image_folder: str = ""

    def __post_init__(self) -> None:
        if self.num is not None and (not isinstance(self.num, int) or self.num < 1):
            raise ConfigError(f"mix: {self.samples}: num is {self.num}, expected a number from 1 on, or nothing for all.")


def draw(source: Source, seed: str) -> list[Sample]:
    """Return the drawn samples in the file's order, ids and image paths made unique by their source.

    Raises:
        ConfigError: the source holds fewer samples than wanted.
    """
    samples = load_samples(Path(source.samples))
    num = len(samples) if source.num is None else source.num
    if num > len(samples):
        raise ConfigError(f"mix: {source.samples} holds {len(samples)} samples, {num} are wanted. Lower num.")
    picks = sorted(Random(seed).sample(range(len(samples)), num))
    return [_of_source(samples[index], source.image_folder) for index in picks]


def _of_source(sample: Sample, folder: str) -> Sample:
    images = tuple(
        ImageRef(f"{folder.rstrip('/')}/{image.path}" if folder else image.path, image.width, image.height, image.is_missing)
        for image in sample.images
    )
    return replace(sample, id=f"{sample.dataset}:{sample.id}", images=images)


def mix(sources: list[Source], seed: int) -> list[Sample]:
    """Return the samples of all sources, shuffled."""
    if not sources:
        raise ConfigError("mix: no source is named. List at least one under sources.")
    samples = [sample for number, source in enumerate(sources) for sample in draw(source, f"{seed}/{number}")]
    repeated = [sample_id for sample_id, times in Counter(sample.id for sample in samples).items() if times > 1]
    if repeated:
        raise ConfigError(f"mix: {len(repeated)} ids come from two sources, for example {repeated[0]}. Give each source once.")
    Random(f"mix/{seed}").shuffle(samples)
    return samples


@dataclass(frozen=True, slots=True)
class MixConfig:
    """A mix as its config describes it.

    Attributes:
        sources: what is drawn from.
        output_dir: the folder of the mix.
        seed: of the draws and of the order.
        split: one of SPLITS; the file in the folder is named after it.
    """

    sources: list[Source]
    output_dir: Path
    seed: int
    split: str = SPLITS[0]


def read_config(path: Path) -> MixConfig:
    """Return a config's mix.

    Raises:
        ConfigError: not YAML of this form; unknown keys are named with the closest known ones, missing keys apart from them.
    """
    try:
        config: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        raise_faults(f"{path}: cannot be read as a mix", _faults(config), error=ConfigError)
        sources = [Source(**row) for row in config["sources"]]
        return MixConfig(sources, Path(config["output_dir"]), int(config["seed"]), config.get("split", SPLITS[0]))
    except (OSError, yaml.YAMLError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: cannot be read as a mix ({error}). Each source has samples, num, image_folder.") from error


def _faults(config: Any) -> list[str]:
    if not isinstance(config, dict):
        return [f"got {type(config).__name__}, expected the keys {', '.join(KEYS)}"]
    faults = _wrong_keys(config, (*KEYS, *OPTIONAL), KEYS)
    if config.get("split", SPLITS[0]) not in SPLITS:
        faults.append(f"split: got {config['split']!r}, expected one of {', '.join(SPLITS)}")
    sources = config.get("sources", [])
    if not isinstance(sources, list):
        return [*faults, f"sources: got {type(sources).__name__}, expected a list"]
    known = {one.name: one.default is MISSING for one in fields(Source)}
    needed = [name for name, is_needed in known.items() if is_needed]
    for number, source in enumerate(sources, start=1):
        if isinstance(source, dict):
            faults += [f"source {number}: {fault}" for fault in _wrong_keys(source, known, needed)]
        else:
            faults.append(f"source {number}: got {source!r}, expected the keys {', '.join(known)}")
    return faults


def _wrong_keys(row: dict[Any, Any], known: Iterable[str], needed: Iterable[str]) -> list[str]:
    unknown = [f"unknown key {key!r}{closest(key, known)}" for key in row if key not in known]
    return unknown + [f"lacks the key {key}" for key in needed if key not in row]


def sources_from_flags(
    sources: list[Source], samples: list[str] | None, nums: list[int] | None, image_folders: list[str] | None
) -> list[Source]:
    """Return the sources of a config changed by flags, or those of the flags alone where there is no config.

    Raises:
        ConfigError: a flag that does not have a value for each source.
    """
    num_sources = len(sources) or len(samples or ())
    for flag, given in (("--samples", samples), ("--num", nums), ("--image_folders", image_folders)):
        if given is not None and len(given) != num_sources:
            raise ConfigError(f"{flag}: got {len(given)}, expected {num_sources}, one for each source.")
    sources = sources or [Source(path) for path in samples or ()]
    paths = samples or [source.samples for source in sources]
    counts = nums or [source.num for source in sources]
    folders = image_folders or [source.image_folder for source in sources]
    return [Source(*source) for source in zip(paths, counts, folders, strict=True)]


def main(argv: list[str] | None = None) -> None:
    """Mix and say what came of it."""
    parser = CommandParser(__doc__)
    parser.add_argument("--config", type=Path, help="YAML with sources, output_dir, seed, split; the flags do without it, too")
    parser.add_argument("--samples", nargs="+", help="a samples.jsonl for each source, instead of the config's")
    parser.add_argument("--num", type=int, nargs="+", help="how many to draw from each source, instead of the config's")
    parser.add_argument("--image_folders", nargs="+", help="what to put before the image paths of each source")
    parser.add_argument("--output_dir", type=Path, help="folder of the mix, instead of the config's")
    parser.add_argument("--split", choices=SPLITS, help="which the file is named after, instead of the config's")
    parser.add_argument("--seed", type=int, help="instead of the config's")
    args = parser.parse_args(argv)
    if args.config is None and (args.samples is None or args.output_dir is None):
        raise ConfigError("mix: got no --config, expected --samples and --output_dir in its place.")
    config = MixConfig([], args.output_dir, 0) if args.config is None else read_config(args.config)
    sources = sources_from_flags(config.sources, args.samples, args.num, args.image_folders)
    samples = mix(sources, config.seed if args.seed is None else args.seed)
    path = (args.output_dir or config.output_dir) / f"{args.split or config.split}.jsonl"
    write_samples(path, samples)
    counts = Counter((sample.dataset, sample.task.name) for sample in samples)
    print("| dataset | task | samples |\n|---|---|---|")
    print("\n".join(f"| {dataset} | {task} | {count} |" for (dataset, task), count in sorted(counts.items())))
    print(f"{len(samples)} samples -> {path}")


if __name__ == "__main__":
    run_command(main)
