"""One batch with a gradient that is not a number must not spoil the weights; many of them must end the run."""

import math
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from transformers import TrainerCallback

from mcr.errors import McrError
from mcr.training.checkpoints.resume import resume_hint


class FiniteSteps(TrainerCallback):
    """Leaves out the steps whose gradient is not finite, counts and reports them, and stops the run after `patience` in a row.

    Under DeepSpeed the gradients are out of reach: there the first step with such a norm stops the run. With fp16 the loss
    scaler leaves such steps out by itself.
    """

    def __init__(self, out: Path, patience: int = 3) -> None:
        self.out, self.patience = out, patience
        self.num_in_a_row, self.num_left_out, self.is_reported = 0, 0, True

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Drop the gradients where they are not finite.

        Raises:
            McrError: `patience` steps in a row.
        """
        if args.fp16 or _is_finite_everywhere(model):
            self.num_in_a_row = 0
            return
        for parameter in model.parameters():
            parameter.grad = None
        self.num_in_a_row, self.num_left_out, self.is_reported = self.num_in_a_row + 1, self.num_left_out + 1, False
        if state.is_world_process_zero:
            print(f"warning: step {state.global_step + 1}: the gradient is not finite, the step is left out", flush=True)
        if self.num_in_a_row >= self.patience:
            raise self._collapse(state.global_step + 1, f"the gradients of {self.num_in_a_row} steps in a row are not finite")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Say how many steps were left out; stop where none was and yet a norm is not finite.

        Raises:
            McrError: the step was made.
        """
        if logs is None:
            return
        bad = [name for name in ("loss", "grad_norm") if not math.isfinite(float(logs.get(name) or 0.0))]
        if bad and self.is_reported and not args.fp16:
            raise self._collapse(state.global_step, f"{', '.join(bad)} not a finite number")
        self.is_reported = True
        if self.num_left_out:
            logs["steps_left_out"] = self.num_left_out

    def _collapse(self, step: int, reason: str) -> McrError:
        advice = "Lower the learning rate or max_grad_norm, or look at the samples of these steps."
        return McrError(f"the run broke at step {step}: {reason}. {advice} {resume_hint(self.out)}")


def _is_finite_everywhere(model: Any) -> bool:
    """Look at the gradients of this process, then of all."""
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    local = [gradient.to_local() if hasattr(gradient, "to_local") else gradient for gradient in gradients]
    # One kernel for all, as in torch's own clip_grad_norm_.
    norms = torch._foreach_norm(local) if local else [torch.zeros(())]  # pyright: ignore[reportPrivateImportUsage] no public name
    is_bad = (~torch.isfinite(torch.stack([norm.float() for norm in norms]))).any().float().reshape(1)
    if PartialState().num_processes > 1:
        is_bad = reduce(is_bad.to(PartialState().device), "sum")
    return not cast(torch.Tensor, is_bad).item()
