"""Rollouts that several steps train on are part of a checkpoint: else a resumed run would sample others in their place."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from mcr.training.checkpoints.checkpoint import SafeCheckpoints
from mcr.training.checkpoints.resume import read_marker

if TYPE_CHECKING:
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer as TrainerBehind
else:
    TrainerBehind = object  # a mixin: the trainer comes behind it in the class that uses it

CUT_BY = (
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "steps_per_generation",
    "num_iterations",
    "num_generations",
)


class RolloutCache(SafeCheckpoints, TrainerBehind):
    """Mixin in front of GRPOTrainer: saves and restores the buffered rollouts of each process and the count of micro-steps."""

    args: "GRPOConfig"

    def save_state_of_process(self, folder: Path) -> None:
        """Write the rollouts that the next steps still train on."""
        if self._step % (cast(int, self.args.steps_per_generation) * self.num_iterations):
            torch.save(self._buffered_inputs, self._rollouts_path(folder))

    def describe_state(self) -> dict[str, Any]:
        """Add the micro-steps done, how rollouts are cut up, and the step whose weights vLLM holds.

        A new engine is given the resumed weights before it samples.
        """
        held_by_vllm = {"vllm_weights_step": self._last_loaded_step} if self.use_vllm else {}
        return {**super().describe_state(), "micro_step": self._step, "rollouts": self._how_cut(), **held_by_vllm}

    def restore_state(self, checkpoint: Path) -> None:
        """Take up the rollouts, where they were written by as many processes and are cut up alike."""
        super().restore_state(checkpoint)
        marker = read_marker(checkpoint) or {}
        is_cut_alike = marker.get("rollouts", self._how_cut()) == self._how_cut()
        if not is_cut_alike or marker["num_processes"] != self.accelerator.num_processes:
            self._step = marker["step"] * self.args.gradient_accumulation_steps
            print(f"warning: {checkpoint} was written with other batch sizes or processes: rollouts are sampled anew", flush=True)
            return
        self._step = marker["micro_step"]
        path = self._rollouts_path(checkpoint)
        if path.is_file():
            self._buffered_inputs = torch.load(path, map_location=self.accelerator.device, weights_only=True)

    def _how_cut(self) -> dict[str, int]:
        return {name: getattr(self.args, name) for name in CUT_BY}

    def _rollouts_path(self, folder: Path) -> Path:
        return folder / f"rollouts-{self.accelerator.process_index:03d}.pt"
