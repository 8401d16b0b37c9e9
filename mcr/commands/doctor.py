"""Would a run of sft, filter or grpo fail? One line a check, before any hour is spent; exit code 1 where it would.

    mcr doctor --config recipes/configs/mcr/sandbox_grpo.yaml [--processes 8] [--zero zero3] [--gpu_memory_gb 80]

The recipe is what the config's name ends in, or --recipe. Reads the config as the recipe does, makes all checks that the recipe
makes before it loads its model, and looks at versions, memory, batch sizes, rewards, disk and ports. What is estimated says so.
"""

import importlib
import importlib.metadata
import importlib.util
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from mcr.boxes import Frame
from mcr.errors import ConfigError, McrError, closest, raise_faults, run_command
from mcr.io.images import check_images
from mcr.prompts.settings import SETTINGS_FILE
from mcr.runs.command_line import CommandParser
from mcr.runs.config import parse_settings, read_yaml_mapping, unknown_keys
from mcr.runs.memory import Estimate, estimate_memory
from mcr.runs.recipe_options import option_groups
from rewards.columns import score_row

DISTRIBUTION = "mcr-toolkit"
NUM_ROWS = 64
DEFAULTS = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1, "num_generations": 8}
TRAINED_DTYPE = "float32"  # TRL's default for a model that it trains; the filter takes the checkpoint's
RECIPES = ("sft", "filter", "grpo")
PROMPT_KEYS = ("sample_id", "prompt_id", "task", "prompt", "images", "gold", "frame")
NEEDED = ("model_name_or_path", "train_set", "image_root", "output_dir")
MASTER_PORT = 29500


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: whether a run would get past this check, and what was seen."""

    is_fine: bool
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at.

    Attributes:
        recipe: one of RECIPES.
        config: its settings as they stand in the file.
        processes: that will train.
        gpu_memory_gb: of one GPU; None: of this machine's.
        zero: how DeepSpeed or FSDP shards: "", zero2 or zero3.
    """

    recipe: str
    config: Mapping[str, Any]
    processes: int
    gpu_memory_gb: float | None
    zero: str = ""

    def get(self, key: str) -> Any:
        """Return a setting, TRL's default where the file has none."""
        return self.config.get(key, DEFAULTS.get(key))

    @property
    def has_counts(self) -> bool:
        """Whether the sizes of batches and groups are whole positive numbers."""
        return all(isinstance(self.get(key), int) and self.get(key) > 0 for key in DEFAULTS)

    @property
    def is_grpo(self) -> bool:
        """Whether groups are sampled."""
        return self.recipe == "grpo"

    @property
    def micro_batch(self) -> int:
        """Rows forwarded at once."""
        return int(self.get("per_device_train_batch_size"))


def check_keys(case: Case) -> Iterator[Finding]:
    """Look up every key of the config among the recipe's settings."""
    groups = option_groups(importlib.import_module(f"recipes.{case.recipe}").SETTINGS)
    unknown = unknown_keys(case.config, groups)
    yield from (Finding(False, f"keys: {case.recipe} knows no {key}. Correct or remove it.") for key in unknown)
    if not unknown:
        yield Finding(True, f"keys: {case.recipe} knows all {len(case.config)}")


def check_versions(case: Case) -> Iterator[Finding]:
    """Compare what is installed with what the package asks for."""
    try:
        wanted = [Requirement(line) for line in importlib.metadata.requires(DISTRIBUTION) or ()]
    except importlib.metadata.PackageNotFoundError:
        yield Finding(False, f"versions: {DISTRIBUTION} is not installed. Run `pip install -e .[train]`.")
        return
    wrong: list[str] = []
    extras = {"train"} | ({"vllm"} if case.config.get("use_vllm") else set())
    for one in wanted:
        if one.marker is not None and not any(one.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        try:
            version = importlib.metadata.version(one.name)
        except importlib.metadata.PackageNotFoundError:
            extra = next(extra for extra in sorted(extras) if one.marker is None or one.marker.evaluate({"extra": extra}))
            wrong.append(f"{one.name} is not installed, wanted {one.specifier or 'any'}. Install the extra {extra}.")
            continue
        if not one.specifier.contains(version.split("+")[0], prereleases=True):
            wrong.append(f"{one.name} {version} is installed, wanted {one.specifier}. Use constraints.txt.")
    yield from (Finding(False, f"versions: {text}") for text in wrong)
    if not wrong:
        yield Finding(True, "versions: everything the package asks for is there")


def check_batches(case: Case) -> Iterator[Finding]:
    """Tell the global batch, and for groups whether they fit and what would; the filter's do always."""
    if case.recipe == "filter":
        return
    rows = case.micro_batch * int(case.get("gradient_accumulation_steps"))
    total = rows * case.processes
    if not case.is_grpo:
        yield Finding(
            True, f"batch: {total} samples a step ({case.micro_batch} a device x {rows // case.micro_batch} x {case.processes})"
        )
        return
    size = int(case.get("num_generations"))
    if total % size:
        near = sorted({max(size, total // size * size), (total // size + 1) * size})
        yield Finding(
            False,
            f"batch: {total} completions a step do not hold whole groups of {size}; {' or '.join(map(str, near))} would. Change "
            "per_device_train_batch_size or gradient_accumulation_steps.",
        )
        return
    yield Finding(True, f"batch: {total // size} prompts a step in groups of {size}, {total} completions")
    if case.config.get("shared_prefix", "auto") != "off" and case.micro_batch % size:
        near = max(size, case.micro_batch // size * size)
        yield Finding(
            case.config.get("shared_prefix", "auto") == "auto",
            f"batch: {case.micro_batch} rows a device do not hold whole groups of {size}, so prompts are not shared; set "
            f"per_device_train_batch_size to {near}",
        )


def check_data(case: Case) -> Iterator[Finding]:
    """Read the first rows: columns, a reward for each, their images."""
    import pyarrow.parquet as pq

    path = Path(str(case.config["train_set"]))
    if not path.is_file():
        yield Finding(False, f"data: {path} does not exist. Run mcr {'filter' if case.is_grpo else 'write-schemas'} first.")
        return
    try:
        rows = next(pq.ParquetFile(path).iter_batches(NUM_ROWS)).to_pylist()
    except (OSError, ValueError, StopIteration) as error:
        yield Finding(False, f"data: {path} cannot be read ({type(error).__name__} {error}). Write it anew.")
        return
    missing = [key for key in PROMPT_KEYS if key not in rows[0]]
    if missing:
        yield Finding(False, f"data: {path} lacks the columns {', '.join(missing)}. Write it anew.")
        return
    yield Finding(True, f"data: {path} has its columns; looked at {len(rows)} rows")
    yield from _check_rewards(rows)
    try:
        check_images(Path(str(case.config.get("image_root", ""))), [image for row in rows for image in row["images"]])
        yield Finding(True, f"images: those of the first {len(rows)} rows can be opened")
    except McrError as error:
        yield Finding(False, f"images: {error}")


def _check_rewards(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    """Score an answer, and gold where it stands beside, as training will."""
    try:
        for row in rows:
            completion = row["completion"][0]["content"] if row.get("completion") else "<answer>None</answer>"
            score = score_row(completion, row["gold"], row["frame"], row["task"])
            if row.get("completion") and score.total < 0.5:
                yield Finding(False, f"rewards: the schema of sample {row['sample_id']} earns {score.total:.2f}. Write it anew.")
                return
            if row["frame"] is not None:
                Frame.from_dict(row["frame"])
    except McrError as error:
        yield Finding(False, f"rewards: {error}")
        return
    yield Finding(True, f"rewards: {len(rows)} rows can be scored")


def check_model(case: Case) -> Iterator[Finding]:
    """Look at the model's folder and estimate what memory it takes."""
    name = str(case.config.get("model_name_or_path", ""))
    folder = Path(name)
    is_hub_name = name.count("/") == 1 and not folder.parent.is_dir()
    if not is_hub_name and not folder.exists():
        yield Finding(False, f"model: {name} does not exist. Run mcr sft or mcr merge first, or correct the name.")
        return
    trained_on = Path(str(case.config["train_set"])).parent / SETTINGS_FILE
    if case.is_grpo and not trained_on.is_file() and not (folder / SETTINGS_FILE).is_file():
        yield Finding(False, f"model: neither {folder} nor the training set's folder has {SETTINGS_FILE}. Run mcr filter anew.")
    settings = {"num_generations": case.get("num_generations")} if case.is_grpo else {}
    settings |= {} if case.recipe == "filter" else {"dtype": TRAINED_DTYPE}
    sizes = {"micro_batch": case.micro_batch, "processes": case.processes, "zero": case.zero}
    estimate = estimate_memory(name, settings | dict(case.config), **sizes)
    if isinstance(estimate, str):
        yield Finding(is_hub_name, f"model: {estimate}{', so memory is not estimated' if is_hub_name else '. Correct the name'}")
        return
    if case.recipe == "filter":
        yield from _compare_memory(case, replace(estimate, trained_gb=0.0, activations_gb=0.0))
        return
    yield from _compare_memory(case, estimate)
    yield from _compare_disk(case, estimate)


def _compare_memory(case: Case, estimate: Estimate) -> Iterator[Finding]:
    available = case.gpu_memory_gb if case.gpu_memory_gb is not None else _memory_here_gb()
    share = float(case.config.get("vllm_gpu_memory_utilization", 0.3)) if case.config.get("use_vllm") else 0.0
    left = available * (1 - share)
    text = f"memory: about {estimate.total_gb:.1f} GB a device ({estimate.in_words()}), {left:.1f} GB left of {available:.1f}"
    is_enough = estimate.total_gb <= left
    advice = ". Use LoRA, gradient_checkpointing, a smaller per_device_train_batch_size or --zero zero3"
    if case.recipe == "filter":
        advice = ". Use a GPU with more memory"
    yield Finding(is_enough, text + ("" if is_enough else advice))


def _memory_here_gb() -> float:
    """Return a GPU's memory, or, where there is none, this machine's."""
    import psutil
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_properties(0).total_memory / 1e9
    return psutil.virtual_memory().total / 1e9


def _compare_disk(case: Case, estimate: Estimate) -> Iterator[Finding]:
    out = Path(str(case.config.get("output_dir", ".")))
    place = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    free_gb = shutil.disk_usage(place).free / 1e9
    limit = case.config.get("save_total_limit")
    needed_gb = estimate.checkpoint_gb * ((int(limit) if limit else 1) + 2)
    what = "checkpoints take" if limit else "save_total_limit is not set, so all checkpoints stay; three take"
    text = f"disk: {what} about {needed_gb:.1f} GB, {free_gb:.1f} GB are free in {place}"
    yield Finding(needed_gb < free_gb, text + ("" if needed_gb < free_gb else ". Free some or lower save_total_limit"))


def check_ports(case: Case) -> Iterator[Finding]:
    """Look whether the port that several processes meet on is free."""
    if case.processes == 1:
        return
    with socket.socket() as probe:
        is_free = probe.connect_ex(("127.0.0.1", MASTER_PORT)) != 0
    text = f"ports: {MASTER_PORT} is {'free' if is_free else 'taken. Give accelerate launch another --main_process_port'}"
    yield Finding(is_free, text)


def here_instead(recipe: str) -> list[str]:
    """Return the flags with which a config of GPUs parses on this machine."""
    import torch

    flags = (
        [] if recipe not in ("sft", "grpo", "tagger") or torch.cuda.is_available() else ["--use_cpu", "true", "--bf16", "false"]
    )
    has_vllm = importlib.util.find_spec("vllm") is not None
    return [*flags, *(["--use_vllm", "false"] if recipe == "grpo" and not has_vllm else [])]


def read_settings(case: Case, path: Path) -> tuple[Any, ...]:
    """Return the settings as the recipe reads them; what this machine lacks is as the file has it again.

    Raises:
        ConfigError: a value does not fit.
    """
    replaced = here_instead(case.recipe)
    module = importlib.import_module(f"recipes.{case.recipe}")
    settings = parse_settings(module.SETTINGS, ["--config", str(path), *replaced])
    for one in settings:
        for name in (flag.removeprefix("--") for flag in replaced[::2]):
            if hasattr(one, name):
                default = not getattr(one, "fp16", False) if name == "bf16" else False
                setattr(one, name, case.config.get(name, default))
    return settings


def check_settings(case: Case, path: Path) -> Iterator[Finding]:
    """Read the config as the recipe does and make the recipe's own checks, up to the model's weights."""
    name = str(case.config["model_name_or_path"])
    module = importlib.import_module(f"recipes.{case.recipe}")
    try:
        settings = read_settings(case, path)
    except McrError as error:
        yield Finding(False, f"settings: {_on_one_line(error)}")
        return
    yield Finding(True, f"settings: {case.recipe} reads all values")
    try:
        module.prepare(settings)
    except McrError as error:
        yield Finding(False, f"start: {_on_one_line(error)}")
    except OSError as error:
        is_hub_name = not Path(name).exists()
        advice = "so the recipe's own checks are left to its start" if is_hub_name else "expected config and processor. Save them"
        yield Finding(is_hub_name, f"start: the processor of {name} is not at hand ({type(error).__name__}), {advice}")
    else:
        yield Finding(True, f"start: {case.recipe} would go on to load its model")


def _on_one_line(error: McrError) -> str:
    return " ".join(line.strip() for line in str(error).splitlines())


Check = Callable[[Case], Iterator[Finding]]
CONFIG_CHECKS: tuple[Check, ...] = (check_keys, check_batches, check_data, check_model)  # which hold on any machine
MACHINE_CHECKS: tuple[Check, ...] = (check_versions, check_ports)
CHECKS: tuple[Check, ...] = (*CONFIG_CHECKS, *MACHINE_CHECKS)


def main(argv: list[str] | None = None) -> None:
    """Run every check, print a line for each finding.

    Raises:
        SystemExit: with code 1 where a run would fail.
    """
    parser = CommandParser(__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML of a recipe that trains")
    parser.add_argument("--recipe", choices=RECIPES, help="which one reads it (default: what the config's name ends in)")
    parser.add_argument("--zero", choices=("zero2", "zero3"), default="", help="how DeepSpeed shards; zero3 for FSDP2, too")
    parser.add_argument("--processes", type=int, default=1, help="that will train, over all machines")
    parser.add_argument("--gpu_memory_gb", type=float, help="of one GPU, if not this machine's")
    args = parser.parse_args(argv)
    config = read_yaml_mapping(args.config)
    if args.processes < 1:
        raise ConfigError(f"--processes: got {args.processes}, expected at least 1.")
    missing = [f"{key}{closest(key, set(config))}" for key in NEEDED if key not in config]
    raise_faults(f"doctor: {args.config} is no config of sft, filter or grpo; it lacks", missing, error=ConfigError)
    recipe = args.recipe or args.config.stem.rpartition("_")[2]
    if recipe not in RECIPES:
        raise ConfigError(f"--recipe: {args.config.name} does not end in one of {', '.join(RECIPES)}. Say which recipe reads it.")
    case = Case(recipe, config, args.processes, args.gpu_memory_gb, args.zero)
    findings = list(check_settings(case, args.config)) if all(found.is_fine for found in check_keys(case)) else []
    are_read = bool(findings) and findings[0].is_fine
    countable = (check_batches,) if case.has_counts else ()
    checks = CHECKS if are_read else (check_keys, *countable, *MACHINE_CHECKS)  # the others calculate with the values
    findings += [finding for check in checks for finding in check(case)]
    for finding in findings:
        print(f"{'ok  ' if finding.is_fine else 'FAIL'}  {finding.text}")
    if not all(finding.is_fine for finding in findings):
        raise SystemExit(1)


if __name__ == "__main__":
    run_command(main)
