"""Kills each recipe with SIGKILL at random moments, starts it again, and compares the end with a run that was left alone.

    python bench/kill_resume.py [--output_dir runs/kill_resume] [--kills 20] [--recipes sft filter grpo write_schemas evaluate]

A folder is killed at moments drawn over the length of an undisturbed run, again and again, until it ends before its next kill;
then it is compared, and another folder takes the kills that are left. Exit code 1 where any end differs.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
from tqdm import tqdm

from mcr.report.markdown import table
from mcr.systems.datasets import SANDBOX_BASE

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = 16


@dataclass(frozen=True, slots=True)
class Case:
    """What is killed: its command for an output folder, and what has to be equal at the end."""

    command: Callable[[Path], list[object]]
    result: Callable[[Path], object]


def run(command: list[object], log: Path) -> None:
    """Run a command to its end, its output in a log.

    Raises:
        SystemExit: it failed.
    """
    with log.open("a", encoding="utf-8") as file:
        code = subprocess.run(list(map(str, command)), stdout=file, stderr=file, env=environment(), check=False).returncode
    if code:
        sys.exit(f"error: {command} ended with {code}, see {log}")


def environment() -> dict[str, str]:
    """Return the environment of every run: one thread, no network."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}


def recipe(name: str, *flags: object) -> list[object]:
    """Return the command of a recipe with its sandbox config."""
    return [
        sys.executable,
        ROOT / "recipes" / f"{name}.py",
        "--config",
        ROOT / "recipes/configs/mcr" / f"sandbox_{name}.yaml",
        *flags,
    ]


def prepare(out: Path) -> None:
    """Write a small world, its schemas and a model that has seen a little of MRSI."""
    log, data = out / "prepare.log", out / "data"
    if (out / "mrsi/model").is_dir():
        return
    module = [sys.executable, "-m"]
    run([*module, "data_prep.make_sandbox", "--output_dir", data, "--train", 80, "--dev", 4, "--test", 24], log)
    run([*write_schemas(out, out / "schemas"), "--d2_share", PROMPTS / 80], log)
    run(recipe("sft", *sft_flags(out, out / "mrsi")), log)


def write_schemas(out: Path, target: Path, samples: str = "data/train.jsonl") -> list[object]:
    """Return the command of write_schemas."""
    flags = ["--samples", out / samples, "--output_dir", target, "--family", "qwen3_vl", "--styles", "steps_image_first,brief"]
    return [sys.executable, "-m", "data_prep.write_schemas", *flags, "--answer_formats", "rows", "--detail", "brief"]


def sft_flags(out: Path, target: Path) -> list[object]:
    """Return the flags of a short MRSI."""
    flags = ["--model_name_or_path", SANDBOX_BASE, "--train_set", out / "schemas/d1.parquet", "--image_root", out / "data"]
    flags += ["--output_dir", target, "--max_steps", 24, "--save_steps", 3, "--logging_steps", 1, "--warmup_steps", 1]
    return [*flags, "--held_out", out / "data/dev.jsonl", "--held_out_tokens", 12, "--grbp_beta", 0.03]


def cases(out: Path) -> dict[str, Case]:
    """Return what is killed."""
    model = ["--model_name_or_path", out / "mrsi/model", "--image_root", out / "data"]
    d2 = ["--train_set", out / "schemas/d2.parquet"]
    grpo = [*model, *d2, "--per_device_train_batch_size", 8, "--num_generations", 4, "--max_completion_length", 24]
    grpo += ["--max_steps", 10, "--save_steps", 1, "--num_iterations", 2, "--collapse_patience", 99]
    sampling = [*model, *d2, "--num_generations", 4, "--batch_size", 4, "--max_new_tokens", 60]
    asking = [*model, "--gold", out / "data/test.jsonl", "--batch_size", 2, "--max_new_tokens", 60]
    many = "many.jsonl"
    return {
        "sft": Case(lambda to: recipe("sft", *sft_flags(out, to)), trained),
        "grpo": Case(lambda to: recipe("grpo", *grpo, "--output_dir", to), trained),
        "filter": Case(lambda to: recipe("filter", *sampling, "--output_dir", to), filtered),
        "evaluate": Case(lambda to: recipe("evaluate", *asking, "--output_dir", to), evaluated),
        "write_schemas": Case(lambda to: write_schemas(out, to, many), written),
    }


def trained(folder: Path) -> object:
    """Return the saved weights, byte by byte."""
    return (folder / "model/model.safetensors").read_bytes()


def filtered(folder: Path) -> object:
    """Return the statistics of every prompt and the prompts kept."""
    rows = sorted((folder / "statistics.jsonl").read_text(encoding="utf-8").splitlines())
    return rows, pq.read_table(folder / "kept.parquet").to_pylist()


def evaluated(folder: Path) -> object:
    """Return predictions and metrics."""
    rows = [line for line in (folder / "predictions-000.jsonl").read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    return sorted(rows), (folder / "metrics.json").read_text(encoding="utf-8")


def written(folder: Path) -> object:
    """Return the rows of both training sets."""
    return [pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("d1", "d2")]


def kill_or_end(command: list[object], log: Path, delay: float) -> bool:
    """Start a command and kill it, children and all, after a delay; return whether it was killed before its end."""
    with log.open("a", encoding="utf-8") as file:
        process = subprocess.Popen(list(map(str, command)), stdout=file, stderr=file, env=environment(), start_new_session=True)
        try:
            code = process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    if code:
        sys.exit(f"error: {command} ended with {code}, see {log}")
    return False


def survive(name: str, case: Case, out: Path, kills: int, rng: Random) -> list[object]:
    """Kill one recipe so many times; return its row of the table."""
    whole, log = out / name / "whole", out / name / "log.txt"
    shutil.rmtree(out / name, ignore_errors=True)
    (out / name).mkdir(parents=True)
    start = time.monotonic()
    run(case.command(whole), log)
    seconds = time.monotonic() - start
    expected, num_killed, num_equal, folder = case.result(whole), 0, 0, 0
    with tqdm(total=kills, desc=f"killing {name}", unit="kill") as bar:
        while num_killed < kills:
            target = out / name / f"killed-{folder:02d}"
            while num_killed < kills and kill_or_end(case.command(target), log, rng.uniform(0.1, 1.0) * seconds):
                num_killed += 1
                bar.update()
            run(case.command(target), log)
            num_equal += case.result(target) == expected
            folder += 1
    resumed = log.read_text(encoding="utf-8").count("resuming from")
    return [name, num_killed, folder, num_equal, resumed, f"{seconds:.1f}"]


def main() -> None:
    """Kill every recipe, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/kill_resume"))
    parser.add_argument("--kills", type=int, default=20, help="of each recipe")
    parser.add_argument("--recipes", nargs="+", default=["sft", "filter", "grpo", "write_schemas", "evaluate"])
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    out = args.output_dir.resolve()
    out.mkdir(parents=True, exist_ok=True)
    prepare(out)
    many = (out / "data/train.jsonl").read_text(encoding="utf-8").splitlines()
    with (out / "many.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(line.replace('"id": "', f'"id": "{copy}-', 1) + "\n" for copy in range(300) for line in many)
    found = cases(out)
    rows = [survive(name, found[name], out, args.kills, Random(f"{args.seed}/{name}")) for name in args.recipes]
    print(table(("recipe", "kills", "runs", "runs that end the same", "times it told where it resumes", "seconds alone"), rows))
    if any(row[2] != row[3] for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
