"""Gold, decorated by a grammar of all that is read, in all combinations, is read back exactly."""

import json
import random

import pytest

from mcr.formats import parse_completion
from mcr.formats.markup import what_is_read as table
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity

NAMES = [
    *("Ann Lee", "O'Neil", "AT&T", "50 Cent", "St. John", "東京", "José", "@who_", "#Tag", "Mr. X", "U.S.", "C-3PO", "Hidden"),
    *(
        "Guns N' Roses",
        "Panic! at the Disco",
        "Unknown Pleasures",
        "Row 5",
        "Number 10",
        "Music",
        "No Doubt",
        "New York",
        "The National",
    ),
    *(
        "Final Fantasy",
        "So Solid Crew",
        "Answer Ltd",
        "J. Cole",
        "Şebnem",
        "Владимир",
        "محمد",
        "P!nk",
        "Lil' Kim",
        "A. J. Styles",
    ),
]
SPELLINGS = {
    "PER": ("PER", "per", "Person", "persons", "B-PER", "[PER]", "**PER**", "Person (PER)", "`PER`", "<PER>"),
    "LOC": ("LOC", "Location", "Locations", "I-LOC", "(LOC)", "*LOC*", "LOC (Location)", "LOC."),
    "ORG": ("ORG", "organization", "Organisations", "S-ORG", "_ORG_", "ORG/Company", "organisation"),
    "OTHER": ("OTHER", "Others", "MISC", "misc", "B-MISC", "Miscellaneous", "[MISC]"),
}
NAME_MARKS = (
    "{}",
    "**{}**",
    "*{}*",
    "__{}__",
    "`{}`",
    '"{}"',
    "“{}”",
    "「{}」",
    "《{}》",
    "<ref>{}</ref>",
    "\u200b{}\u200b",
    "<b>{}</b>",
    "***{}***",
)
NAME_MARKS += ("<|object_ref_start|>{}<|object_ref_end|>", "**“{}”**", "~~{}~~", "\u2060{}")
BOXES = (
    *("[{}, {}, {}, {}]", "({}, {}, {}, {})", "[[{}, {}, {}, {}]]", "({},{}),({},{})", "<|box_start|>({},{}),({},{})<|box_end|>"),
    *(
        "<box>[[{}, {}, {}, {}]]</box>",
        "<|begin_of_box|>[{},{},{},{}]<|end_of_box|>",
        "[{}, {}, {}, {}].",
        "[{}, {}, {}, {}] (at the left)",
    ),
    *(
        "[{} {} {} {}]",
        "x1={}, y1={}, x2={}, y2={}",
        '{{"x1": {}, "y1": {}, "x2": {}, "y2": {}}}',
        "approximately [{}, {}, {}, {}]",
    ),
    *(
        "`[{}, {}, {}, {}]`",
        "**[{}, {}, {}, {}]**",
        "［{}，{}，{}，{}］",
        "<|det|>[[{}, {}, {}, {}]]<|/det|>",
        "[[{}, {}], [{}, {}]]",
    ),
    *(
        "{}, {}, {}, {}",
        "xmin: {}, ymin: {}, xmax: {}, ymax: {}",
        "[{}px, {}px, {}px, {}px]",
        "[{}.0, {}.0, {}.0, {}.0] - in front",
    ),
)
NONES = (
    *(
        "None",
        "none",
        "NULL",
        "N/A",
        "[]",
        "None.",
        "None (not visible)",
        "Not visible in the image",
        "not shown",
        "does not appear",
    ),
    *(
        "absent",
        "ungroundable",
        "No bounding box",
        "—",
        "–",
        "❌",
        "不在图像中",
        "无",
        "未出现",
        "图中没有",
        "**None**",
        "`None`",
        "is not depicted",
    ),
    *(
        "not present in the picture",
        "cannot be seen in the photo",
        "no visible region",
        "There is no box",
        "unknown",
        "<box>None</box>",
    ),
)
BULLETS = ("", "- ", "* ", "+ ", "• ", "● ", "◦ ", "→ ", "> ", "> - ", "- [ ] ", "- [x] ", "✅ ", "– ", "· ")
NUMBERS = (
    "{}. ",
    "{}) ",
    "({}) ",
    "（{}）",
    "{}、",
    "[{}] ",
    "Entity {}: ",
    "**{}.** ",
    "#{}: ",
    "No. {}: ",
    "- {}. ",
    "{}️⃣ ",
    "实体{}：",
)
LEADS = (
    "",
    "Here are the entities:\n",
    "Sure! Here are the named entities in the text:\n\n",
    "Output:\n",
    "## Entities\n",
    "**Result:**\n",
)
LEADS += ("The entities are as follows:\n", "输出：\n", "I looked at the image.\n")
BETWEEN = (
    "",
    "\n",
    "\nIt is at the left.\n",
    "\n**People**\n",
    "\n### Places\n",
    "\n---\n",
    "\nThe image is clear about that.\n",
    "\nOther:\n",
)
TAILS = (
    "",
    "\n",
    "\n\nLet me know!",
    *("<|im_end|>", "</s>", "<|eot_id|>", "<end_of_turn>", "<｜end▁of▁sentence｜>", "<|user|>", "<eos>"),
)
WRAPS = (
    *(
        "{}",
        "<answer>\n{}\n</answer>",
        "<answer type='rows'>{}</answer>",
        "<final_answer>{}</final_answer>",
        "<result>{}</result>",
    ),
    *(
        "Answer:\n{}",
        "**Final answer:**\n{}",
        "答案：\n{}",
        "<|begin_of_box|>{}<|end_of_box|>",
        "\\boxed{{{}}}",
        "<output>{}</output>",
    ),
    *("<CONCLUSION>{}</CONCLUSION>", "<|START_RESPONSE|>{}<|END_RESPONSE|>"),
)
FENCES = ("{}", "{}", "```\n{}\n```", "```text\n{}\n```", "```json\n{}\n```")
DRAFT = "Draft:\nBob Roe | PER | None\n<{}>no</{}> hmm, [1, 2, 3, 4]\n"
REASONINGS = (
    *(
        "",
        "<think>{}</think>\n",
        "<thinking>{}</thinking>",
        "<thought>{}</thought>\n",
        "<reasoning>{}</reasoning>",
        "[THINK]{}[/THINK]",
    ),
    *(
        "<analysis>{}</analysis>\n",
        "◁think▷{}◁/think▷",
        "<seed:think>{}</seed:think>",
        "<|channel>thought\n{}<channel|>",
        "{}</think>\n",
    ),
    *("<|START_THINKING|>{}<|END_THINKING|>", "<SUMMARY>a</SUMMARY><CAPTION>{}</CAPTION><REASONING>b</REASONING>\n"),
    *(
        "<|begin_of_thought|>{}<|end_of_thought|>",
        "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
)


def random_gold(rng, task="gmner"):
    names = rng.sample(NAMES, rng.randint(1, 4))
    found = []
    for name in names:
        x, y = rng.randint(1, 300), rng.randint(1, 300)
        box = (x, y, x + rng.randint(1, 200), y + rng.randint(1, 200))
        found.append(Entity(name, rng.choice(list(SPELLINGS)), None if task == "mner" or rng.random() < 0.5 else (box,)))
    return found


def place_of(rng, entity, forms=BOXES):
    return rng.choice(NONES) if entity.boxes is None else rng.choice(forms).format(*map(int, entity.boxes[0]))


def name_of(rng, entity):
    mark = rng.choice(NAME_MARKS)
    return entity.text if mark[0] in "*_~" and entity.text[0] in "@#_" else mark.format(entity.text)


def rows(rng, gold):
    bar = rng.choice((" | ", "|", "｜", "│", "丨", " ∣ ", "\t"))
    number = rng.choice((*NUMBERS, *[""] * 5))
    bullet = "" if number else rng.choice(BULLETS)
    remark = rng.choice(("", "", f"{bar}because I see it"))
    order = rng.choice(((0, 1, 2), (0, 2, 1), (1, 0, 2)))
    lines = []
    for index, entity in enumerate(gold, 1):
        parts = (name_of(rng, entity), rng.choice(SPELLINGS[entity.type]), place_of(rng, entity))
        line = bar.join(parts[part] for part in order) + (remark if order == (0, 1, 2) else "")
        lines.append(f"{number.format(index)}{bullet}{line}")
    return rng.choice(BETWEEN).join(line if index == 0 else f"\n{line}" for index, line in enumerate(lines))


def joined(rng, gold):
    forms = [form for form in BOXES if ";" not in form]
    bar, semicolon = rng.choice((("|", "; "), (" | ", " ; "), ("｜", "；"), ("|", ";")))
    lead = rng.choice(("", "Output: ", "Here are the entities: ", "实体："))
    return lead + semicolon.join(
        bar.join((name_of(rng, entity), rng.choice(SPELLINGS[entity.type]), place_of(rng, entity, forms))) for entity in gold
    )


def markdown_table(rng, gold):
    columns = [("name", ("Entity", "**Name**", "Named Entity", "Text", "实体", "Span"))]
    columns += [("type", ("Type", "*Entity Type*", "Category", "Label", "类型"))]
    boxes = [("box", ("Box", "Bounding Box", "**bbox_2d**", "Location", "Bounding Box [x1, y1, x2, y2]", "边界框"))]
    corners = [(f"corner{index}", (names[0], names[1], names[3])) for index, names in enumerate(table.CORNER_KEYS)]
    columns += boxes if rng.random() < 0.6 else corners
    columns += [("reason", ("Reason", "Notes", "说明"))] * rng.randint(0, 1) + [
        ("visible", ("Visible", "In image"))
    ] * rng.randint(0, 1)
    rng.shuffle(columns)
    columns = [("number", ("#", "No.", "序号", "ID"))] * rng.randint(0, 1) + columns
    place = rng.randrange(3)
    names = {
        role: (words[min(place, len(words) - 1)] if role.startswith("corner") else rng.choice(words)) for role, words in columns
    }
    edge = rng.choice(("|", ""))
    lines = [
        f"{edge} {' | '.join(names[role] for role, _ in columns)} {edge}",
        f"{edge}{'|'.join(['---', ':-:', '--:'][index % 3] for index in range(len(columns)))}{edge}",
    ]
    for index, entity in enumerate(gold, 1):
        cells = {
            "number": str(index),
            "name": name_of(rng, entity),
            "type": rng.choice(SPELLINGS[entity.type]),
            "reason": "as I see it",
        }
        cells |= {"visible": "yes" if entity.boxes else "no", "box": place_of(rng, entity, BOXES[:8])}
        cells |= {f"corner{at}": str(int(entity.boxes[0][at])) if entity.boxes else "-" for at in range(4)}
        lines.append(f"{edge} {' | '.join(cells[role] for role, _ in columns)} {edge}")
    return "\n".join(lines)


def json_place(rng, entity):
    if entity.boxes is None:
        return rng.choice((None, [], "None", "not visible", "", "N/A", {}))
    x1, y1, x2, y2 = map(int, entity.boxes[0])
    forms = (
        [x1, y1, x2, y2],
        [[x1, y1, x2, y2]],
        {"x1": x1, "y1": y1, "x2": x2, "y2": y2},
        f"[{x1}, {y1}, {x2}, {y2}]",
        [str(x1), str(y1), str(x2), str(y2)],
    )
    forms += (
        {"xmin": x1, "ymin": y1, "xmax": x2, "ymax": y2},
        {"left": x1, "top": y1, "right": x2, "bottom": y2},
        [{"xmin": x1, "ymin": y1, "xmax": x2, "ymax": y2}],
    )
    forms += ({"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}, [[x1, y1], [x2, y2]])
    return rng.choice(forms)


def json_items(rng, gold):
    name_key = rng.choice(
        ("text", "entity", "name", "span", "mention", "Entity_span", "entityName", "named entity", "word", "label")
    )
    type_key = (
        rng.choice(("type", "entity_type", "Category", "class"))
        if name_key == "label"
        else rng.choice(("type", "label", "Entity Type", "category", "ner"))
    )
    box_key = rng.choice(
        (
            "bbox_2d",
            "bbox",
            "box",
            "boxes",
            "bndbox",
            "bounding_box",
            "boundingBox",
            "location",
            "entity_region",
            "coordinates",
            "box2d",
        )
    )
    items = []
    for entity in gold:
        parts = [
            (name_key, entity.text),
            (type_key, rng.choice(SPELLINGS[entity.type])),
            (box_key, json_place(rng, entity)),
        ]
        rng.shuffle(parts)
        items.append(dict(parts))
    return items


def strict_or_loose(rng, value, indent=None):
    """Write a value as JSON, as Python, or with the usual slips."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    kind = rng.randrange(5)
    if kind == 1:
        return repr(value)
    if kind == 2:
        return text.replace("}", ",}").replace("{,}", "{}")
    if kind == 3:
        return text.replace("null", "None")
    if kind == 4:
        return text.replace("{", "{ // one\n").replace("{ // one\n}", "{}") if "//" not in text else text
    return text


def json_answer(rng, gold):
    items = json_items(rng, gold)
    kind = rng.randrange(6)
    if kind == 0:
        return strict_or_loose(rng, items, rng.choice((None, 2)))
    if kind == 1:
        return "\n".join(strict_or_loose(rng, item) for item in items)
    if kind == 2:
        return "\n".join(f"Entity {index}:\n{strict_or_loose(rng, item)}" for index, item in enumerate(items, 1))
    if kind == 3:
        return strict_or_loose(rng, {rng.choice(("entities", "result", "named_entities")): items})
    if kind == 4:
        return "\n".join(f"```json\n{strict_or_loose(rng, item)}\n```" for item in items)
    by_type = {}
    for entity in gold:
        by_type.setdefault(entity.type, []).append({"name": entity.text, "bbox": json_place(rng, entity)})
    return strict_or_loose(rng, by_type)


def tuples(rng, gold):
    values = [
        (entity.text, rng.choice(SPELLINGS[entity.type][:3]), list(map(int, entity.boxes[0])) if entity.boxes else None)
        for entity in gold
    ]
    return rng.choice(
        (
            repr(values),
            "\n".join(map(repr, values)),
            str(values).replace("'", '"') if not any("'" in v[0] for v in values) else repr(values),
        )
    )


def sentences(rng, gold):
    verb = rng.choice((" is a(an) ", " is a ", " is an "))
    whose = rng.choice((", whose bounding boxes are ", ", whose bounding box is ", " whose box is "))
    number = rng.choice(("", "", "{}. ", "- "))
    forms = ("[{}, {}, {}, {}]", "({}, {}, {}, {})")
    return "\n".join(
        f"{number.format(index)}{e.text}{verb}{e.type}{whose}{'None' if e.boxes is None else rng.choice(forms).format(*map(int, e.boxes[0]))}."
        for index, e in enumerate(gold, 1)
    )


def labeled(rng, gold):
    form = rng.choice(("{0} ({1}): {2}", "- **{0}** ({1}): {2}", "{0} -> {1} -> {2}", "{0} → {1} → {2}", "({0}, {1}, {2})"))
    boxes = ("[{}, {}, {}, {}]", "({}, {}, {}, {})")
    nones = ("None", "not visible in the image", "无")
    return "\n".join(
        form.format(e.text, e.type, rng.choice(nones) if e.boxes is None else rng.choice(boxes).format(*map(int, e.boxes[0])))
        for e in gold
    )


FORMS = {one.__name__: one for one in (rows, joined, markdown_table, json_answer, tuples, sentences, labeled)}


def decorate(rng, answer, form):
    fence = rng.choice(FENCES) if form != "json_answer" or "```" not in answer else "{}"
    wrap = rng.choice([one for one in WRAPS if form in ("rows", "joined", "json_answer") or "boxed" not in one])
    lead = rng.choice(LEADS) if not wrap.startswith("\\") else ""
    reasoning = rng.choice(REASONINGS)
    tail = rng.choice(TAILS)
    if "START_RESPONSE" in wrap or "harmony" in reasoning:
        tail = ""
    if "Let me" in tail and (wrap == "{}" or wrap.startswith(("Answer", "**Final", "答案"))):
        tail = "\n"
    return reasoning.format(DRAFT.format("b", "b")) + wrap.format(lead + fence.format(answer)) + tail


def normal(entities):
    return [(entity.text, DEFAULT_LABELS.canonical(entity.type), entity.boxes or ()) for entity in entities]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("has_sentence", [True, False])
def test_decorated_gold_is_read_back_exactly(form, has_sentence):
    rng = random.Random(f"{form}/{has_sentence}")
    for _ in range(1500):
        gold = random_gold(rng)
        text = decorate(rng, FORMS[form](rng, gold), form)
        sentence = "RT: " + ", ".join(rng.sample([entity.text for entity in gold], len(gold))) + " were seen"
        parsed = parse_completion(text, sentence=sentence if has_sentence else "")
        assert all(entity.boxes != () for entity in parsed.entities), f"{text}\n{parsed.problems}"
        order = sorted if form == "json_answer" else list  # which may be nested by type
        assert order(normal(parsed.entities)) == order(normal(gold)), f"{text}\n{parsed.problems}"
