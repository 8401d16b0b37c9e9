"""The table of what is read: the docs show it, and every example in it is read."""

import re
from pathlib import Path

import pytest

from mcr.boxes import frame_for
from mcr.formats import opened_by, parse_completion
from mcr.formats.markup import what_is_read as table
from mcr.labels import LabelSet
from mcr.records import Entity

ANN = Entity("Ann Lee", "PER", ((30, 40, 210, 400),))
BOB = Entity("Bob", "ORG", None)
ROWS = "Ann Lee | PER | [30, 40, 210, 400]\nBob | ORG | None"


def read(text, *args, **kwargs):
    return list(parse_completion(text, *args, **kwargs).entities)


def examples(rules):
    return [example for _, found in rules for example in found]


def test_the_docs_show_the_table_that_the_readers_use():
    docs = (Path(__file__).parents[3] / "docs/rewards.md").read_text(encoding="utf-8")
    assert table.section() in docs, "write what mcr.formats.markup.what_is_read.section() returns into docs/rewards.md"


@pytest.mark.parametrize("words", examples(table.MARKERS) + examples(table.LEAD_INS))
def test_words_in_front_are_no_content(words):
    assert read(f"{words} {ROWS}") == read(f"{words}\n{ROWS}") == [ANN, BOB]


@pytest.mark.parametrize("words", examples(table.REVISIONS))
def test_words_announce_another_answer(words):
    parsed = parse_completion(f"Zed | PER | None\n{words}\n{ROWS}")
    assert list(parsed.entities) == [ANN, BOB]
    assert "an earlier answer was left out: 'Zed'" in parsed.problems


@pytest.mark.parametrize("token", table.END_TOKENS)
def test_an_end_token_ends_the_completion(token):
    parsed = parse_completion(f"{ROWS}{token}\nmore | PER | None")
    assert list(parsed.entities) == [ANN, BOB]
    assert parsed.problems == ("text behind the end of the turn was left out: 'more | PER | None'",)
    assert parse_completion(f"<answer>{ROWS}</answer>{token}").problems == ()


@pytest.mark.parametrize("token", [*table.BOX_TOKENS, *table.REFERENCE_TOKENS])
def test_tokens_around_parts_are_left_out(token):
    assert read(f"{token}Ann Lee | PER | [30, 40, 210, 400]{token}\nBob{token} | ORG | {token}None") == [ANN, BOB]


@pytest.mark.parametrize("sign", [*table.BULLET_SIGNS, "> ", "- [ ]", "> - [x]", "#"])
def test_bullets_are_no_content(sign):
    assert read("\n".join(f"{sign} {row}" for row in ROWS.split("\n"))) == [ANN, BOB]


@pytest.mark.parametrize("number", examples(table.NUMBERINGS))
def test_numbers_are_no_content_where_the_sentence_does_not_hold_them(number):
    assert read(f"{number} Ann Lee | PER | [30, 40, 210, 400]\n{number} Bob | ORG | None") == [ANN, BOB]
    assert read(f"{number} Ann Lee | PER | [30, 40, 210, 400]", sentence="Ann Lee and Bob") == [ANN]


def test_a_number_that_the_sentence_holds_stays():
    club = [Entity("1. FC Acme", "ORG", None)]
    for row in ("1. FC Acme | ORG | None", "- 1. FC Acme | ORG | None", "**1. FC Acme** | ORG | None", "1. FC Acme (ORG): None"):
        assert read(row, sentence="A win of 1. FC Acme today") == club
    parsed = parse_completion("1. FC Acme | ORG | None")
    assert parsed.entities[0].text == "FC Acme"
    assert "'1.' was taken for the list's number" in parsed.problems[0]
    assert parse_completion("1. FC Acme | ORG | None\n2. Bob | ORG | None").problems == ()


@pytest.mark.parametrize("key", [key for key in table.TEXT_KEYS if key not in ("entity", "object")])
def test_keys_of_the_name(key):
    assert read(f'[{{"{key}": "Bob", "type": "ORG", "bbox": null}}]') == [BOB]
    assert read(f"| {key} | type | box |\n|---|---|---|\n| Bob | ORG | None |") == [BOB]


@pytest.mark.parametrize("key", table.TYPE_KEYS)
def test_keys_of_the_type(key):
    assert read(f'[{{"text": "Bob", "{key}": "ORG", "bbox": null}}]') == [BOB]


@pytest.mark.parametrize("key", table.LOCATION_KEYS)
def test_keys_of_the_box(key):
    box = "[40, 30, 400, 210]" if key in table.Y_FIRST_KEYS else "[30, 40, 210, 400]"
    assert read(f'[{{"text": "Ann Lee", "type": "PER", "{key}": {box}}}]') == [ANN]
    assert read(f"{key} | type | text\n{box} | PER | Ann Lee") == [ANN]


def test_a_frame_decides_the_order_of_axes():
    text = '[{"box_2d": [40, 30, 400, 210], "label": "Ann Lee", "type": "PER"}]'
    y_first, x_first = frame_for("norm1000", 1000, 1000, axes="yxyx"), frame_for("norm1000", 1000, 1000)
    assert read(text, frame=y_first)[0].to_px().boxes == ANN.boxes
    assert read(text, frame=x_first)[0].to_px().boxes == ((40, 30, 400, 210),)


@pytest.mark.parametrize("form", table.BOX_FORMS)
def test_forms_of_boxes(form):
    assert read(f"Ann Lee | PER | {form}") == [ANN]
    assert read(form.replace("bbox", "box"), "vg") == [Entity("", "", ANN.boxes)]


@pytest.mark.parametrize("form", table.UNREAD_BOXES)
def test_what_is_meant_as_a_box_and_is_none_is_told(form):
    parsed = parse_completion(f"Ann Lee | PER | {form}")
    assert list(parsed.entities) == [Entity("Ann Lee", "PER", ())]
    assert "no location" in parsed.problems[0]
    assert form in parsed.problems[0]


@pytest.mark.parametrize("form", table.EMPTY_BOX_FORMS)
@pytest.mark.parametrize("template", ["Bob | ORG | {}", '[{{"text": "Bob", "type": "ORG", "bbox_2d": {}}}]'])
def test_empty_boxes_are_none_by_option_and_reported(form, template):
    parsed = parse_completion(template.format(form))
    assert list(parsed.entities) == [BOB]
    assert "an empty box was read as None" in parsed.problems[0]
    strict = parse_completion(template.format(form), reads_empty_boxes=False)
    assert list(strict.entities) == [Entity("Bob", "ORG", ())]
    assert "an empty box is no location" in strict.problems[0]


@pytest.mark.parametrize(
    "word", [*sorted(table.NONE_WORDS), *examples((*table.NONE_PHRASES, table.NONE_PHRASE_ZH)), "None (a crowd)", "**N/A**."]
)
def test_words_for_none(word):
    for form in (word, word.capitalize()):
        assert read(f"Bob | ORG | {form}") == [BOB]
    assert read(f"<answer>\n- Bob (ORG): {word}\n</answer>")[0].boxes is None or word in ("x", "\\", "/", "-", "--", "---")


@pytest.mark.parametrize("form", table.TYPE_FORMS)
def test_forms_of_types(form):
    (entity,) = read(f"Ann Lee | {form} | [30, 40, 210, 400]")
    assert entity.type in ("PER", "person")


def test_a_type_that_the_label_set_lacks_is_told():
    food = LabelSet("food", ("DISH", "DRINK"))
    assert parse_completion("Ramen | dish | None", labels=food).problems == ()
    assert parse_completion("dish | Ramen | None", labels=food).entities == (Entity("Ramen", "dish"),)
    assert "'PER' is not one of food's labels" in parse_completion("Ann | PER | None", labels=food).problems[0]


@pytest.mark.parametrize(
    "words", [*sorted(table.EMPTY_ANSWERS), *table.EMPTY_SENTENCE[1], "**None**", "- None.", "Entities: none"]
)
def test_words_for_no_entity(words):
    parsed = parse_completion(f"<answer>{words}</answer>")
    assert parsed.is_readable
    assert not parsed.entities


@pytest.mark.parametrize(("name", "form"), table.ANSWER_FORMS)
def test_forms_of_answers(name, form):
    if form.startswith("#"):
        form = f"{form}\n1 | PER | Ann Lee | 30 | 40 | 210 | 400 | seen"
    assert read(form) == [ANN]


@pytest.mark.parametrize("name", table.REASONING_NAMES)
def test_reasoning_that_the_prompt_opened_is_no_answer(name):
    prompt = f"<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n<{name}>\n"
    opened = opened_by(prompt)
    assert opened == f"<{name}>"
    assert not parse_completion(ROWS, opened=opened).is_readable
    for text in (f"Zed | PER | None</{name}>{ROWS}", f"<{name}>Zed | PER | None</{name}>\n{ROWS}"):
        assert read(text, opened=opened) == [ANN, BOB]


def test_an_answer_that_the_prompt_opened_is_one():
    assert read(f"{ROWS}</answer>", opened=opened_by("assistant: <answer>")) == [ANN, BOB]
    assert opened_by("<think>\n\n</think>\n\n") == opened_by("no tag") == ""


def test_a_completion_that_was_cut_before_its_answer_is_none():
    assert not parse_completion(f"{ROWS}\nBut wait, let me", is_complete=False).is_readable
    assert read(f"<answer>{ROWS}</answer> and mo", is_complete=False) == [ANN, BOB]
    assert read(f"{ROWS}\nThat is all.") == [ANN, BOB]


def test_every_piece_that_is_not_read_is_told_with_its_text():
    parsed = parse_completion(f"<answer>\n{ROWS}\nZed ? somewhere\nEve | PER | at the left\n</answer>")
    assert list(parsed.entities) == [ANN, BOB]
    assert [re.search("Zed . somewhere|Eve", problem) is not None for problem in parsed.problems] == [True, True]
