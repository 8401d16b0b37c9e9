"""The world on disk: samples with images, proposals of an inexact detector, and knowledge on names."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image
from tqdm import tqdm

from data_prep.sandbox.drawing import draw_pixels
from data_prep.sandbox.looks import ALL_NAMES
from data_prep.sandbox.minor_names import minor_names
from data_prep.sandbox.task_worlds import Detail, samples_of
from mcr.io.atomic_write import write_whole
from mcr.io.samples import write_samples
from mcr.regions.components import propose
from mcr.regions.proposed import Proposal, write_regions
from mcr.tasks import Task


def write_world(out: Path, sizes: Mapping[str, int], seed: int, task: Task, detail: Detail) -> None:
    """Write samples, images, region proposals and objects of each split, and the knowledge of each name."""
    for split, num_samples in sizes.items():
        samples, regions, objects = [], [], []
        pairs = samples_of(task, seed, split, num_samples, detail)
        for sample, scene in tqdm(pairs, total=num_samples, desc=f"sandbox {split}", unit="sample"):
            pixels = draw_pixels(scene.drawn, scene.background, scene.image_px)
            path = out / sample.images[0].path
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path, compress_level=1)
            samples.append(sample)
            regions.append((sample.id, propose(pixels, Random(f"{seed}/{path.stem}/regions"))))
            objects.append((sample.id, [Proposal(box, 1.0, look.label) for look, box in scene.in_reading_order()]))
        write_samples(out / f"{split}.jsonl", samples)
        write_regions(out / "regions" / f"{split}.jsonl", regions)
        write_regions(out / "objects" / f"{split}.jsonl", objects)
    names = (*ALL_NAMES, *minor_names()) if detail.minor_share else ALL_NAMES
    write_whole(out / "knowledge.jsonl", "".join(_lines({"name": name.text, "text": name.knowledge} for name in names)))


def _lines(rows: Any) -> Iterator[str]:
    return (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
