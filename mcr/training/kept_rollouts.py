"""Rollouts that several steps train on are part of a checkpoint: else a resumed run would sample others in their place."""

from pathlib import Path
from typing import Any

import torch

from mcr.training.checkpoint import SafeCheckpoints
from mcr.training.resume import read_marker


class KeptRollouts(SafeCheckpoints):
    """Mixin in front of GRPOTrainer: saves and restores the buffered rollouts of each process and the count of micro-steps."""

    def save_state_of_process(self, folder: Path) -> None:
        """Write the rollouts that the next steps still train on."""
        if self._step % (self.args.steps_per_generation * self.num_iterations):
            torch.save(self._buffered_inputs, self._rollouts_path(folder))

    def describe_state(self) -> dict[str, Any]:
        """Add the micro-steps done and the step whose weights vLLM holds; a new engine is given the resumed weights first."""
        held_by_vllm = {"vllm_weights_step": self._last_loaded_step} if self.use_vllm else {}
        return {**super().describe_state(), "micro_step": self._step, **held_by_vllm}

    def train(self, resume_from_checkpoint: str | None = None, **settings: Any) -> Any:
        """Train, from a checkpoint with its rollouts where it was written by as many processes."""
        marker = read_marker(Path(resume_from_checkpoint)) if resume_from_checkpoint else None
        if marker is not None:
            self._step = marker["micro_step"]
            path = self._rollouts_path(Path(resume_from_checkpoint))
            if path.is_file() and marker["num_processes"] == self.accelerator.num_processes:
                self._buffered_inputs = torch.load(path, map_location=self.accelerator.device, weights_only=True)
        return super().train(resume_from_checkpoint=resume_from_checkpoint, **settings)

    def _rollouts_path(self, folder: Path) -> Path:
        return folder / f"rollouts-{self.accelerator.process_index:03d}.pt"
