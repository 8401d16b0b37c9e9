"""The completions that the fuzzing scores: well-formed ones, their mutations, and big ones that slow readers down."""

import random
from collections.abc import Callable, Iterator, Sequence

from mcr.formats.answers import ANSWER_FORMATS, ORDERS, write_answer
from mcr.records import Entity

# fmt: off
WORDS = (
    "New", "York", "Times", "Ann", "Lee", "O'Neil", "the", "Real|Madrid", "a;b", "#tag", "@who", "\u6771\u4eac",
    "\u0130stanbul", "1.", "x" * 40,
)
TYPES = (
    "PER", "LOC", "ORG", "OTHER", "athlete", "person",
)
NUMBERS = (
    "0", "-1", "1e999", "nan", "NaN", "inf", "-Infinity", "1e-400",
    "9" * 400,
    "0x10", "\u0661\u0662", "\uff11\uff12", "1_000", "--5", "+.5", "1.2.3", "", "null", "None", "[1]", "true", "1e5", "-0.0",
    "\xb2",
)
PIECES = (
    "<think>", "</think>", "<answer>", "</answer>", "<ANSWER>", "Answer:", "```", "```json\n", "|", ";", ",", "\n", "\r\n",
    "[", "]", "(", ")", "{", "}", '"', "'", "\\", "\\u00", "None", "null", " whose bounding boxes are ", " is a(an) ",
    " and a(an) ", "&amp;", "<|im_end|>", "\u2028", "\x00", "\u202e", "\ufeff", "\ud800", "\U0001f600",
    "\u0301" * 50,
    "1. ", "- ", "\uff5c", "\uff1b", "\uff08", " " * 30,
)
# What is read besides the formats of schemas: tags, tokens, decoration, tables, loose JSON.
FORMS = (
    "[THINK]", "[/THINK]", "\u25c1think\u25b7", "\u25c1/think\u25b7", "<seed:think>", "</seed:think>", "<|channel>thought",
    "<channel|>", "<|channel|>analysis<|message|>", "<|channel|>final<|message|>", "<|end|>", "<|return|>", "<CONCLUSION>",
    "</CONCLUSION>", "\\boxed{", "<final_answer>", "</final_answer>", "<result>", "Output: ", "No, rather:\n", "Final:\n",
    "**", "`", "\u200b", "</s>", "<|user|>", "<|begin_of_box|>", "<|end_of_box|>", "<box>", "</box>", "<ref>", "</ref>",
    "\\text{", "<br>", "<b>", "> ", "- [ ] ", "\u2460 ", "1\u3001", "# ", "| # | Name | Type | Box |\n|---|---|---|---|\n",
    "| Name | Type | x1 | y1 | x2 | y2 |\n", "\u2502", "\u4e28", "\t", "\\|", " -> ", " (PER): ",
    "{'text': 'Ann', 'type': 'PER', 'bbox': None}", '{"PER": [', "// x\n", "/* ", "*/", "[('Ann', 'PER', [1, 2, 3, 4])]",
    "box_2d", "np.array([", "x1=1, y1=2, x2=3, y2=4", "[0, 0, 0, 0]", "[[]]", "<loc_1><loc_2><loc_3><loc_4>",
    "not visible in the image", "\u4e0d\u5728\u56fe\u50cf\u4e2d", "B-PER", "Persons",
)
# fmt: on


def random_entities(rng: random.Random, size: int) -> list[Entity]:
    """Return entities with any number of words, some of them grounded."""
    entities = []
    for _ in range(size):
        x, y = rng.randint(0, 400), rng.randint(0, 400)
        box = (x, y, x + rng.randint(1, 200), y + rng.randint(1, 200))
        text = " ".join(rng.choices(WORDS, k=rng.randint(1, 3)))
        entities.append(Entity(text, rng.choice(TYPES), None if rng.random() < 0.5 else (box,)))
    return entities


def write_completion(rng: random.Random, entities: list[Entity]) -> str:
    """Return a well-formed completion in any of the formats."""
    answer = write_answer(entities, rng.choice(list(ANSWER_FORMATS)), order=rng.choice(ORDERS))
    reasoning = "The text names " + ", ".join(e.text for e in entities) + "."
    return rng.choice(
        (
            f"<think>\n{reasoning}\n</think>\n<answer>\n{answer}\n</answer>",
            f"{reasoning}\nAnswer:\n{answer}",
            f"```\n{answer}\n```",
            answer,
        )
    )


def cut(rng: random.Random, text: str) -> str:
    """Drop a slice."""
    start, end = sorted(rng.randint(0, len(text)) for _ in range(2))
    return text[:start] + text[end:]


def repeat(rng: random.Random, text: str) -> str:
    """Write a slice several times."""
    start, end = sorted(rng.randint(0, len(text)) for _ in range(2))
    return text[:end] + text[start:end] * rng.randint(1, 4) + text[end:]


def insert(rng: random.Random, text: str) -> str:
    """Insert tags, separators and odd characters."""
    return _insert(rng, text, PIECES)


def reform(rng: random.Random, text: str) -> str:
    """Insert what belongs to other forms of answers."""
    return _insert(rng, text, FORMS)


def _insert(rng: random.Random, text: str, pieces: Sequence[str]) -> str:
    for _ in range(rng.randint(1, 6)):
        place = rng.randint(0, len(text))
        text = text[:place] + rng.choice(pieces) + text[place:]
    return text


def loosen(rng: random.Random, text: str) -> str:
    """Write quotes, nulls and commas as Python or a hasty model does, and bars as another sign."""
    for old, new in rng.sample(
        (('"', "'"), ("null", "None"), ("}", ",}"), (" | ", "\t"), ("|", "\uff5c"), ("\n", "\n\n"), ("None", "n/a")), 3
    ):
        text = text.replace(old, new)
    return text


def renumber(rng: random.Random, text: str) -> str:
    """Replace a run of digits by what is no number, or an odd one."""
    digits = [index for index, char in enumerate(text) if char.isdigit()]
    if not digits:
        return insert(rng, text)
    place = rng.choice(digits)
    return text[:place] + rng.choice(NUMBERS) + text[place + 1 :]


def splice(rng: random.Random, text: str) -> str:
    """Put the head of one answer before the tail of another."""
    other = write_completion(rng, random_entities(rng, rng.randint(0, 3)))
    return text[: rng.randint(0, len(text))] + other[rng.randint(0, len(other)) :]


def noise(rng: random.Random, text: str) -> str:
    """Return random characters of all planes."""
    return "".join(chr(rng.choice((rng.randint(0, 127), rng.randint(0, 0xFFFF), rng.randint(0, 0x10FFFF)))) for _ in text)


MUTATIONS: dict[str, Callable[[random.Random, str], str]] = {
    "untouched": lambda rng, text: text,
    "cut": cut,
    "repeat": repeat,
    "insert": insert,
    "reform": reform,
    "loosen": loosen,
    "renumber": renumber,
    "splice": splice,
    "noise": noise,
    "all of them": lambda rng, text: renumber(
        rng, reform(rng, insert(rng, loosen(rng, repeat(rng, cut(rng, splice(rng, text))))))
    ),
}


def completions(rng: random.Random, num: int) -> Iterator[tuple[str, str, list[Entity]]]:
    """Yield (kind, completion, gold): mutations in turn, and every so often every truncation of one completion."""
    kinds, made = list(MUTATIONS), 0
    while made < num:
        gold = random_entities(rng, rng.randint(0, 5))
        text = write_completion(rng, gold)
        if rng.random() < 0.002:
            for end in range(min(len(text), num - made)):
                yield "truncated", text[:end], gold
                made += 1
            continue
        kind = kinds[made % len(kinds)]
        yield kind, MUTATIONS[kind](rng, text), gold
        made += 1


BIG: dict[str, Callable[[int], str]] = {
    "words": lambda n: "word " * (n // 5),
    "spaces": lambda n: "Ann |" + " " * n + "| PER | None",
    "open brackets": lambda n: "[" * n,
    "open braces": lambda n: '{"a":' * (n // 5),
    "open tags": lambda n: "<think>" * (n // 7),
    "tag pairs": lambda n: "<think></think><answer>x</answer>" * (n // 33),
    "quotes": lambda n: '("' * (n // 2),
    "backslashes": lambda n: '("' + "\\" * n,
    "bars": lambda n: "|" * n,
    "semicolons": lambda n: "a | PER | [0, 0, 1, 1]" + ";" * n,
    "digits": lambda n: "a | PER | [" + "9" * n + "]",
    "digits behind a place": lambda n: "a | PER | [1, 2, 3, 4]; x" + "9" * n,
    "numbers": lambda n: "a | PER | [" + "1, " * (n // 3) + "1]",
    "sentences": lambda n: " is a(an) " * (n // 20) + ", whose bounding boxes are " * (n // 54),
    "combining marks": lambda n: "a | PER | " + "\u0301" * n,
    "fences": lambda n: "```\n" * (n // 4),
    "markers": lambda n: "Answer:\n" * (n // 8),
    "markers behind an answer": lambda n: "<answer>x</answer>" + "\nAnswer: x" * (n // 10),
    "one long span": lambda n: "Ann " * (n // 4) + "| PER | None",
    "rows": lambda n: "\n".join(["Ann Lee | PER | [1, 2, 3, 4]"] * (n // 29)),
    "rows of one span": lambda n: "\n".join(f"Ann {i} | PER | None" for i in range(n // 22)),
    "json rows": lambda n: "[" + ", ".join(['{"text": "Ann", "type": "PER", "bbox_2d": [1, 2, 3, 4]}'] * (n // 57)) + "]",
    "joined rows": lambda n: "; ".join(["Ann | PER | None"] * (n // 18)),
    "nested lists": lambda n: "[" * (n // 2) + "]" * (n // 2),
    "spaces in a place": lambda n: "Ann is a person, whose boxes are x" + " " * n + "y",
    "boxes": lambda n: "Ann | PER | " + ", ".join(["[1, 2, 3, 4]"] * (n // 14)),
    "loose json rows": lambda n: "\n".join(["{'text': 'Ann', 'type': 'PER', 'bbox': None,}"] * (n // 46)),
    "loose json list": lambda n: "[" + ", ".join(["{'text': 'Ann', 'type': 'PER', 'bbox': None,}"] * (n // 47)) + "]",
    "json among words": lambda n: "\n".join(['So: {"text": "Ann", "type": "PER", "bbox_2d": null} here'] * (n // 54)),
    "half json": lambda n: "\n".join(['{"text": "Ann", "type": '] * (n // 25)),
    "fruitless braces": lambda n: '{a: b} ["x" ' * (n // 12),
    "single quotes": lambda n: "{'" * (n // 2),
    "comments": lambda n: "{// x\n" * (n // 6),
    "open comment": lambda n: '{"a": /*' + "*" * n,
    "table": lambda n: "| Name | Type | Box |\n|---|---|---|\n" + "| Ann | PER | None |\n" * (n // 21),
    "headers": lambda n: "| Name | Type | Box |\n" * (n // 22),
    "rules": lambda n: "|---" * (n // 4),
    "bullets": lambda n: "- " * (n // 2) + "Ann | PER | None",
    "emphasis": lambda n: "*" * n + " | PER | None",
    "numbers in front": lambda n: "1. " * (n // 3) + "Ann | PER | None",
    "lead-ins": lambda n: "Here are the entities: " * (n // 23),
    "revisions": lambda n: "No, rather:\nAnn | PER | None\n" * (n // 29),
    "boxed": lambda n: "\\boxed{" * (n // 7),
    "end tags of turns": lambda n: "Ann | PER | None" + "<|im_end|>" * (n // 10),
    "odd tags at the end": lambda n: "Ann | PER | None" + "<|x|>" * (n // 5),
    "harmony tags": lambda n: "<|channel|>final<|message|>x" * (n // 28),
    "bracket tags": lambda n: "[THINK]x[/THINK]" * (n // 16),
    "invisible": lambda n: "\u200b" * n + "Ann | PER | None",
    "other bars": lambda n: "Ann\u2502PER\u2502None\n" * (n // 13),
    "arrows": lambda n: " -> ".join(["Ann"] * (n // 7)),
    "labeled": lambda n: "Ann (PER): None\n" * (n // 16),
    "none phrases": lambda n: "Ann | PER | not " + "visible " * (n // 8),
}
