"""How long a report takes: evaluate.py on a sandbox's scenes with simulated errors, images embedded.

    OMP_NUM_THREADS=1 taskset -c 0 python bench/report_speed.py [--num 1500] [--keep DIR]

Prints the seconds of the whole command and the size of report.html. Errors are made by seed: names left out or made up, types,
places and spans changed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random

from data_prep import make_sandbox
from mcr.io.predictions import Prediction, write_prediction
from mcr.io.samples import load_samples
from mcr.records import Entity, Sample

EVALUATE = Path(__file__).resolve().parent.parent / "recipes" / "evaluate.py"


def spoil(entity: Entity, rng: Random) -> list[Entity]:
    """Return what a system might say in an entity's place."""
    kind = rng.randrange(12)
    if kind == 0:
        return []
    if kind == 1:
        return [replace(entity, type="OTHER")]
    if kind == 2:
        return [replace(entity, boxes=None if entity.boxes else ((5.0, 5.0, 60.0, 60.0),))]
    if kind == 3:
        return [replace(entity, text=entity.text + " Street"), entity]
    if kind == 4 and entity.boxes:
        x1, y1, x2, y2 = entity.boxes[0]
        return [replace(entity, boxes=((x1, y1, (x1 + x2) / 2, (y1 + y2) / 2),))]
    return [entity]


def simulate(samples: list[Sample], path: Path, seed: int) -> None:
    """Write predictions with errors."""
    rng = Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for sample in samples:
            entities = tuple(said for entity in sample.entities for said in spoil(entity, rng))
            completion = "<think>\nsimulated\n</think>\n<answer>\n" + "\n".join(map(str, entities)) + "\n</answer>"
            write_prediction(file, Prediction(sample.id, sample.sentence, entities, completion))


def main() -> None:
    """Make the scenes, time the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=1500)
    parser.add_argument("--keep", type=Path, help="folder for scenes, predictions and report; a temporary one without")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = args.keep or Path(temporary)
        make_sandbox.main(["--output_dir", str(out / "data"), "--train", "1", "--dev", "1", "--test", str(args.num)])
        gold = out / "data" / "test.jsonl"
        simulate(load_samples(gold), out / "predictions.jsonl", seed=0)
        simulate(load_samples(gold), out / "other.jsonl", seed=1)
        flags = ["--gold", gold, "--predictions", out / "predictions.jsonl", "--output_dir", out / "report"]
        flags += ["--image_root", out / "data"]
        start = time.perf_counter()
        subprocess.run([sys.executable, EVALUATE, *map(str, flags)], check=True)
        seconds = time.perf_counter() - start
        size = (out / "report" / "report.html").stat().st_size
        print(f"{args.num} samples: {seconds:.1f} s, report.html {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
