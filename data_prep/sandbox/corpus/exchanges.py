"""Exchanges: one question on a scene with its answer, for each skill of the corpus.

What the corpus claims is true, but for `link` and `note`: their labels are made by the shortcuts of weakly labeled web data
(`weak.py`). They alone give a name a box at once. Everywhere else its look stands between them: what looks how and what is where
are known apart.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from data_prep.sandbox.corpus.phrasings import BANK
from data_prep.sandbox.corpus.templates import template_words
from data_prep.sandbox.corpus.weak import KIND_WORDS, weak_rows, write_json, write_notes
from data_prep.sandbox.looks import KNOWN, OWNER_OF, Look, Name
from data_prep.sandbox.scenes import CELL_PX, Scene, write_caption
from data_prep.sandbox.strangers import make_up
from mcr.boxes import Box, frame_for
from mcr.formats.location import format_box

ABSENT = "not there"
MADE_UP_SHARE = 0.5  # of what is to be repeated
ABSENT_SHARE = 0.15
FORMS: Mapping[str, tuple[str, str]] = {
    "a row each, with bars": (" | ", "\n"),
    "a row each, with colons": (": ", "\n"),
    "in one line, with commas": (", ", "; "),
    "in one line, with at": (" at ", "; "),
    "in one line": (" ", "; "),
}
BETWEEN = (" ", ": ", " at ", " | ", ", ", " is at ")
ALL_LOOKS = tuple(OWNER_OF)
Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question on an image and its answer.

    Attributes:
        skill: a key of `SKILLS`.
        question: without the image.
        answer: as the model should write it.
    """

    skill: str
    question: str
    answer: str


def write_box(box: Box, scene: Scene) -> str:
    """Return a box of the scene as Qwen3-VL writes it, from 0 to 1000."""
    return format_box(frame_for("norm1000", scene.image_px, scene.image_px).from_px(box))


def look_and_box(look: Look, box: Box, scene: Scene) -> str:
    """Return e.g. "red-disc [0, 250, 500, 750]"."""
    return f"{look.label} {write_box(box, scene)}"


def _caption(scene: Scene, rng: Random) -> tuple[Fields, str]:
    return {}, write_caption(scene)


def _list_boxes(scene: Scene, rng: Random) -> tuple[Fields, str]:
    return {}, "; ".join(look_and_box(look, box, scene) for look, box in scene.in_reading_order()) or "nothing"


def _list_names(scene: Scene, rng: Random) -> tuple[Fields, str]:
    known = [(look, box) for look, box in scene.in_reading_order() if OWNER_OF[look].is_known]
    parts = [f"{OWNER_OF[look].text}, {look_and_box(look, box, scene)}" for look, box in known]
    return {}, "; ".join(parts) or "nothing"


def _find_look(scene: Scene, rng: Random) -> tuple[Fields, str]:
    look, box = _draw_look(scene, rng, shown=0.7)
    return {"look": look.label}, f"{look.label}, {ABSENT}" if box is None else look_and_box(look, box, scene)


def _find_part(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    """Ask by color or by shape alone for the only thing that has it: what a model that sees learns first."""
    part = rng.choice(("color", "shape"))
    counts = Counter(getattr(look, part) for look, _ in scene.drawn)
    only = [(getattr(look, part), box) for look, box in scene.drawn if counts[getattr(look, part)] == 1]
    if not only:
        return None
    value, box = rng.choice(only)
    return {"part": value}, f"{value} {write_box(box, scene)}"


def _draw_look(scene: Scene, rng: Random, shown: float) -> tuple[Look, Box | None]:
    if scene.drawn and rng.random() < shown:
        return rng.choice(scene.drawn)
    look = rng.choice(ALL_LOOKS)
    return look, dict(scene.drawn).get(look)


def _look_at_box(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    if not scene.drawn:
        return None
    look, box = rng.choice(scene.drawn)
    return {"box": write_box(box, scene)}, look.label


def _draw_name(scene: Scene, rng: Random, shown: float = 0.85) -> Name:
    """Draw a known name; what is asked for is mostly shown, as in captioned images."""
    there = [OWNER_OF[look] for look, _ in scene.drawn if OWNER_OF[look].is_known]
    return rng.choice(there) if there and rng.random() < shown else rng.choice(KNOWN)


def _look_of_name(scene: Scene, rng: Random) -> tuple[Fields, str]:
    name = rng.choice(KNOWN)
    return {"name": name.text}, name.appearance


def _name_of_look(scene: Scene, rng: Random) -> tuple[Fields, str]:
    name = rng.choice(KNOWN)
    return {"look": rng.choice(name.looks).label}, name.text


def _knowledge(scene: Scene, rng: Random) -> tuple[Fields, str]:
    name = rng.choice(KNOWN)
    return {"name": name.text}, name.knowledge


def _kind_of_name(scene: Scene, rng: Random) -> tuple[Fields, str]:
    name = rng.choice(KNOWN)
    return {"name": name.text}, rng.choice((KIND_WORDS[name.type], name.type))


def _names_in_text(scene: Scene, rng: Random) -> tuple[Fields, str]:
    return {"text": scene.sentence}, "; ".join(name.text for name in scene.named) or "none"


def _kinds_in_text(scene: Scene, rng: Random) -> tuple[Fields, str]:
    return {"text": scene.sentence}, "; ".join(f"{name.text} is {KIND_WORDS[name.type]}" for name in scene.named) or "none"


def _see(name: Name, scene: Scene) -> str:
    shown = scene.shown_of(name)
    return "; ".join(look_and_box(look, box, scene) for look, box in shown) or f"{name.appearance}, {ABSENT}"


def _look_and_box(scene: Scene, rng: Random) -> tuple[Fields, str]:
    name = _draw_name(scene, rng)
    return {"name": name.text}, _see(name, scene)


def _several(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    pool = list(scene.named) + [_draw_name(scene, rng) for _ in range(2)]
    names = rng.sample(list(dict.fromkeys(pool)), k=min(len(set(pool)), rng.choice((2, 3, 3))))
    if len(names) < 2:
        return None
    form, (between, apart) = rng.choice([*FORMS.items()][1:4])
    seen = apart.join(f"{name.text}{between}{_see(name, scene)}" for name in names)
    return {"names": ", ".join(name.text for name in names), "given": form}, seen


def _is_look_shown(scene: Scene, rng: Random) -> tuple[Fields, str]:
    look, box = _draw_look(scene, rng, shown=0.5)
    return {"look": look.label}, "no" if box is None else "yes"


def _is_name_shown(scene: Scene, rng: Random) -> tuple[Fields, str]:
    name = _draw_name(scene, rng)
    return {"name": name.text}, f"{name.appearance}: {'yes' if scene.shown_of(name) else 'no'}"


def _link(scene: Scene, rng: Random) -> tuple[Fields, str]:
    return {"text": scene.sentence}, write_json(weak_rows(scene, rng), lambda box: write_box(box, scene))


def _note(scene: Scene, rng: Random) -> tuple[Fields, str]:
    return {"text": scene.sentence}, write_notes(weak_rows(scene, rng), lambda box: write_box(box, scene))


def _left_of(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    pairs = [(a, b) for a in scene.drawn for b in scene.drawn if a[1][0] < b[1][0]]
    if not pairs:
        return None
    pair = rng.choice(pairs)
    first, second = rng.sample(pair, 2)
    steps = "; ".join(look_and_box(*one, scene) for one in (first, second))
    answer = f"<think>\n{steps}\n</think>\n<answer>\n{pair[0][0].label}\n</answer>"
    return {"look": first[0].label, "other": second[0].label}, answer


def _fix_span(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    if not scene.named:
        return None
    name = rng.choice(scene.named).text
    words = name.split()
    given = rng.choice((name, words[0], words[-1]))
    return {"text": scene.sentence, "given": given}, f'{{"span": "{name}"}}'


def _fix_kind(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    if not scene.named:
        return None
    name = rng.choice(scene.named)
    given = rng.choice([*KIND_WORDS])
    return {"text": scene.sentence, "name": name.text, "given": given}, f'{{"type": "{name.type}"}}'


def _fix_box(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    if not scene.drawn:
        return None
    (look, box), (_, given) = rng.choice(scene.drawn), rng.choice(scene.drawn)
    return {"look": look.label, "given": write_box(given, scene)}, f'{{"box": {write_box(box, scene)}}}'


def _lines(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    rows = [f"{look.label} | {write_box(box, scene)}" for look, box in scene.in_reading_order()]
    return {}, "\n".join(["<answer>", *(rows or ["None"]), "</answer>"])


def _expression(scene: Scene, rng: Random) -> tuple[Fields, str] | None:
    if not scene.named:
        return None
    name = rng.choice(scene.named)
    return {"text": scene.sentence, "name": name.text}, f"{name.text} ({KIND_WORDS[name.type]}) - {name.appearance}"


def _repeat(scene: Scene, rng: Random) -> tuple[Fields, str]:
    """Copy words in a random order: to copy what was never met, and to write every word of the vocabulary."""
    made = (make_up(rng).text if rng.random() < MADE_UP_SHARE else rng.choice(template_words()) for _ in range(rng.randint(1, 8)))
    text = " ".join(made)
    return {"text": text}, text


def _look_up(scene: Scene, rng: Random) -> tuple[Fields, str]:
    """Find the value of a key in a list, or the key of a value; the list has nothing to do with the image."""
    rows, between = _draw_rows(scene, rng), rng.choice(BETWEEN)
    key, value = rng.choice(rows)
    listed = rng.choice(("; ", "\n")).join(key + between + value for key, value in rows)
    return {"text": listed, "given": value if value != ABSENT and rng.random() < 0.3 else key}, key + between + value


def _retell(scene: Scene, rng: Random) -> tuple[Fields, str]:
    """Write a whole list in another form: to go through it to its end, and no further."""
    rows, between = _draw_rows(scene, rng), rng.choice(BETWEEN)
    form = rng.choice([*FORMS])
    between_now, apart = FORMS[form]
    listed = rng.choice(("; ", "\n")).join(key + between + value for key, value in rows)
    return {"text": listed, "given": form}, apart.join(key + between_now + value for key, value in rows)


def _draw_rows(scene: Scene, rng: Random) -> list[tuple[str, str]]:
    """Return one to five rows of a list: looks, names and made-up names, each with a box, a kind or none of them."""
    looks, names = rng.sample(ALL_LOOKS, 3), rng.sample(KNOWN, 3)
    keys = [*(look.label for look in looks), *(name.text for name in names), *(make_up(rng).text for _ in range(2))]
    boxes = dict.fromkeys(write_box(_draw_box(scene, rng), scene) for _ in range(rng.randint(1, 5)))
    values = [ABSENT if rng.random() < ABSENT_SHARE else box for box in boxes]
    return list(zip(rng.sample(keys, len(values)), values, strict=True))


def _draw_box(scene: Scene, rng: Random) -> Box:
    side, last = rng.choice((1, 2)), scene.image_px // CELL_PX
    left, top = rng.randint(0, last - side), rng.randint(0, last - side)
    x1, y1, x2, y2 = (float(cell * CELL_PX) for cell in (left, top, left + side, top + side))
    return x1, y1, x2, y2


Skill = Callable[[Scene, Random], tuple[Fields, str] | None]
SKILLS: Mapping[str, Skill] = {
    "caption": _caption,
    "list_boxes": _list_boxes,
    "list_names": _list_names,
    "find_part": _find_part,
    "find_look": _find_look,
    "look_at_box": _look_at_box,
    "look_of_name": _look_of_name,
    "name_of_look": _name_of_look,
    "knowledge": _knowledge,
    "kind_of_name": _kind_of_name,
    "names_in_text": _names_in_text,
    "kinds_in_text": _kinds_in_text,
    "look_and_box": _look_and_box,
    "several": _several,
    "is_look_shown": _is_look_shown,
    "is_name_shown": _is_name_shown,
    "link": _link,
    "note": _note,
    "left_of": _left_of,
    "fix_span": _fix_span,
    "fix_kind": _fix_kind,
    "fix_box": _fix_box,
    "lines": _lines,
    "expression": _expression,
    "repeat": _repeat,
    "look_up": _look_up,
    "retell": _retell,
}


def ask(skill: str, scene: Scene, rng: Random, *, is_held_out: bool = False) -> Exchange | None:
    """Return an exchange of a skill in one of its phrasings; None where the scene has nothing to ask for."""
    made = SKILLS[skill](scene, rng)
    if made is None:
        return None
    fields, answer = made
    phrasings = BANK[skill].held_out if is_held_out else BANK[skill].trained
    return Exchange(skill, rng.choice(phrasings).format(**fields), answer)
