"""One process of a GRPO run with a reward that has spread for any model; started by test_distributed.py."""

import os
import sys
from pathlib import Path
from random import Random

from mcr.errors import run_command
from mcr.models.load import load_model, load_processor
from mcr.training.callbacks.curves import MetricsFile
from mcr.training.data import load_training_set
from mcr.training.grpo import CvoTrainer


def count_letters(completions, **_):
    return [float(sum(map(ord, completion[0]["content"])) % 17) for completion in completions]


class KnownCompletions(CvoTrainer):
    """Draws completions that follow from the prompt and the place in its group, whichever process draws them."""

    def _generate_single_turn(self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images=False):
        tokens = [self.processing_class.tokenizer(word)["input_ids"][0] for word in ("Ann", "at", "a", "game", "in", "Rome")]
        draws = [Random(f"{ids}/{place % num_generations}") for place, ids in enumerate(prompt_ids)]
        return [[draw.choice(tokens) for _ in range(draw.randint(2, 9))] for draw in draws], None


def main(sandbox, out, shared_prefix, deepspeed, beta):
    from trl import GRPOConfig

    path = str(sandbox / "start")
    config = GRPOConfig(
        output_dir=str(out),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        per_device_train_batch_size=8 // int(os.environ["WORLD_SIZE"]),
        num_generations=4,
        max_completion_length=10,
        temperature=4.0,  # the base model is sure of what it writes
        logging_steps=1,
        save_strategy="no",
        max_steps=1,
        learning_rate=1e-4,
        beta=beta,
        deepspeed=deepspeed or None,
    )
    trainer = (KnownCompletions if os.environ.get("KNOWN_COMPLETIONS") else CvoTrainer)(
        model=load_model(path),
        reward_funcs=[count_letters],
        args=config,
        train_dataset=load_training_set(sandbox / "schemas/d2.parquet", sandbox / "data", needs_completion=False),
        processing_class=load_processor(path),
        callbacks=[MetricsFile(out / "metrics.jsonl")],
        shared_prefix=shared_prefix,
    )
    assert trainer.accelerator.num_processes == int(os.environ["WORLD_SIZE"])
    trainer.train()
    trainer.save_model(str(out / "model"))


if __name__ == "__main__":
    run_command(lambda: main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4], float(sys.argv[5])))
