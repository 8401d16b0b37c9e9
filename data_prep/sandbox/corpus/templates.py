"""The words of the task's prompts and schemas: the tokenizer holds them, the corpus repeats them in a random order.

The texts themselves are in no corpus.
"""

from collections.abc import Iterator
from functools import cache

from data_prep.sandbox.scenes import make_scene, to_sample
from data_prep.schemas.build import SchemaOptions, make_schema
from data_prep.schemas.styles import OWN, route_of
from mcr.families import FAMILIES
from mcr.labels import TWITTER_GMNER
from mcr.prompts.baselines import PromptingBaseline
from mcr.prompts.settings import DETAILS, PromptSettings

FAMILY = "qwen3_vl"
NUM_SCENES = 50


def template_texts(num_scenes: int, seed: int) -> Iterator[str]:
    """Yield the task's prompts and schemas for some scenes."""
    frame = FAMILIES[FAMILY].frame
    routes = tuple(route for style in OWN if (route := route_of(style)) is not None)
    asked = [PromptSettings(TWITTER_GMNER, frame, detail, steps, routes) for detail in DETAILS for steps in (True, False)]
    baselines = [PromptingBaseline(style, TWITTER_GMNER, frame) for style in ("direct", "cot")]
    for index in range(num_scenes):
        sample = to_sample(make_scene(seed, "tokenizer", index), f"tokenizer-{index}", "none.png")
        prompts = [prompter.prompt_for(sample) for prompter in (*asked, *baselines)]
        prompts += [asked[0].prompt_for(sample, route) for route in routes]
        yield from (prompt[0]["content"][-1]["text"] for prompt in prompts)
        for style in OWN:
            yield make_schema(sample, style, frame.frame_of(sample), SchemaOptions((style,)), seed).completion


@cache
def template_words() -> tuple[str, ...]:
    """Return each word of the task's prompts and schemas once, in alphabetical order."""
    return tuple(sorted({word for text in template_texts(NUM_SCENES, 0) for word in text.split()}))
