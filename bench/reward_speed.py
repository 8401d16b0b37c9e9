"""How fast the rewards are: completions a second on one core by entities and answer format, where the time goes, the import.

    OMP_NUM_THREADS=1 python bench/reward_speed.py [--repeats 15] [--memory]

Every completion is a different one, with a hundred words of reasoning before the answer; three in ten entities are spelled
wrong. Formats and sizes are interleaved; printed is the median over the repeats. --memory scores a million completions and
prints the peak memory.
"""

import argparse
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from tqdm import tqdm

from mcr.formats import parse_completion
from mcr.formats.answers import ANSWER_FORMATS, write_answer
from mcr.metrics.matching import assign_spans
from mcr.records import Entity
from rewards import score_completion
from rewards.parts import grounding_score

SIZES = (1, 3, 6, 20)
BATCH = 300
SYLLABLES = ("ta", "lor", "swi", "york", "ma", "drid", "lee", "park", "ro", "ver", "san", "kel", "bo", "ne", "rou", "ges")
REASONING = "The text names several entities and the image shows some of them. " * 9
Case = tuple[str, list[Entity]]


def random_gold(rng: random.Random, size: int) -> list[Entity]:
    """Return gold of two-word names, two in five of them grounded."""
    entities = []
    for _ in range(size):
        name = " ".join("".join(rng.choices(SYLLABLES, k=2)).title() for _ in range(2))
        x, y = rng.randint(0, 400), rng.randint(0, 400)
        box = (x, y, x + rng.randint(20, 200), y + rng.randint(20, 200))
        entities.append(Entity(name, rng.choice(("PER", "LOC", "ORG", "OTHER")), (box,) if rng.random() < 0.4 else None))
    return entities


def make_cases(rng: random.Random, size: int, answer_format: str) -> list[Case]:
    """Return BATCH completions with their gold."""
    cases = []
    for _ in range(BATCH):
        gold = random_gold(rng, size)
        pred = [entity if rng.random() < 0.7 else Entity(entity.text.split()[0], "PER", None) for entity in gold]
        cases.append((f"<think>\n{REASONING}\n</think>\n<answer>\n{write_answer(pred, answer_format)}\n</answer>", gold))
    return cases


def time_each(run: Callable[[str, list[Entity]], object], cases: list[Case]) -> float:
    """Return CPU seconds a case."""
    start = time.process_time()
    for text, gold in cases:
        run(text, gold)
    return (time.process_time() - start) / len(cases)


def match_alone(parsed: list[Entity], gold: list[Entity]) -> object:
    """Run the assignment by itself."""
    return assign_spans(parsed, gold, lambda p, g: grounding_score(p, g, 0.5))


def measure(repeats: int, seed: int) -> dict[tuple[int, str], tuple[float, float, float]]:
    """Return the median seconds a completion of (all, parsing, matching) for each size and format."""
    rng = random.Random(seed)
    cases = {(size, name): make_cases(rng, size, name) for size in SIZES for name in ANSWER_FORMATS}
    seen: dict[tuple[int, str], list[tuple[float, float, float]]] = {key: [] for key in cases}
    for _ in tqdm(range(repeats), desc="rewards", disable=None):
        for key, batch in cases.items():
            parsed = [(parse_completion(text).entities, gold) for text, gold in batch]
            whole = time_each(score_completion, batch)
            parsing = time_each(lambda text, gold: parse_completion(text), batch)
            seen[key].append((whole, parsing, time_each(match_alone, parsed)))
    return {key: tuple(map(statistics.median, zip(*rows, strict=True))) for key, rows in seen.items()}


def import_seconds(repeats: int = 7) -> tuple[float, list[str]]:
    """Return the median time that `import rewards` takes in a fresh process, and the heavy packages that it brings."""
    code = (
        "import sys, time; start = time.perf_counter(); import rewards; spent = time.perf_counter() - start;"
        "print(spent, *[n for n in ('torch', 'transformers', 'trl', 'numpy', 'scipy') if n in sys.modules])"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(repeats)]
    words = [run.stdout.split() for run in runs]
    return statistics.median(float(row[0]) for row in words), words[0][1:]


def peak_memory(num: int) -> list[tuple[int, float]]:
    """Score `num` different completions; return (how many, peak memory in MB) after each quarter."""
    rng, rows = random.Random(1), []
    for done in tqdm(range(1, num + 1), desc="memory", disable=None):
        gold = random_gold(rng, 3)
        score_completion(write_answer(gold, "rows"), gold)
        if done % (num // 4) == 0:
            rows.append((done, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    return rows


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", action="store_true", help="also score a million completions and print the peak memory")
    args = parser.parse_args()
    print("| entities | format | completions a second | us each | parsing | matching | the rest |\n|---|---|---|---|---|---|---|")
    for (size, name), (whole, parsing, matching) in measure(args.repeats, args.seed).items():
        shares = [parsing / whole, matching / whole, 1 - (parsing + matching) / whole]
        cells = [size, name, f"{1 / whole:,.0f}", f"{1e6 * whole:.0f}", *(f"{share:.0%}" for share in shares)]
        print("| " + " | ".join(map(str, cells)) + " |")
    spent, heavy = import_seconds()
    print(f"\nimport rewards: {1000 * spent:.0f} ms; heavy packages it brings: {', '.join(heavy) or 'none'}")
    for num, megabytes in peak_memory(1_000_000) if args.memory else ():
        print(f"after {num:,} completions: peak {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
