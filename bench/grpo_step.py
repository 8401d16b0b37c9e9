"""A whole step of GRPO, generation included: TRL's path and the shared prefix interleaved, on a model and prompts of the demo.

    OMP_NUM_THREADS=1 python bench/grpo_step.py --run runs/sandbox [--groups 4] [--repeats 5]

Needs a demo's folder (`make demo`). The seed is set before each step, so both sample the same completions. Prints the median
seconds of sampling and of the update, the whole, and the median of the ratios of neighbours with their range.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from mcr.families import family_of
from mcr.models.load import load_model, load_processor
from mcr.report.markdown import table
from rewards.for_trl import weighted_rewards

if TYPE_CHECKING:
    from mcr.training.grpo import CvoTrainer

GROUP = 8


def make_trainer(run: Path, out: str, shared_prefix: str, groups: int) -> "CvoTrainer":
    """Return a trainer with the demo's settings."""
    from mcr.training.data import load_training_set
    from mcr.training.grpo import CvoTrainer
    from mcr.training.grpo_checks import forbid_vision_tokens
    from mcr.training.trainer_configs import CvoConfig

    path = str(run / "mrsi" / "model")
    processor, model = load_processor(path), load_model(path)
    config = CvoConfig(
        output_dir=out,
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        per_device_train_batch_size=groups * GROUP,
        num_generations=GROUP,
        max_completion_length=200,
        max_steps=1,
    )
    forbid_vision_tokens(config, processor, family_of(model.config.model_type), model.config)
    rewards = weighted_rewards()
    config.reward_weights = rewards.weights
    prompts = load_training_set(run / "schemas" / "d2.parquet", run / "data", needs_completion=False)
    trainer = CvoTrainer(
        model=model,
        reward_funcs=rewards.functions,
        scorer=rewards.scorer,
        args=config,
        train_dataset=prompts,
        processing_class=processor,
        shared_prefix=shared_prefix,
    )
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def run_step(trainer: "CvoTrainer", batch: Any, seed: int) -> tuple[float, float]:
    """Sample, score and update once; return (seconds until the loss, seconds of the loss and its gradient)."""
    torch.manual_seed(seed)
    trainer.model.train()
    start = time.perf_counter()
    inputs = trainer._generate_and_score_completions(batch)
    sampled = time.perf_counter()
    trainer._compute_loss(trainer.model, inputs).backward()
    trainer.model.zero_grad(set_to_none=True)
    return sampled - start, time.perf_counter() - sampled


def main() -> None:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/sandbox"))
    parser.add_argument("--groups", type=int, default=4, help="of eight completions, a step")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    seconds: dict[str, list[tuple[float, float]]] = {"off": [], "on": []}
    with tempfile.TemporaryDirectory() as out:
        trainers = {name: make_trainer(args.run, out, name, args.groups) for name in seconds}
        batch = next(iter(trainers["on"].get_train_dataloader()))
        for trainer in trainers.values():
            run_step(trainer, batch, 0)  # the first one checks the paths against each other
        for seed in tqdm(range(args.repeats), desc="steps", disable=None):
            for name, trainer in trainers.items():
                seconds[name].append(run_step(trainer, batch, seed))
    rows = []
    for part, pick in (("sampling, old and reference pass", 0), ("policy pass and gradient", 1), ("whole step", None)):
        times = {name: [sum(pair) if pick is None else pair[pick] for pair in pairs] for name, pairs in seconds.items()}
        ratios = [plain / shared for plain, shared in zip(times["off"], times["on"], strict=True)]
        medians = [f"{statistics.median(values):.2f}" for values in times.values()]
        rows.append([part, *medians, f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"])
    print(table(("part", "TRL s", "shared s", "ratio (range)"), rows))


if __name__ == "__main__":
    main()
