"""How much the two known weaknesses of a mean over matched pairs (MCR Eqs. 6-9) pay, by default and under stricter normalization.

    python bench/reward_gaming.py --gold samples.jsonl [--predictions predictions.jsonl] [--seed 0]

Honest predictions are those of the file; without one, gold with errors drawn by seed. Against them stand four ways of answering:
leave out the entity that earns least wherever that pays, answer with one entity only, pad a list that is shorter than gold with
repeats of its first entity (the first and the third know gold, so they bound what training could find), and write every entity
twice, as shown and as not shown.
"""

import argparse
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from mcr.io.predictions import join_gold, load_predictions
from mcr.io.samples import load_samples
from mcr.labels import TWITTER_GMNER
from mcr.records import Entity, Sample
from mcr.report.markdown import percent, table
from rewards import RewardOptions, score_entities
from rewards.options import CHOICES

Entities = Sequence[Entity]
Score = Callable[[Entities, Entities], float]


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """How often a simulated system errs, each a share of entities."""

    missed: float = 0.15
    invented: float = 0.10
    span: float = 0.10
    type: float = 0.10
    entailment: float = 0.20
    box: float = 0.30


def simulate(sample: Sample, rates: ErrorRates, rng: random.Random) -> list[Entity]:
    """Return gold with errors."""
    words, entities = sample.sentence.split(), []
    for entity in sample.entities:
        if rng.random() < rates.missed:
            continue
        text = entity.text.split()[0] if rng.random() < rates.span else entity.text
        label = rng.choice(TWITTER_GMNER.labels) if rng.random() < rates.type else entity.type
        entities.append(Entity(text, label, _simulate_boxes(entity, rates, rng)))
    if words and rng.random() < rates.invented:
        entities.append(Entity(rng.choice(words), rng.choice(TWITTER_GMNER.labels)))
    return entities


def _simulate_boxes(entity: Entity, rates: ErrorRates, rng: random.Random) -> tuple | None:
    if rng.random() < rates.entailment:
        return ((0.0, 0.0, 50.0, 50.0),) if entity.boxes is None else None
    if entity.boxes is None:
        return None
    x1, y1, x2, y2 = entity.boxes[0]
    shift = (x2 - x1) * (rng.uniform(0.3, 1.0) if rng.random() < rates.box else rng.uniform(0, 0.1))
    return ((x1 + shift, y1, x2 + shift, y2),)


def leave_out(pred: Entities, gold: Entities, score: Score) -> list[Entity]:
    """Drop one entity after the other as long as that pays."""
    best = list(pred)
    while len(best) > 1:
        shorter = max((best[:i] + best[i + 1 :] for i in range(len(best))), key=lambda few: score(few, gold))
        if score(shorter, gold) <= score(best, gold):
            break
        best = shorter
    return best


def one_only(pred: Entities, gold: Entities, score: Score) -> list[Entity]:
    """Answer with the first entity only."""
    return list(pred[:1])


def pad(pred: Entities, gold: Entities, score: Score) -> list[Entity]:
    """Fill a list that is shorter than gold with repeats."""
    return list(pred) + [pred[0]] * (len(gold) - len(pred)) if pred else []


def hedge(pred: Entities, gold: Entities, score: Score) -> list[Entity]:
    """Write every entity twice, as shown and as not shown."""
    place = ((0.0, 0.0, 50.0, 50.0),)
    return [Entity(e.text, e.type, boxes) for e in pred for boxes in (None, e.boxes or place)]


TRICKS = {
    "leave out what earns least": leave_out,
    "one entity only": one_only,
    "pad with repeats": pad,
    "each one twice, None and box": hedge,
}


def compare(pairs: Sequence[tuple[Entities, Entities]], normalization: str) -> list[list[str]]:
    """Return one row a way of answering: mean total, the gain over honest, the share of samples where it pays."""
    options = RewardOptions(normalization=normalization)

    def score(pred: Entities, gold: Entities) -> float:
        return score_entities(pred, gold, options=options).total

    honest = [score(pred, gold) for pred, gold in pairs]
    rows = [[normalization, "honest", percent(statistics.fmean(honest)), "", ""]]
    for name, trick in tqdm(TRICKS.items(), desc=normalization, disable=None):
        tricked = [score(trick(pred, gold, score), gold) for pred, gold in pairs]
        pays = statistics.fmean(t > h + 1e-12 for t, h in zip(tricked, honest, strict=True))
        gain = statistics.fmean(tricked) - statistics.fmean(honest)
        rows.append([normalization, name, percent(statistics.fmean(tricked)), f"{100 * gain:+.2f}", percent(pays)])
    return rows


def main() -> None:
    """Compare and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    samples = load_samples(args.gold)
    if args.predictions:
        rows, _ = join_gold(samples, load_predictions(args.predictions))
        pairs = [(row.predicted, row.gold) for row in rows]
    else:
        rng = random.Random(args.seed)
        pairs = [(simulate(sample, ErrorRates(), rng), sample.entities) for sample in samples]
    print(f"{len(pairs)} samples, totals in per cent\n")
    rows = [row for name in CHOICES["normalization"] for row in compare(pairs, name)]
    print(table(("normalization", "answers", "mean total", "gain", "samples where it pays"), rows))


if __name__ == "__main__":
    main()
