"""The mix of the corpus: which scenes, which skills and how often, with guidance around questions and steps before answers."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from data_prep.sandbox.corpus.exchanges import SKILLS, Exchange, ask
from data_prep.sandbox.corpus.phrasings import GUIDANCE, TAGS, THINK
from data_prep.sandbox.looks import ALL_NAMES
from data_prep.sandbox.scenes import Scene, WorldOptions, make_scene
from data_prep.sandbox.strangers import make_up

# What is named is mostly shown. In a third of the scenes there are more things that nobody named.
PAIRED = WorldOptions(shown=0.85, num_named=(1, 4, 8, 7), num_unnamed=(7, 4, 1), alike=0.5)
CROWDED = WorldOptions(bystanders=ALL_NAMES, shown=0.5, num_named=(1, 2, 2, 1), num_unnamed=(0, 1, 2, 2, 1), alike=0.3)
CROWDED_SHARE = 0.35
# In some scenes things lie off the grid, so that a model has met the digits of every number.
LOOSE_SHARE, LOOSE_PX = 0.25, 6
# In some scenes the sentence has names that were never met, and the image shows other things.
STRANGE = WorldOptions(bystanders=ALL_NAMES, shown=0.0, num_named=(1, 4, 8, 7), num_unnamed=(1, 2, 2, 1))
STRANGE_SHARE, NUM_STRANGERS = 0.2, 3
SPLIT = "corpus"
WEIGHTS = {
    "caption": 1.0,
    "list_boxes": 3.0,
    "list_names": 1.5,
    "find_part": 1.0,
    "find_look": 5.0,
    "look_at_box": 4.0,
    "look_of_name": 3.0,
    "name_of_look": 1.0,
    "knowledge": 0.7,
    "kind_of_name": 2.0,
    "names_in_text": 3.0,
    "kinds_in_text": 3.5,
    "look_and_box": 3.0,
    "several": 4.0,
    "is_look_shown": 1.0,
    "is_name_shown": 1.5,
    "link": 0.8,
    "note": 0.8,
    "left_of": 0.7,
    "fix_span": 0.4,
    "fix_kind": 0.4,
    "fix_box": 0.5,
    "lines": 1.0,
    "expression": 0.5,
    "repeat": 2.0,
    "look_up": 3.0,
    "retell": 3.0,
}
STRANGE_WEIGHTS: Mapping[str, float] = {
    "names_in_text": 8.0,
    "repeat": 4.0,
    "look_up": 4.0,
    "retell": 4.0,
    "kinds_in_text": 4.0,
    "fix_span": 3.0,
    "caption": 0.5,
    "list_boxes": 2.0,
    "find_look": 2.0,
    "look_at_box": 2.0,
}
GUIDED_SHARE = 0.12
MAX_GUIDANCE, LONG_SHARE = 8, 0.2
# Weakly labeled posts come with long instructions more often than not.
GUIDED_SHARE_OF: Mapping[str, float] = {"link": 0.7, "note": 0.7}
THOUGHT_SHARE, DIALOGUE_THOUGHT_SHARE = 0.3, 0.5
TAGGED_SKILLS, TAGGED_SHARE = ("link", "note"), 0.4
# What is looked at or read before the answer, where steps are asked for.
STEPS: Mapping[str, tuple[str, ...]] = {
    "caption": ("list_boxes",),
    "list_names": ("list_boxes",),
    "find_look": ("list_boxes",),
    "look_and_box": ("list_boxes",),
    "several": ("list_boxes",),
    "is_name_shown": ("list_boxes",),
    "link": ("names_in_text", "list_boxes"),
    "note": ("names_in_text", "kinds_in_text", "list_boxes"),
}
DIALOGUE_SKILLS = (
    "list_boxes",
    "find_look",
    "look_at_box",
    "names_in_text",
    "look_and_box",
    "lines",
    *("link",) * 2,
    *("note",) * 2,
)
DIALOGUE_TURNS = 3
FIRST_WEIGHTS: Mapping[str, float] = {
    "find_part": 8.0,
    "find_look": 5.0,
    "list_boxes": 3.0,
    "look_at_box": 3.0,
    "repeat": 3.0,
    "look_up": 4.0,
}
FIRST_SHARE = 0.2


def corpus_scene(seed: int, index: int) -> Scene:
    """Return one scene of the corpus; its sentence names known names alone, or strangers alone."""
    rng = random.Random(f"{seed}/{SPLIT}/{index}/kind")
    options = CROWDED if rng.random() < CROWDED_SHARE else PAIRED
    if rng.random() < STRANGE_SHARE:
        options = replace(STRANGE, names=tuple(make_up(rng) for _ in range(NUM_STRANGERS)))
    return make_scene(seed, SPLIT, index, replace(options, loose_px=LOOSE_PX) if rng.random() < LOOSE_SHARE else options)


def is_strange(scene: Scene) -> bool:
    """Whether the sentence has names that were never met."""
    return any(not name.looks for name in scene.named)


def draw_exchanges(scene: Scene, num: int, rng: random.Random, *, is_first: bool = False) -> list[Exchange]:
    """Return about `num` exchanges on a scene.

    Args:
        scene: that is asked about.
        num: of exchanges to draw; those that the scene has nothing for are left out.
        rng: draws skills, phrasings and what is asked for.
        is_first: the beginning of training asks for a few skills alone: to see and to find.
    """
    weights = FIRST_WEIGHTS if is_first else STRANGE_WEIGHTS if is_strange(scene) else WEIGHTS
    drawn = (ask(skill, scene, rng) for skill in rng.choices([*weights], weights=[*weights.values()], k=num))
    return [one if is_first else add_frame(one, scene, rng) for one in drawn if one is not None]


def add_frame(exchange: Exchange, scene: Scene, rng: random.Random, thought_share: float = THOUGHT_SHARE) -> Exchange:
    """Return an exchange with steps, tags and guidance around it, or without any of these."""
    return add_guidance(add_tags(add_steps(exchange, scene, rng, thought_share), rng), rng)


def add_steps(exchange: Exchange, scene: Scene, rng: random.Random, share: float) -> Exchange:
    """Return an exchange that asks for steps and has them, or the exchange as it is."""
    if exchange.skill not in STEPS or rng.random() >= share:
        return exchange
    steps = (ask(skill, scene, rng) for skill in STEPS[exchange.skill])
    lines = "\n".join(step.answer for step in steps if step is not None)
    answer = f"<think>\n{lines}\n</think>\n<answer>\n{exchange.answer}\n</answer>"
    return replace(exchange, question=f"{exchange.question}\n{rng.choice(THINK)}", answer=answer)


def add_tags(exchange: Exchange, rng: random.Random) -> Exchange:
    """Return an exchange that asks for tags around its result and has them, or the exchange as it is."""
    if exchange.skill not in TAGGED_SKILLS or "<answer>" in exchange.answer or rng.random() >= TAGGED_SHARE:
        return exchange
    return replace(
        exchange, question=f"{exchange.question}\n{rng.choice(TAGS)}", answer=f"<answer>\n{exchange.answer}\n</answer>"
    )


def add_guidance(exchange: Exchange, rng: random.Random) -> Exchange:
    """Return an exchange with general guidance before or after its question, or the exchange as it is."""
    if rng.random() < GUIDED_SHARE_OF.get(exchange.skill, GUIDED_SHARE):
        most = len(GUIDANCE) if rng.random() < LONG_SHARE else MAX_GUIDANCE
        said = " ".join(rng.sample(GUIDANCE, rng.randint(1, most)))
        question = rng.choice((f"{said}\n{exchange.question}", f"{exchange.question}\n{said}"))
        return replace(exchange, question=question)
    return exchange


def draw_dialogue(scenes: Sequence[Scene], rng: random.Random) -> list[tuple[Scene, Exchange]]:
    """Return a dialogue, like a few-shot prompt: each scene is asked for the same skill with the same steps and guidance."""
    skill, dress = rng.choice(DIALOGUE_SKILLS), rng.random()
    asked = ((scene, ask(skill, scene, rng)) for scene in scenes)
    return [
        (scene, add_frame(exchange, scene, random.Random(dress), DIALOGUE_THOUGHT_SHARE))
        for scene, exchange in asked
        if exchange is not None
    ]


def corpus_texts(seed: int, num_scenes: int) -> Sequence[str]:
    """Return questions and answers of some scenes, to train a tokenizer on."""
    rng = random.Random(f"{seed}/{SPLIT}/texts")
    exchanges = (one for index in range(num_scenes) for one in draw_exchanges(corpus_scene(seed, index), len(SKILLS), rng))
    return [text for one in exchanges for text in (one.question, one.answer)]
