"""How unsure a tagger is of an entity's span and type: by passes with dropout (UnCo Eqs. 4-7), or by raw confidence.

Not in RiVEG: UnCo's second stage takes predictions of any system that says how unsure it is. The chances are the CRF's marginals.
B texts, K words, T passes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

import torch

from mcr.tagging.bio import OUTSIDE, spans_of
from mcr.tagging.tagger import Tagger
from mcr.tagging.texts import TaggedText
from mcr.uncertainties import PartUncertainties

NONE, MC_DROPOUT, CONFIDENCE = "none", "mc_dropout", "confidence"
ESTIMATES = (NONE, MC_DROPOUT, CONFIDENCE)
BOUNDARIES = 3  # a word is outside, begins an entity, or is inside one


def marginals(tagger: Tagger, emissions: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the chance of each tag of each word under the CRF, float [B, K, tags].

    The gradient of a path's log-likelihood with respect to the emissions is 1 for its own tags, less the marginals.
    """
    with torch.enable_grad():
        leaf = emissions.detach().float().requires_grad_()
        path = torch.zeros(mask.shape, dtype=torch.long, device=mask.device)
        likelihood = tagger.crf(leaf, path, mask=mask, reduction="sum")
        (gradient,) = torch.autograd.grad(likelihood, leaf)
    own = torch.nn.functional.one_hot(path, emissions.shape[2]) * mask[..., None]
    return own - gradient


@contextmanager
def dropping(tagger: Tagger) -> Iterator[None]:
    """Let the layers of dropout drop units, as in training; afterwards each is as before."""
    layers = [one for one in tagger.modules() if isinstance(one, torch.nn.Dropout)]
    before = [one.training for one in layers]
    for one in layers:
        one.train()
    try:
        yield
    finally:
        for one, was_training in zip(layers, before, strict=True):
            one.train(was_training)


@torch.no_grad()
def marginals_of(tagger: Tagger, texts: Sequence[TaggedText]) -> torch.Tensor:
    """Return the chances [B, K, tags] of the tags of texts."""
    batch, device = tagger.read(texts), tagger.emit.weight.device
    inputs = {key: value.to(device) for key, value in batch["inputs"].items()}
    mask = batch["mask"].to(device)
    return marginals(tagger, tagger(inputs, mask)["emissions"], mask)


def mean_marginals(tagger: Tagger, text: TaggedText, num_passes: int, seed: int) -> torch.Tensor:
    """Return the mean chances [K, tags] of a text over passes with dropout.

    A text draws its own masks, whatever else is tagged beside it. So a run that is resumed gives the same values.
    """
    with torch.random.fork_rng(), dropping(tagger):
        torch.manual_seed(Random(f"dropout/{seed}/{text.id}").getrandbits(63))
        return marginals_of(tagger, [text] * num_passes).mean(dim=0)


def uncertainties_of(
    tagger: Tagger,
    texts: Sequence[TaggedText],
    paths: Sequence[Sequence[str]],
    *,
    estimate: str,
    num_passes: int = 10,
    seed: int = 0,
) -> list[tuple[PartUncertainties, ...]]:
    """Return the uncertainties of the entities of tagged texts, in the order of `mcr.tagging.bio.spans_of`.

    Args:
        tagger: that tagged them, not in training.
        texts: that were tagged.
        paths: their tags.
        estimate: MC_DROPOUT or CONFIDENCE.
        num_passes: T, of MC_DROPOUT.
        seed: of the dropout masks.
    """
    if estimate == CONFIDENCE:
        chances = list(marginals_of(tagger, texts))
    else:
        chances = [mean_marginals(tagger, text, num_passes, seed) for text in texts]
    return [
        tuple(_entity_uncertainties(row[start:end], tagger.tags, label, estimate) for start, end, label in spans_of(path))
        for row, path in zip(chances, paths, strict=True)
    ]


def _entity_uncertainties(chances: torch.Tensor, tags: Sequence[str], label: str, estimate: str) -> PartUncertainties:
    """Return the uncertainties of one entity from the chances of its words' tags [words, tags]."""
    prefixes = torch.stack([_sum(chances, tags, prefix) for prefix in (OUTSIDE, "B", "I")], dim=1)
    labels = list(dict.fromkeys(tag[2:] for tag in tags if tag != OUTSIDE))
    types = torch.stack([_sum(chances, tags, "BI", one).sum() for one in labels])
    types = types / types.sum().clamp_min(1e-12)
    if estimate == CONFIDENCE:
        own = [1] + [2] * (len(chances) - 1)  # an entity begins with B and goes on with I
        span = 1 - prefixes[range(len(chances)), own].mean()
        return PartUncertainties({"span": max(0.0, float(span)), "type": max(0.0, 1 - float(types[labels.index(label)]))})
    values = {"span": torch.special.entr(prefixes.clamp(0, 1)).sum(dim=1).mean(), "type": torch.special.entr(types).sum()}
    return PartUncertainties({part: float(value) for part, value in values.items()}, {"span": BOUNDARIES, "type": len(labels)})


def _sum(chances: torch.Tensor, tags: Sequence[str], prefixes: str, label: str | None = None) -> torch.Tensor:
    """Return the chances, summed, of the tags with one of some prefixes and, where one is named, with a label; [words]."""
    wanted = [at for at, tag in enumerate(tags) if tag[0] in prefixes and (label is None or tag[2:] == label)]
    return chances[:, wanted].sum(dim=1)
