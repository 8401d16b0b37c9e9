"""The samples of the sandbox world: for GMNER, and for names under weakly related images (mner) or one phrase to be found (vg).

The latter two stand in for MNER-MI and GREC where MCR's Table 2 is made anew on a CPU.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from data_prep.sandbox.scenes import TASK, TRAIN_TASK, UNSEEN_TASK, Scene, WorldOptions, make_scene, to_sample
from mcr.records import Sample
from mcr.tasks import GMNER, MNER, VG, Task

SPLITS = {GMNER.name: ("test",), MNER.name: ("test",), VG.name: ("testA", "testB")}
TRAIN, UNSEEN = "train", "unseen"
PERSON = "PER"


@dataclass(frozen=True, slots=True)
class Detail:
    """What samples hold beyond the usual.

    Attributes:
        has_fine_types: FMNERG's fine types in place of the coarse ones.
        has_masks: exact masks of what is shown.
        minor_share: of the training split's names that are minor ones.
    """

    has_fine_types: bool = False
    has_masks: bool = False
    minor_share: float = 0.0


def options_of(split: str, minor_share: float = 0.0) -> WorldOptions:
    """Return what a split's scenes are drawn from.

    Training splits name half of the known names and, as far as asked for, minor names; dev and test name all known names.
    """
    return replace(TRAIN_TASK, minor_share=minor_share) if split.endswith(TRAIN) else UNSEEN_TASK if split == UNSEEN else TASK


def world_sample(seed: int, split: str, index: int, detail: Detail = Detail()) -> tuple[Sample, Scene]:
    """Return one GMNER sample of the world and the scene that its image shows, the same for the same arguments."""
    scene = make_scene(seed, split, index, options_of(split, detail.minor_share))
    sample_id = f"{split}-{index:05d}"
    path = f"images/{split}/{sample_id}.png"
    return to_sample(scene, sample_id, path, has_fine_types=detail.has_fine_types, has_masks=detail.has_masks), scene


def samples_of(task: Task, seed: int, split: str, num: int, detail: Detail = Detail()) -> Iterator[tuple[Sample, Scene]]:
    """Yield `num` samples of a split, each with its scene; no two tasks share one.

    A phrase of testA names a person, one of testB anything else, as in RefCOCO and its descendants.
    """
    world = split if task == GMNER else f"{task.name}_{split}"
    pairs = (world_sample(seed, world, index, detail) for index in count())
    if task == MNER:
        pairs = ((as_names(sample), scene) for sample, scene in pairs)
    elif task == VG:
        pairs = ((phrase, scene) for sample, scene in pairs if (phrase := as_phrase(sample, split)) is not None)
    for _ in range(num):
        yield next(pairs)


def as_names(sample: Sample) -> Sample:
    """Return the tweet without places, its image twice in every other sample: MNER-MI has tweets of several images."""
    num_images = 1 + int(sample.id[-1]) % 2
    entities = tuple(replace(entity, boxes=None, masks=None) for entity in sample.entities)
    images, captions = sample.images * num_images, sample.captions * num_images
    return replace(sample, task=MNER, entities=entities, images=images, captions=captions, regions=())


def as_phrase(sample: Sample, split: str) -> Sample | None:
    """Return one of the tweet's names as the phrase to be found, None where the split has none to offer."""
    fitting = [e for e in sample.entities if split not in SPLITS[VG.name] or (e.type == PERSON) == (split == "testA")]
    if not fitting:
        return None
    entity = random.Random(f"phrase/{sample.id}").choice(fitting)
    return replace(sample, task=VG, sentence=entity.text, entities=(replace(entity, type=""),))
