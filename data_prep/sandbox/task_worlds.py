"""The sandbox world for other tasks than GMNER: names under weakly related images (mner), one phrase to be found (vg).

They stand in for MNER-MI and GREC where MCR's Table 2 is made anew on a CPU.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from data_prep.sandbox.world import Scene, make_scene
from mcr.tasks import GMNER, MNER, VG, Task

SPLITS = {GMNER.name: ("test",), MNER.name: ("test",), VG.name: ("testA", "testB")}
PERSON = "PER"


def scenes_of(task: Task, seed: int, split: str, num: int) -> Iterator[Scene]:
    """Yield `num` scenes of a split; no two tasks share one.

    A phrase of testA names a person, one of testB anything else, as in RefCOCO and its descendants.
    """
    world = split if task == GMNER else f"{task.name}_{split}"
    scenes = (make_scene(seed, world, index) for index in count())
    if task == MNER:
        scenes = (as_names(scene) for scene in scenes)
    elif task == VG:
        scenes = (phrase for scene in scenes if (phrase := as_phrase(scene, split)) is not None)
    for _ in range(num):
        yield next(scenes)


def as_names(scene: Scene) -> Scene:
    """Return the tweet without places, its image twice in every other scene: MNER-MI has tweets of several images."""
    sample = scene.sample
    num_images = 1 + int(sample.id[-1]) % 2
    entities = tuple(replace(entity, boxes=None) for entity in sample.entities)
    return replace(scene, sample=replace(sample, task=MNER, entities=entities, images=sample.images * num_images, regions=()))


def as_phrase(scene: Scene, split: str) -> Scene | None:
    """Return one of the tweet's names as the phrase to be found, None where the split has none to offer."""
    sample = scene.sample
    fitting = [e for e in sample.entities if split not in SPLITS[VG.name] or (e.type == PERSON) == (split == "testA")]
    if not fitting:
        return None
    entity = random.Random(f"phrase/{sample.id}").choice(fitting)
    return replace(scene, sample=replace(sample, task=VG, sentence=entity.text, entities=(replace(entity, type=""),)))
