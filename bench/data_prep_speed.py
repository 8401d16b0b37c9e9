"""Speed and memory of data preparation: readers on a million samples, schemas of a mix of MCR's size (E.1).

    python bench/data_prep_speed.py [--samples 1000000] [--schemas 55712] [--processes 2]

Prints samples a second and peak memory of a text-only reader (MNER-MI's form) and of gRefCOCO's, each in a process of its own,
and the seconds of writing the schemas of a mix of gmner, mner and vg samples, two each, with so many processes.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from mcr.io.samples import write_samples
from mcr.records import Entity, ImageRef, Sample

WORDS = "the new album by out now in with and at last night we saw RT @ : what a day http://t.co/x".split()


def write_mner(root: Path, num: int) -> None:
    """Write MNER-MI's files: all samples in train, one each in the others."""
    rng = Random(0)
    (root / "text").mkdir(parents=True)
    for split, size in (("train", num), ("val", 1), ("test", 1)):
        with (root / "text" / f"MNER-MI_{split}.txt").open("w", encoding="utf-8") as file:
            for index in range(size):
                tokens = [*rng.choices(WORDS, k=12), "Ann", "Lee", "Rome"]
                row = {"id": f"{split}{index}", "text": tokens, "images": [f"{index}.jpg"], "url": ""}
                file.write(json.dumps(row | {"label": ["O"] * 12 + ["B-PER", "I-PER", "B-LOC"]}) + "\n")


def write_grefcoco(root: Path, num: int) -> None:
    """Write gRefCOCO's two files: refs of three sentences, one target each, outlines of thirty points."""
    root.mkdir(parents=True)
    outline = [[round(index * 1.37, 2) for index in range(60)]]
    with (root / "grefs(unc).json").open("w", encoding="utf-8") as file:
        for index in range(num // 3):
            sent = "the man on the left"
            sentences = [{"sent": sent, "sent_id": 3 * index + k, "tokens": sent.split(), "raw": sent} for k in range(3)]
            row = {"ref_id": index, "split": "train", "image_id": index % 1000, "ann_id": [index], "sentences": sentences}
            row["file_name"] = f"COCO_train2014_{index % 1000:012d}_{index}.jpg"
            file.write(("," if index else "[") + json.dumps(row))
        file.write("]")
    with (root / "instances.json").open("w", encoding="utf-8") as file:
        images = [{"id": index, "width": 640, "height": 480} for index in range(1000)]
        file.write(f'{{"images": {json.dumps(images)}, "annotations": [')
        for index in range(num // 3):
            row = {"id": index, "image_id": index % 1000, "bbox": [10, 20, 30, 40.5], "segmentation": outline}
            file.write(("," if index else "") + json.dumps(row))
        file.write("]}")


def read_in_own_process(dataset: str, root: Path, *flags: str) -> tuple[float, float]:
    """Return (seconds, peak megabytes of this and the readers before it) of build_samples."""
    command = [
        sys.executable,
        "-m",
        "data_prep.build_samples",
        dataset,
        "--root",
        str(root),
        "--output_dir",
        str(root / "out"),
        *flags,
    ]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def make_sample(index: int, rng: Random) -> Sample:
    """Return one sample of a mix in the proportions of MCR's Table 5."""
    sentence = " ".join([*rng.choices(WORDS, k=14), "Ann Lee", "Rome"])
    image, box = (ImageRef(f"{index}.jpg", 600, 400),), ((10.0, 20.0, 200.0, 300.0),)
    task = rng.choices(("gmner", "mner", "vg"), weights=(7000, 6856, 14000))[0]
    if task == "vg":
        entities = (Entity(sentence, "", box if rng.random() < 0.7 else None),)
    else:
        entities = (Entity("Ann Lee", "PER", box if task == "gmner" else None), Entity("Rome", "LOC", None))
    return Sample(str(index), "bench", task, sentence, image, entities)


def write_schemas(folder: Path, num_processes: int) -> float:
    """Return the seconds of the whole command."""
    flags = [
        "--samples",
        str(folder / "mix.jsonl"),
        "--output_dir",
        str(folder / f"out{num_processes}"),
        "--family",
        "qwen2_5_vl",
    ]
    flags += ["--per_sample", "2", "--d2_share", "0", "--num_processes", str(num_processes)]
    start = time.perf_counter()
    command = [sys.executable, "-m", "data_prep.write_schemas", *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--schemas", type=int, default=55_712)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_mner(folder / "mner", args.samples)
        write_grefcoco(folder / "gref", args.samples)
        for dataset, root, *flags in (("mner-mi", folder / "mner"), ("grefcoco", folder / "gref", "--splits", "train")):
            seconds, megabytes = read_in_own_process(dataset, root, *flags)
            speed = f"{args.samples / seconds:.0f} a second, peak {megabytes:.0f} MB"
            print(f"{dataset}: {args.samples} samples in {seconds:.1f} s, {speed}")
        rng = Random(0)
        write_samples(folder / "mix.jsonl", (make_sample(index, rng) for index in range(args.schemas // 2)))
        for number in sorted({1, args.processes}):
            print(f"schemas: {args.schemas} in {write_schemas(folder, number):.1f} s with {number} process(es)")


if __name__ == "__main__":
    main()
