"""Filtering for CVO (MCR D.3): sample G completions a prompt, keep the prompts whose rewards say there is something to learn.

    accelerate launch recipes/filter.py --config recipes/configs/mcr/sandbox_filter.yaml [--max_median 0.7 ...]

Statistics are appended row by row; called again, only what is missing is sampled, so another rule or other weights on the same
statistics cost nothing. Each process samples its own share. Rewards take the options that mcr grpo takes; kept.parquet
records them, and mcr grpo refuses a set that was filtered with others.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tqdm import tqdm

from data_prep.filter_rule import REASONS, FilterRule, apply_rule, summarise
from data_prep.training_sets.parquet import PROMPT_COLUMNS, write_parquet
from mcr.errors import ConfigError, run_command
from mcr.io.atomic_write import write_json, write_whole
from mcr.io.samples import iter_json_lines
from mcr.prompts.settings import PromptSettings
from mcr.report.figures import draw_filter_histograms
from mcr.rollouts import Rollout, RolloutRequest, SamplingSettings
from mcr.rollouts.make_sampler import SamplerSettings, checked_processor, make_sampler
from mcr.runs.config import parse_settings
from mcr.runs.fingerprint import check_fingerprint, file_hash, images_hash, refuse_others, text_hash, weights_hash
from mcr.runs.processes import join_processes
from mcr.runs.run_folder import make_run_folder, open_for_append, write_run_record
from mcr.training.data import REWARD_RECORD, check_rows, image_paths, read_rows
from rewards.arguments import RewardArguments
from rewards.columns import score_row
from rewards.options import RewardOptions
from rewards.parts import PARTS
from rewards.score import RewardBreakdown, weighted_sum


@dataclass
class FilterArguments:
    """Which prompts, which model, how to sample, which rule. Sampling defaults to MCR E.4, thresholds to D.3."""

    train_set: str = field(metadata={"help": "d2.parquet of mcr write-schemas"})
    image_root: str = field(metadata={"help": "folder that the image paths start from"})
    model_name_or_path: str = field(metadata={"help": "the model after MRSI"})
    output_dir: str = field(metadata={"help": "folder for statistics, kept.parquet, summary and histograms"})
    num_generations: int = field(default=8, metadata={"help": "G, 2 or more"})
    temperature: float = field(default=1.5, metadata={"help": "sampling temperature"})
    top_k: int = field(default=200, metadata={"help": "sampling top-k"})
    top_p: float = field(default=0.95, metadata={"help": "sampling top-p"})
    max_new_tokens: int = field(default=512, metadata={"help": "tokens a completion"})
    batch_size: int = field(default=64, metadata={"help": "completions sampled at once"})
    use_vllm: bool = field(default=False, metadata={"help": "sample through vLLM"})
    vllm_gpu_memory_utilization: float = field(default=0.9, metadata={"help": "share of GPU memory for vLLM"})
    vllm_max_model_length: int | None = field(
        default=None, metadata={"help": "tokens a prompt with its completion, for vLLM (default: what the model allows)"}
    )
    dtype: str = field(default="auto", metadata={"help": "of the model's weights"})
    min_std: float = field(default=0.1, metadata={"help": "of the rule"})
    min_max: float = field(default=0.8, metadata={"help": "of the rule"})
    min_median: float = field(default=0.08, metadata={"help": "of the rule"})
    max_median: float = field(default=0.6, metadata={"help": "of the rule"})
    seed: int = field(default=0, metadata={"help": "of sampling"})


SETTINGS = (FilterArguments, RewardArguments)
WIDEN = {
    "no spread": "Lower --min_std",
    "never good": "Lower --min_max, or train longer in MRSI",
    "too hard": "Lower --min_median, or train longer in MRSI",
    "too easy": "Raise --max_median, or keep back harder samples",
}
FINGERPRINT = "sampling.json"  # what the statistics of a folder depend on
SAMPLED_BY = ("num_generations", "temperature", "top_k", "top_p", "max_new_tokens", "seed", "dtype", "use_vllm")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What sampling goes by once everything but the model is checked.

    Attributes:
        rows: of `check_rows`.
        prompts: settings of the set.
        options: of the rewards.
        rule: which prompts are kept.
    """

    rows: Any
    prompts: PromptSettings
    options: RewardOptions
    rule: FilterRule


def read_statistics(out: Path) -> dict[str, dict[str, Any]]:
    """Return the rows written so far by id, of all processes; a torn last line is left out and sampled again."""
    rows = {}
    for path in sorted(out.glob("statistics-*.jsonl")):
        for _, row in iter_json_lines(path):
            if isinstance(row, dict) and "parts" in row:
                rows[row["id"]] = row
    return rows


def fingerprint_of(arguments: FilterArguments, ready: Prepared) -> dict[str, Any]:
    """Return what statistics depend on: how and from what they were sampled, and the rules of the rewards; weights may change."""
    rules = {name: value for name, value in ready.options.to_dict().items() if name != "weights"}
    sources = {
        "model_name_or_path": weights_hash(arguments.model_name_or_path),
        "train_set": file_hash(arguments.train_set),
        "images": images_hash(Path(arguments.image_root), image_paths(ready.rows)),
        "prompts": text_hash(json.dumps(ready.prompts.to_dict())),
    }
    return {name: getattr(arguments, name) for name in SAMPLED_BY} | sources | rules


def sampler_of(arguments: FilterArguments) -> SamplerSettings:
    """Return which sampler the flags name."""
    return SamplerSettings(
        arguments.model_name_or_path,
        dtype=arguments.dtype,
        batch_size=arguments.batch_size,
        use_vllm=arguments.use_vllm,
        vllm_gpu_memory_utilization=arguments.vllm_gpu_memory_utilization,
        vllm_max_model_length=arguments.vllm_max_model_length,
    )


def sampling_of(arguments: FilterArguments) -> SamplingSettings:
    """Return how completions are drawn.

    Raises:
        ConfigError: a value does not fit.
    """
    return SamplingSettings(
        num_generations=arguments.num_generations,
        temperature=arguments.temperature,
        top_k=arguments.top_k,
        top_p=arguments.top_p,
        max_new_tokens=arguments.max_new_tokens,
        seed=arguments.seed,
    )


def sample_statistics(rows: Any, todo: list[int], arguments: FilterArguments, options: RewardOptions, path: Path) -> None:
    """Sample the groups of the rows named in `todo` and append one line a row."""
    sampler, settings = make_sampler(sampler_of(arguments)), sampling_of(arguments)
    chunk = max(1, arguments.batch_size // arguments.num_generations)
    with open_for_append(path) as file, tqdm(total=len(todo), desc="filter: sampling", unit="prompt") as bar:
        for start in range(0, len(todo), chunk):
            batch = [rows[index] for index in todo[start : start + chunk]]
            groups = sampler.sample([RolloutRequest(row["prompt_id"], row["prompt"], row["images"]) for row in batch], settings)
            for row, group in zip(batch, groups, strict=True):
                scores = [_score(rollout, row, options) for rollout in group]
                parts = {part: [score.parts[part] for score in scores] for part in PARTS}
                file.write(json.dumps({"id": row["prompt_id"], "parts": parts}) + "\n")
            file.flush()
            bar.update(len(batch))


def _score(rollout: Rollout, row: Any, options: RewardOptions) -> RewardBreakdown:
    """Score one completion, with what the sampler knows of it."""
    known = {"opened": rollout.opened, "is_complete": rollout.is_complete}
    return score_row(rollout.text, row["gold"], row["frame"], row["task"], options, **known)


def group_rewards(parts: dict[str, list[float]], options: RewardOptions) -> list[float]:
    """Return the total of each completion of a group."""
    completions = zip(*(parts[part] for part in PARTS), strict=True)
    return [weighted_sum(dict(zip(PARTS, values, strict=True)), options) for values in completions]


def apply_and_write(
    out: Path, train_set: Path, rows: dict[str, dict[str, Any]], rule: FilterRule, options: RewardOptions
) -> Counter:
    """Apply the rule; write statistics.jsonl, kept.parquet, summary.json and the histograms."""
    decided = []
    for row in rows.values():
        rewards = group_rewards(row["parts"], options)
        stats = summarise(rewards)
        reason = apply_rule(stats, rule)
        decided.append({"id": row["id"], "rewards": rewards, **row, **asdict(stats), "kept": reason == "kept", "reason": reason})
    write_whole(out / "statistics.jsonl", "".join(json.dumps(row) + "\n" for row in decided))
    kept = {row["id"] for row in decided if row["kept"]}
    table = pq.read_table(train_set).select([name for name, _ in PROMPT_COLUMNS])
    kept_rows = {row["prompt_id"]: row for row in table.to_pylist() if row["prompt_id"] in kept}
    write_parquet(out / "kept.parquet", list(kept_rows.values()), PROMPT_COLUMNS, {REWARD_RECORD: json.dumps(options.to_dict())})
    PromptSettings.load(train_set.parent).save(out)
    counts = Counter(dict.fromkeys(REASONS, 0) | Counter(row["reason"] for row in decided))
    summary = {"rule": asdict(rule), "rewards": options.to_dict(), "num_prompts": len(decided), "reasons": counts}
    write_json(out / "summary.json", summary)
    draw_filter_histograms(out / "histograms.png", decided, rule)
    return counts


def report_counts(out: Path, counts: Counter) -> None:
    """Print what was kept and why the rest was not.

    Raises:
        ConfigError: nothing was kept.
    """
    print("\n".join([f"| {reason} | {count} |" for reason, count in counts.items()]))
    print(f"kept {counts['kept']} of {counts.total()} prompts: {out / 'kept.parquet'}, picture: {out / 'histograms.png'}")
    if not counts["kept"]:
        reason = max(REASONS[1:], key=lambda one: counts[one])
        raise ConfigError(
            f"filter: kept 0 of {counts.total()} prompts, most of them {reason!r}. {WIDEN[reason]}; the statistics in {out} are "
            "reused."
        )


def prepare(settings: tuple[Any, ...]) -> Prepared:
    """Read and check everything that sampling depends on, before a model is loaded.

    Args:
        settings: of `parse_settings`.

    Raises:
        McrError: the run would fail, or its folder holds other statistics.
    """
    arguments, reward_arguments = settings
    options = reward_arguments.options()
    rule = FilterRule(arguments.min_std, arguments.min_max, arguments.min_median, arguments.max_median)
    if arguments.num_generations < 2:
        raise ConfigError(f"num_generations: got {arguments.num_generations}, expected 2 or more: one reward has no deviation.")
    sampling_of(arguments)
    train_set = Path(arguments.train_set)
    rows = read_rows(train_set, needs_completion=False)
    prompts = PromptSettings.load(train_set.parent)
    processor = checked_processor(sampler_of(arguments), prompts.frame)
    rows = check_rows(rows, Path(arguments.image_root), processor=processor, frame=prompts.frame)
    ready = Prepared(rows, prompts, options, rule)
    refuse_others(Path(arguments.output_dir) / FINGERPRINT, fingerprint_of(arguments, ready), "statistics")
    return ready


def first_rows(ids: Sequence[str]) -> list[int]:
    """Return the first row of each prompt: the schemas of one prompt share its group.

    >>> first_rows(["7", "7", "8"])
    [0, 2]
    """
    first: dict[str, int] = {}
    for index, prompt_id in enumerate(ids):
        first.setdefault(prompt_id, index)
    return list(first.values())


def main(argv: list[str] | None = None) -> None:
    """Sample what is missing, then apply the rule on the main process."""
    arguments, reward_arguments = settings = parse_settings(SETTINGS, argv)
    out, train_set = Path(arguments.output_dir), Path(arguments.train_set)
    ready = prepare(settings)
    rows, options = ready.rows, ready.options
    state = join_processes()
    make_run_folder(out)
    if state.is_main_process:
        check_fingerprint(out / FINGERPRINT, fingerprint_of(arguments, ready), "statistics")
        write_run_record(out, "filter", (arguments, reward_arguments), arguments.seed)
    state.wait_for_everyone()
    done = read_statistics(out)
    ids = rows.with_format(None)["prompt_id"]
    prompts = first_rows(ids)
    todo = [index for index in prompts[state.process_index :: state.num_processes] if ids[index] not in done]
    if state.is_main_process and len(prompts) < len(ids):
        print(f"{len(ids)} schemas have {len(prompts)} different prompts; each is sampled once", flush=True)
    if done and state.is_main_process:
        print(f"resuming from {len(done)} of {len(prompts)} prompts that were sampled before", flush=True)
    if todo:
        sample_statistics(rows, todo, arguments, options, out / f"statistics-{state.process_index:03d}.jsonl")
    state.wait_for_everyone()
    if state.is_main_process:
        report_counts(out, apply_and_write(out, train_set, read_statistics(out), ready.rule, options))


if __name__ == "__main__":
    run_command(main)
