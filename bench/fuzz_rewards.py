"""Fuzz the rewards: mutated completions must never raise, never score outside [0, 1], never be slow except by their size.

    python bench/fuzz_rewards.py [--num 200000] [--seed 0]

Prints how many completions of each kind were scored, their mean score, the slowest one's CPU time, and for the big ones how
time grows with length. Exit code 1 at the first fault, which is printed.
"""

import argparse
import math
import random
import sys
import time
from dataclasses import dataclass, field

from fuzz_texts import BIG, completions
from tqdm import tqdm

from mcr.records import Entity
from rewards import RewardBreakdown, RewardOptions, score_completion
from rewards.options import CHOICES

SLOW_S = 0.05
BIG_CHARS = 20_000
MAX_GROWTH = 16  # in time, for four times the length: the square
OPTIONS = [
    RewardOptions(normalization=normalization, count=count, two_nones=two_nones, formats=formats, empty_boxes=empty_boxes)
    for normalization in CHOICES["normalization"]
    for count in CHOICES["count"]
    for two_nones in CHOICES["two_nones"]
    for empty_boxes in CHOICES["empty_boxes"]
    for formats in ("all", "all", "taught")
]
OPENED = ("", "", "", "<think>", "[THINK]", "<answer>")


@dataclass(slots=True)
class Tally:
    """What was seen of one kind."""

    num: int = 0
    scores: float = 0.0
    slowest_s: float = 0.0
    slowest: str = field(default="", repr=False)


def find_fault(score: RewardBreakdown, gold: list[Entity]) -> str:
    """Return what is wrong with a score, or nothing."""
    values = list(score.with_total().values())
    if not all(math.isfinite(value) and 0 <= value <= 1 for value in values):
        return f"a score outside [0, 1]: {values}"
    if len({row for row, _, _ in score.matches}) < len(score.matches) or len(score.matches) > len(gold):
        return f"matches are not one-to-one: {score.matches}"
    return ""


def fuzz(num: int, seed: int, slow_s: float = SLOW_S) -> dict[str, Tally]:
    """Score that many mutated completions; raise AssertionError with the completion at the first fault.

    A completion below BIG_CHARS that takes more than `slow_s` seconds of CPU time is a fault.
    """
    rng, tallies = random.Random(seed), {}
    for kind, text, gold in tqdm(completions(rng, num), total=num, desc="fuzz", disable=None):
        start = time.thread_time()
        try:
            score = score_completion(
                text,
                gold,
                options=OPTIONS[len(text) % len(OPTIONS)],
                sentence="" if len(text) % 2 else " ".join(entity.text for entity in gold),
                opened=OPENED[len(text) % len(OPENED)],
                is_complete=len(text) % 5 > 0,
            )
        except Exception as error:
            raise AssertionError(f"{kind}: {text!r} raised {error!r}") from error
        spent = time.thread_time() - start
        fault = find_fault(score, gold)
        if not fault and spent > slow_s and len(text) < BIG_CHARS:
            fault = f"took {spent:.3f} s"
        if fault:
            raise AssertionError(f"{kind}: {text!r}: {fault}")
        tally = tallies.setdefault(kind, Tally())
        tally.num, tally.scores = tally.num + 1, tally.scores + score.total
        if spent > tally.slowest_s:
            tally.slowest_s, tally.slowest = spent, text
    return tallies


def time_big(size: int) -> list[tuple[str, float, float]]:
    """Return (kind, CPU seconds at size/4, CPU seconds at size) for completions that are big on purpose."""
    gold = [Entity("Ann", "PER"), Entity("Ann Lee", "PER", ((1, 2, 3, 4),)), Entity("Lee Ann", "LOC")]
    rows = []
    for kind, make in tqdm(BIG.items(), desc="big", disable=None):
        spent = []
        for length in (size // 4, size):
            text = f"<answer>\n{make(length)}\n</answer>" if "tag" not in kind and "behind" not in kind else make(length)
            start = time.thread_time()
            score = score_completion(text, gold)
            spent.append(time.thread_time() - start)
            fault = find_fault(score, gold)
            if fault:
                raise AssertionError(f"{kind} of {length}: {fault}")
        rows.append((kind, *spent))
    return rows


def main() -> None:
    """Fuzz, print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=200_000, help="mutated completions")
    parser.add_argument("--big", type=int, default=1_000_000, help="characters of the big completions")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    try:
        tallies = fuzz(args.num, args.seed)
        big = time_big(args.big)
    except AssertionError as fault:
        sys.exit(f"fault: {fault}")
    print(f"{'kind':<18}{'completions':>12}{'mean score':>12}{'slowest ms':>12}")
    for kind, tally in sorted(tallies.items()):
        print(f"{kind:<18}{tally.num:>12}{tally.scores / tally.num:>12.3f}{1000 * tally.slowest_s:>12.2f}")
    print(f"all: {sum(tally.num for tally in tallies.values())} scored, none raised, none outside [0, 1]\n")
    print(f"{'big completion':<26}{'chars':>12}{'ms at 1/4':>12}{'ms':>12}{'ratio':>8}")
    for kind, quarter, whole in big:
        print(f"{kind:<26}{args.big:>12}{1000 * quarter:>12.1f}{1000 * whole:>12.1f}{whole / max(quarter, 1e-9):>8.1f}")
    slow = [kind for kind, quarter, whole in big if whole > MAX_GROWTH * quarter + SLOW_S]
    if slow:
        sys.exit(f"fault: time grows faster than length: {', '.join(slow)}")


if __name__ == "__main__":
    main()
