"""Filtering for CVO (MCR D.3): sample G completions a prompt, keep the prompts whose rewards say there is something to learn.

    accelerate launch recipes/filter.py --config recipes/configs/sandbox_filter.yaml [--max_median 0.7 ...]

Statistics are appended row by row; called again, only what is missing is sampled, so another rule on the same statistics costs
nothing. Each process samples its own share.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from accelerate import PartialState
from tqdm import tqdm

from data_prep.filter_rule import REASONS, FilterRule, apply_rule, summarise
from data_prep.parquet import PROMPT_COLUMNS, write_parquet
from mcr.config import parse_settings
from mcr.errors import ConfigError, run_command
from mcr.models.load import load_model, load_processor
from mcr.processes import engine_of_one_process, join_processes
from mcr.report.pictures import draw_filter_histograms
from mcr.rollouts import RolloutRequest, Sampler, SamplingSettings
from mcr.rollouts.transformers_sampler import TransformersSampler
from mcr.rollouts.vllm_sampler import VllmSampler
from mcr.run_folder import make_run_folder, open_for_append, write_run_record
from mcr.samples import iter_json_lines
from mcr.training_sets import load_training_set
from mcr.whole_file import write_json, write_whole
from rewards.columns import score_row
from rewards.score import PARTS, check_options


@dataclass
class FilterArguments:
    """Which prompts, which model, how to sample, which rule. Sampling and thresholds default to MCR D.3."""

    train_set: str = field(metadata={"help": "d2.parquet of data_prep.write_schemas"})
    image_root: str = field(metadata={"help": "folder that the image paths start from"})
    model_name_or_path: str = field(metadata={"help": "the model after MRSI"})
    output_dir: str = field(metadata={"help": "folder for statistics, kept.parquet, summary and histograms"})
    num_generations: int = field(default=8, metadata={"help": "G"})
    temperature: float = field(default=1.5, metadata={"help": "sampling temperature"})
    top_k: int = field(default=200, metadata={"help": "sampling top-k"})
    top_p: float = field(default=0.95, metadata={"help": "sampling top-p"})
    max_completion_length: int = field(default=512, metadata={"help": "tokens a completion"})
    batch_size: int = field(default=64, metadata={"help": "completions sampled at once"})
    use_vllm: bool = field(default=False, metadata={"help": "sample through vLLM"})
    vllm_gpu_memory_utilization: float = field(default=0.9, metadata={"help": "share of GPU memory for vLLM"})
    dtype: str = field(default="auto", metadata={"help": "of the model's weights"})
    sigma: float = field(default=0.5, metadata={"help": "IoU threshold of the grounding reward, as grpo.py uses it"})
    normalization: str = field(default="matched", metadata={"help": "of the rewards, as grpo.py uses it"})
    min_std: float = field(default=0.1, metadata={"help": "of the rule"})
    min_max: float = field(default=0.8, metadata={"help": "of the rule"})
    min_median: float = field(default=0.08, metadata={"help": "of the rule"})
    max_median: float = field(default=0.6, metadata={"help": "of the rule"})
    seed: int = field(default=0, metadata={"help": "of sampling"})


SAMPLED_BY = ("model_name_or_path", "num_generations", "temperature", "top_k", "top_p", "max_completion_length", "seed")
SAMPLED_BY += ("sigma", "normalization")


def make_sampler(arguments: FilterArguments) -> Sampler:
    """Return the sampler that the settings name."""
    processor = load_processor(arguments.model_name_or_path)
    if arguments.use_vllm:
        memory = {"gpu_memory_utilization": arguments.vllm_gpu_memory_utilization}
        with engine_of_one_process(PartialState()):
            return VllmSampler(arguments.model_name_or_path, processor, dtype=arguments.dtype, **memory)
    model = load_model(arguments.model_name_or_path, dtype=arguments.dtype).to(PartialState().device)
    return TransformersSampler(model, processor, batch_size=arguments.batch_size)


def read_statistics(out: Path) -> dict[str, dict[str, Any]]:
    """Return the rows written so far by id, of all processes; a torn last line is left out and sampled again."""
    rows = {}
    for path in sorted(out.glob("statistics-*.jsonl")):
        for _, row in iter_json_lines(path):
            if isinstance(row, dict) and "rewards" in row:
                rows[row["id"]] = row
    return rows


def check_fingerprint(out: Path, arguments: FilterArguments) -> None:
    """Refuse to mix statistics that were sampled in different ways."""
    fingerprint = {name: getattr(arguments, name) for name in SAMPLED_BY}
    path = out / "sampling.json"
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) != fingerprint:
        raise ConfigError(f"filter: {out} holds statistics sampled with other settings ({path}). Choose another output_dir.")
    write_json(path, fingerprint)


def sample_statistics(rows: Any, todo: list[int], arguments: FilterArguments, path: Path) -> None:
    """Sample the groups of the rows named in `todo` and append one line a row."""
    sampler = make_sampler(arguments)
    settings = SamplingSettings(
        num_generations=arguments.num_generations,
        temperature=arguments.temperature,
        top_k=arguments.top_k,
        top_p=arguments.top_p,
        max_new_tokens=arguments.max_completion_length,
        seed=arguments.seed,
    )
    options = {"sigma": arguments.sigma, "normalization": arguments.normalization}
    chunk = max(1, arguments.batch_size // arguments.num_generations)
    with open_for_append(path) as file, tqdm(total=len(todo), desc="filter: sampling", unit="prompt") as bar:
        for start in range(0, len(todo), chunk):
            batch = [rows[index] for index in todo[start : start + chunk]]
            groups = sampler.sample([RolloutRequest(row["sample_id"], row["prompt"], row["images"]) for row in batch], settings)
            for row, group in zip(batch, groups, strict=True):
                scores = [score_row(rollout.text, row["gold"], row["frame"], row["task"], **options) for rollout in group]
                parts = {part: [round(getattr(score, part), 6) for score in scores] for part in PARTS}
                rewards = [round(score.total, 6) for score in scores]
                file.write(json.dumps({"id": row["sample_id"], "rewards": rewards, "parts": parts}) + "\n")
            file.flush()
            bar.update(len(batch))


def apply_and_write(out: Path, train_set: Path, rows: dict[str, dict[str, Any]], rule: FilterRule) -> Counter:
    """Apply the rule; write statistics.jsonl, kept.parquet, summary.json and the histograms."""
    decided = []
    for row in rows.values():
        stats = summarise(row["rewards"])
        reason = apply_rule(stats, rule)
        decided.append(row | asdict(stats) | {"kept": reason == "kept", "reason": reason})
    write_whole(out / "statistics.jsonl", "".join(json.dumps(row) + "\n" for row in decided))
    kept = {row["id"] for row in decided if row["kept"]}
    table = pq.read_table(train_set).select([name for name, _ in PROMPT_COLUMNS])
    write_parquet(out / "kept.parquet", [row for row in table.to_pylist() if row["sample_id"] in kept], PROMPT_COLUMNS)
    counts = Counter(dict.fromkeys(REASONS, 0) | Counter(row["reason"] for row in decided))
    write_json(out / "summary.json", {"rule": asdict(rule), "num_prompts": len(decided), "reasons": counts})
    draw_filter_histograms(out / "histograms.png", decided, rule)
    return counts


def main(argv: list[str] | None = None) -> None:
    """Sample what is missing, then apply the rule on the main process."""
    (arguments,) = parse_settings((FilterArguments,), argv)
    check_options(arguments.sigma, arguments.normalization)
    rule = FilterRule(arguments.min_std, arguments.min_max, arguments.min_median, arguments.max_median)
    out, train_set = Path(arguments.output_dir), Path(arguments.train_set)
    rows = load_training_set(train_set, Path(arguments.image_root), needs_completion=False)
    state = join_processes()
    make_run_folder(out)
    if state.is_main_process:
        check_fingerprint(out, arguments)
        write_run_record(out, "filter", (arguments,), arguments.seed)
    state.wait_for_everyone()
    done = read_statistics(out)
    ids = rows.with_format(None)["sample_id"]
    todo = [index for index in range(state.process_index, len(ids), state.num_processes) if ids[index] not in done]
    if done and state.is_main_process:
        print(f"going on from {len(done)} of {len(ids)} prompts that were sampled before", flush=True)
    if todo:
        sample_statistics(rows, todo, arguments, out / f"statistics-{state.process_index:03d}.jsonl")
    state.wait_for_everyone()
    if state.is_main_process:
        counts = apply_and_write(out, train_set, read_statistics(out), rule)
        print("\n".join([f"| {reason} | {count} |" for reason, count in counts.items()]))
        print(f"kept {counts['kept']} of {counts.total()} prompts: {out / 'kept.parquet'}, picture: {out / 'histograms.png'}")


if __name__ == "__main__":
    run_command(main)
