"""Temperature scaling (Guo et al. 2017), a baseline of uncertainty that UnCo's paper has not.

One temperature for tokens and one for regions, those under which dev's gold is likeliest; they lie beside the model's weights.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from mcr.errors import ConfigError
from mcr.io.atomic_write import write_json
from mcr.pointer.losses import region_target
from mcr.pointer.seq2seq import IGNORED, PointerModel, SeenSample
from mcr.pointer.sequences import REGION

FILE = "temperature.json"
GRID = tuple(2 ** (step / 16) for step in range(-32, 65))  # a quarter to sixteen


@dataclass(frozen=True, slots=True)
class Temperatures:
    """What scores are divided by before they become probabilities; 1 changes nothing.

    Attributes:
        token: of tokens.
        region: of regions.
    """

    token: float = 1.0
    region: float = 1.0

    def save(self, folder: Path) -> None:
        """Write them into a model's folder."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "Temperatures":
        """Read the temperatures of a model.

        Raises:
            ConfigError: it has none.
        """
        if not (folder / FILE).is_file():
            raise ConfigError(f"pointer: {folder} holds no {FILE}. Train the model anew, or take another estimate.")
        return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))


def scaled(log_probabilities: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return log-probabilities [..., C] at a temperature."""
    return (log_probabilities / temperature).log_softmax(dim=-1)


def best_temperature(rows: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """Return the temperature of GRID under which what was wanted is likeliest.

    Args:
        rows: log-probabilities [N, C] and the wanted distributions [N, C], of any numbers of choices.

    >>> logits, wanted = torch.tensor([[2.0, 0.0]]).expand(4, 2), torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    >>> round(best_temperature([(logits.log_softmax(-1), wanted)]), 1)  # the first is right in 3 of 4: 2 / ln 3
    1.8
    """
    kept = [(scores, wanted) for scores, wanted in rows if len(scores)]
    losses = [sum(_loss(scaled(scores, one), wanted) for scores, wanted in kept) for one in GRID]
    return GRID[losses.index(min(losses))] if kept else 1.0


def _loss(log_probabilities: torch.Tensor, wanted: torch.Tensor) -> float:
    """Return the summed cross-entropy; what nobody wants may be impossible."""
    return -torch.where(wanted > 0, wanted * log_probabilities, wanted.new_zeros(())).sum().item()


@torch.no_grad()
def fit_temperatures(model: PointerModel, samples: Sequence[SeenSample], batch_size: int = 32) -> Temperatures:
    """Return the temperatures of a model by the gold sequences of held-out samples.

    Args:
        model: not in training.
        samples: with words.
        batch_size: samples at a time.
    """
    tokens, regions = [], []
    for start in range(0, len(samples), batch_size):
        batch = model.read(samples[start : start + batch_size])
        written, ious = batch.pop("written"), batch.pop("ious")
        batch.pop("spans")
        device = next(model.parameters()).device
        memory = model.encode(**{name: value.to(device) for name, value in batch.items()})
        read, wanted = written[:, :-1], written[:, 1:]
        of_tokens, of_regions = (one.cpu() for one in model.decode(memory, read.clamp_min(0).to(device)))
        is_known = wanted != IGNORED
        tokens.append((of_tokens[is_known], torch.nn.functional.one_hot(wanted[is_known], of_tokens.shape[2]).float()))
        scores, targets = of_regions[read == REGION], torch.zeros_like(of_regions[read == REGION])
        for row, one in zip(targets, (one for sample in ious for one in sample), strict=True):
            found = region_target(one, model.losses.min_iou).roll(1)  # the whole image comes first here
            row[: len(found)] = found
        regions.append((scores, targets))
    return Temperatures(best_temperature(tokens), best_temperature(regions))
