"""Greedy decoding within the grammar, and passes with dropout over what was written (UnCo Eqs. 4-7)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import torch

from mcr.pointer.entropies import MC_DROPOUT, EntitySteps, entity_uncertainties, predictive_entropy, raw_doubt
from mcr.pointer.seq2seq import Memory, PointerModel
from mcr.pointer.sequences import END, START
from mcr.pointer.temperature import Temperatures, scaled
from mcr.uncertainties import PartUncertainties


@dataclass(frozen=True, slots=True)
class Estimate:
    """How uncertainty is estimated.

    Attributes:
        kind: MC_DROPOUT, CONFIDENCE, or TEMPERATURE: confidence at the temperatures.
        num_passes: T, of Monte Carlo dropout (UnCo B.1: 10).
        span: "mean" or "sum" over a span's words.
        seed: of the dropout masks, which each sample draws for itself, whatever batch it is in.
        temperatures: of `fit_temperatures`; 1 but for TEMPERATURE.
    """

    kind: str = "mc_dropout"
    num_passes: int = 10
    span: str = "mean"
    seed: int = 0
    temperatures: Temperatures = field(default_factory=Temperatures)


@dataclass(frozen=True, slots=True)
class WrittenEntity:
    """An entity that the model wrote.

    Attributes:
        start: of its words.
        end: of its words, exclusive.
        type: its label.
        region: the number of its region, 0 for the best proposal; None: it is not in the image.
        uncertainties: of its parts.
    """

    start: int
    end: int
    type: str
    region: int | None
    uncertainties: PartUncertainties


@torch.no_grad()
def write_greedily(model: PointerModel, memory: Memory) -> list[list[int]]:
    """Return the sequence of each sample, from START to END; each step takes the most likely token that the grammar allows.

    What the decoder has no position for is left out.
    """
    num_words, limit = memory.word_mask.sum(dim=1).tolist(), int(model.bart.config.max_position_embeddings)
    written = [[START] for _ in num_words]
    while any(row[-1] != END for row in written) and max(map(len, written)) < limit:
        longest = max(map(len, written))
        read = torch.tensor([row + [END] * (longest - len(row)) for row in written], device=memory.states.device)
        tokens, _ = model.decode(memory, read)
        for number, row in enumerate(written):
            if row[-1] != END:
                allowed = model.grammar.follow(row, int(num_words[number]))
                scores = tokens[number, len(row) - 1, allowed]
                row.append(allowed[int(scores.argmax())])
    return written


@torch.no_grad()
def estimate_passes(
    model: PointerModel, memory: Memory, written: torch.Tensor, estimate: Estimate, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the probabilities of tokens [T, B, L, C] and of regions [T, B, L, K+1] of passes over what was written.

    Only the decoder drops units, and the encoder does not run again (UnCo 2.2). Raw confidence takes one pass without dropout.

    Args:
        model: not in training.
        memory: of `PointerModel.encode`.
        written: long [B, L].
        estimate: of uncertainty.
        seed: of the dropout masks.
    """
    if estimate.kind != MC_DROPOUT:
        tokens, regions = model.decode(memory, written)
        at = estimate.temperatures
        return scaled(tokens, at.token).exp()[None], scaled(regions, at.region).exp()[None]
    with torch.random.fork_rng(), dropping(model.bart.decoder):
        torch.manual_seed(seed)
        passes = [model.decode(memory, written) for _ in range(estimate.num_passes)]
    return torch.stack([tokens.exp() for tokens, _ in passes]), torch.stack([regions.exp() for _, regions in passes])


@contextmanager
def dropping(module: Any) -> Iterator[None]:
    """Let a module and what it holds drop units, as in training; afterwards each is as before."""
    before = [(one, one.training) for one in module.modules()]
    module.train()
    try:
        yield
    finally:
        for one, was_training in before:
            one.training = was_training


@torch.no_grad()
def write_entities(
    model: PointerModel, inputs: dict[str, torch.Tensor], estimate: Estimate, ids: Sequence[str]
) -> list[list[WrittenEntity]]:
    """Return the entities of each sample with their uncertainties.

    Args:
        model: not in training.
        inputs: of `PointerModel.encode`.
        estimate: of uncertainty.
        ids: of the samples.
    """
    memory = model.encode(**inputs)
    found = []
    for number, row in enumerate(write_greedily(model, memory)):
        alone, read = memory.alone(number), torch.tensor([row], device=memory.states.device)
        _, regions = model.decode(alone, read)
        seed = Random(f"dropout/{estimate.seed}/{ids[number]}").getrandbits(63)
        tokens, places = (part[0].tolist() for part in _doubts(model, alone, read, regions, estimate, seed))
        best, choices = regions[0].argmax(dim=-1).tolist(), _choices(model, alone)
        entities = []
        for start, end, label, steps in model.grammar.read(row):
            values = entity_uncertainties(tokens, places, steps, span=estimate.span)
            counted = choices if estimate.kind == MC_DROPOUT else {}
            entities.append(WrittenEntity(start, end, label, _region(best, steps), PartUncertainties(values, counted)))
        found.append(entities)
    return found


def _doubts(
    model: PointerModel, memory: Memory, read: torch.Tensor, regions: torch.Tensor, estimate: Estimate, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the uncertainty of each step's token and region, [B, L]; step i writes token i + 1."""
    token_passes, region_passes = estimate_passes(model, memory, read, estimate, seed)
    if estimate.kind != MC_DROPOUT:
        chosen = torch.cat([read[:, 1:], torch.full_like(read[:, :1], END)], dim=1)
        return raw_doubt(token_passes, chosen), raw_doubt(region_passes, regions.argmax(dim=-1))
    return predictive_entropy(token_passes), predictive_entropy(region_passes)


def _choices(model: PointerModel, memory: Memory) -> dict[str, int]:
    """Return among how many the tokens and regions of one sample are chosen."""
    tokens = model.grammar.num_special + memory.word_mask.shape[1]
    return {"span": tokens, "type": tokens, "region": memory.region_mask.shape[1]}


def _region(best: list[int], steps: EntitySteps) -> int | None:
    """Return the chosen region; the whole image, which comes first, means "not in the image"."""
    return best[steps.type] - 1 if best[steps.type] else None
