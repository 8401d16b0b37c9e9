"""How the scripted LLM corrects entities: by what it knows of names and sees in the picture of the request, never by gold."""

import json
import re
from collections.abc import Sequence
from random import Random

from PIL import Image

from data_prep.sandbox.looks import ALL_NAMES, Name
from data_prep.sandbox.scripted.sight import looks_in
from mcr.correction.corrector_prompts import ALL, KEYS, NULL, ROLES
from mcr.uncertainties import PARTS

FIELD = re.compile(r"^<(Original Text|Pre-detected [A-Za-z ]+)>: ?(.*)$", re.MULTILINE)
TYPES_SHOWN = re.compile(r"^\[Entity Type Description\]: Types: (.+)\.$", re.MULTILINE)
SPAN, TYPE, PLACE = "Pre-detected Entity", "Pre-detected Entity type", "Pre-detected Bounding box"
TEXT = "Original Text"


def revise(part: str, texts: Sequence[str], pictures: Sequence[Image.Image], rng: Random, is_wrong: bool) -> str | None:
    """Reply to a corrector's prompt of one part; None where it asks for something else.

    A wrong reply gives a span with a word too few or too many, another type, or another place.

    Args:
        part: of `mcr.uncertainties.PARTS`, or ALL.
        texts: of the messages.
        pictures: of the messages.
        rng: draws the errors.
        is_wrong: whether to make one.
    """
    fields = dict(FIELD.findall(texts[-1]))
    if not any(f"focused on {ROLES[part]}." in text for text in texts) or SPAN not in fields:
        return None
    named = _meant(fields[SPAN], fields.get(TEXT, ""))
    types = [one for text in texts for found in TYPES_SHOWN.findall(text) for one in re.split(r", (?![^(]*\))", found)]
    rows = {"reasoning_process": f"{named.knowledge}." if named else "I do not know it."}
    for one in PARTS if part == ALL else (part,):
        value = {
            "span": lambda: _span(fields, named, rng, is_wrong),
            "type": lambda: _type(fields, named, types, rng, is_wrong),
            "region": lambda: _place(fields, named, pictures, rng, is_wrong),
        }[one]()
        rows[KEYS[one]] = value
    return json.dumps(rows)


def _meant(text: str, sentence: str) -> Name | None:
    """Return the name of the sentence that shares a word with a text, the one that equals it first."""
    words = set(text.split())
    there = [name for name in ALL_NAMES if re.search(rf"(?<!\w){re.escape(name.text)}(?!\w)", sentence)]
    equal = [name for name in there if name.text == text]
    return next(iter([*equal, *(name for name in there if words & set(name.text.split()))]), None)


def _span(fields: dict[str, str], named: Name | None, rng: Random, is_wrong: bool) -> str:
    right = named.text if named else fields[SPAN]
    if not is_wrong:
        return right
    sentence, num = fields.get(TEXT, ""), len(right.split())
    words, before = sentence.split(), len(sentence[: max(0, sentence.find(right))].split())
    longer = [" ".join(words[max(0, before - 1) : before + num]), " ".join(words[before : before + num + 1])]
    shorter = [" ".join(right.split()[1:]), " ".join(right.split()[:-1])]
    return rng.choice([one for one in (*longer, *shorter) if one and one != right] or [right])


def _type(fields: dict[str, str], named: Name | None, types: Sequence[str], rng: Random, is_wrong: bool) -> str:
    known = [named.type, named.fine_type] if named else []
    right = next((one for one in known if one in types), fields.get(TYPE, ""))
    return rng.choice([one for one in types if one != right] or [right]) if is_wrong else right


def _place(fields: dict[str, str], named: Name | None, pictures: Sequence[Image.Image], rng: Random, is_wrong: bool) -> str:
    """Return a box from 0 to 1000, or Null."""
    seen = looks_in(pictures[-1]) if pictures else []
    own = [box for look, box in seen if named and look in named.looks]
    places = {box: _in_thousandths(box, pictures[-1]) for _, box in seen}
    right = places[own[0]] if own else NULL if named else fields.get(PLACE, NULL)
    others = [one for one in (*places.values(), NULL) if one != right]
    return rng.choice(others) if is_wrong and others else right


def _in_thousandths(box: Sequence[float], picture: Image.Image) -> str:
    sizes = (picture.width, picture.height) * 2
    return json.dumps([round(1000 * side / size) for side, size in zip(box, sizes, strict=True)])
