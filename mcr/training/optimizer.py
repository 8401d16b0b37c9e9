"""The optimiser of small models trained from scratch: Muon for matrices, AdamW for the rest."""

from typing import Any

import torch


class MuonWithAdamW(torch.optim.Optimizer):
    """torch.optim.Muon on the hidden matrices and AdamW on embeddings, norms and biases, as one optimiser.

    One object, so that TRL's trainers, their schedulers and their checkpoints treat it as any other. The learning rate of
    the matrices is `matrix_lr_ratio` times the one of the rest (docs/log.md has what was tried).
    """

    def __init__(self, named_parameters: Any, lr: float, *, matrix_lr_ratio: float = 10.0, weight_decay: float = 0.01) -> None:
        matrices, rest = [], []
        for name, parameter in named_parameters:
            if parameter.requires_grad:
                (matrices if parameter.ndim == 2 and "embed" not in name else rest).append(parameter)
        groups = [
            {"params": matrices, "lr": lr * matrix_lr_ratio, "is_matrix": True},
            {"params": rest, "lr": lr, "is_matrix": False},
        ]
        super().__init__([group for group in groups if group["params"]], {"lr": lr})
        self.inner = []
        for group in self.param_groups:
            if group["is_matrix"]:
                inner = torch.optim.Muon(group["params"], lr=group["lr"], momentum=0.95, weight_decay=weight_decay)
            else:
                inner = torch.optim.AdamW(group["params"], lr=group["lr"], betas=(0.9, 0.98), weight_decay=0.0)
            self.inner.append(inner)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] torch's own return None, too
        """Take one step with each optimiser, at the learning rates that the scheduler has set on this one."""
        for group, inner in zip(self.param_groups, self.inner, strict=True):
            inner.param_groups[0]["lr"] = group["lr"]
            inner.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters."""
        for inner in self.inner:
            inner.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of both, for checkpoints."""
        return {"outer": super().state_dict(), "inner": [inner.state_dict() for inner in self.inner]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up both states again."""
        super().load_state_dict(state_dict["outer"])
        for inner, state in zip(self.inner, state_dict["inner"], strict=True):
            inner.load_state_dict(state)
