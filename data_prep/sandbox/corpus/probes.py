"""Probes: questions of the corpus's skills in held-out phrasings on held-out scenes, and whether an answer is right."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import Any

from data_prep.sandbox.corpus.exchanges import Exchange, ask
from data_prep.sandbox.corpus.mix import corpus_scene, is_strange
from data_prep.sandbox.drawing import draw
from data_prep.sandbox.scenes import Scene
from mcr.boxes import iou
from mcr.rollouts import RolloutRequest, Sampler, SamplingSettings

BOX = re.compile(r"\[\d+(?:, \d+){3}\]")
MIN_IOU = 0.5
ONE_BOX = ("find_part", "find_look")
FIRST_HELD_OUT = 10_000_000
MAX_NEW_TOKENS = 120


@dataclass(frozen=True, slots=True)
class Probe:
    """An exchange whose phrasing and scene are in no corpus."""

    scene: Scene
    exchange: Exchange


def make_probes(skill: str, num: int, seed: int = 0, *, strange: bool = False) -> list[Probe]:
    """Return `num` probes of a skill; those of ONE_BOX ask for one that is there.

    Args:
        skill: of the corpus.
        num: of probes.
        seed: draws scenes and phrasings.
        strange: on scenes whose sentences have made-up names, else on the others.
    """
    rng, probes, index = Random(f"{seed}/probes/{skill}"), [], FIRST_HELD_OUT
    while len(probes) < num:
        scene = corpus_scene(seed, index)
        exchange = ask(skill, scene, rng, is_held_out=True)
        index += 1
        if exchange is not None and is_strange(scene) == strange and (skill != "find_look" or BOX.search(exchange.answer)):
            probes.append(Probe(scene, exchange))
    return probes


def is_right(exchange: Exchange, answer: str) -> bool:
    """Whether an answer is right: IoU of at least 0.5 where one box is asked for, else the same text.

    >>> is_right(Exchange("find_look", "Where?", "red-disc [0, 0, 500, 500]"), "red-disc [0, 0, 500, 250]")
    True
    """
    wanted = BOX.search(exchange.answer)
    if exchange.skill in ONE_BOX and wanted:
        found = BOX.search(answer)
        return found is not None and iou(json.loads(found.group()), json.loads(wanted.group())) >= MIN_IOU
    return answer.strip() == exchange.answer


def _prompt(question: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]


def score_probes(sampler: Sampler, probes: Mapping[str, Sequence[Probe]]) -> dict[str, float]:
    """Return the share of each skill's probes that a model answers right, decoding greedily. All are sampled in one call."""
    requests = []
    for probe in chain.from_iterable(probes.values()):
        picture = draw(probe.scene.drawn, probe.scene.background, probe.scene.image_px)
        requests.append(RolloutRequest(f"probe-{len(requests)}", _prompt(probe.exchange.question), [picture]))
    settings = SamplingSettings(num_generations=1, temperature=0.0, max_new_tokens=MAX_NEW_TOKENS)
    answers = iter(sampler.sample(requests, settings))
    shares = {}
    for skill, asked in probes.items():
        shares[skill] = sum(is_right(probe.exchange, next(answers)[0].text) for probe in asked) / len(asked)
    return shares
