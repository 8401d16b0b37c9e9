"""The corpus of the base model: general, not the task, true but for its weak labels, its phrasings held out."""

import json
import re
from random import Random

import pytest

from data_prep.sandbox.corpus.exchanges import SKILLS, Exchange, ask, write_box
from data_prep.sandbox.corpus.mix import (
    STRANGE_WEIGHTS,
    WEIGHTS,
    corpus_scene,
    corpus_texts,
    draw_dialogue,
    draw_exchanges,
    is_strange,
)
from data_prep.sandbox.corpus.phrasings import BANK
from data_prep.sandbox.corpus.probes import is_right, make_probes
from data_prep.sandbox.corpus.weak import guessed_box, weak_rows, write_json
from data_prep.sandbox.looks import KNOWN, OWNER_OF, UNSEEN
from data_prep.sandbox.scenes import make_scene
from mcr.families import FAMILIES
from mcr.formats import parse_completion
from mcr.labels import TWITTER_GMNER
from mcr.prompts.baselines import STYLES, PromptingBaseline
from mcr.prompts.settings import DETAILS, write_instruction
from mcr.tasks import GMNER

TEXTS = corpus_texts(0, 300)
FRAME = FAMILIES["qwen3_vl"].frame


def test_each_skill_has_phrasings_a_weight_and_a_function():
    assert {*BANK} == {*SKILLS} == {*WEIGHTS}


@pytest.mark.parametrize("skill", BANK)
def test_held_out_phrasings_are_in_no_corpus(skill):
    trained = {phrasing for phrasings in BANK.values() for phrasing in phrasings.trained}
    assert BANK[skill].held_out
    assert not {*BANK[skill].held_out} & trained


def test_the_corpus_is_the_same_for_the_same_seed():
    assert corpus_texts(0, 20) == corpus_texts(0, 20) != corpus_texts(1, 20)


def test_no_prompt_and_no_instruction_of_the_task_is_in_the_corpus():
    prompts = [PromptingBaseline(style, TWITTER_GMNER, FRAME).instruction(GMNER) for style in STYLES[:2]]
    prompts += [write_instruction(TWITTER_GMNER, FRAME, detail=detail) for detail in DETAILS]
    goals = [GMNER.goal, GMNER.checks, GMNER.caution, GMNER.answer, GMNER.answer_only, GMNER.brief, GMNER.row_rule, *prompts]
    assert not [goal for goal in goals if any(goal in text for text in TEXTS)]


def test_no_answer_of_the_corpus_is_rows_of_names_types_and_boxes():
    names = {name.text for name in KNOWN}
    for text in TEXTS:
        assert not [line for line in text.splitlines() if line.count("|") == 2 and line.split(" | ")[0] in names]


def test_unseen_names_are_not_in_the_corpus():
    assert not [name.text for name in UNSEEN if any(name.text in text for text in TEXTS)]


def test_the_looks_of_unseen_names_are_in_the_corpus():
    assert any(look.label in text for text in TEXTS for name in UNSEEN for look in name.looks)


def test_what_is_named_is_mostly_shown_and_what_is_shown_is_mostly_named():
    scenes = [scene for scene in (corpus_scene(0, index) for index in range(600)) if not is_strange(scene)]
    named = [bool(scene.shown_of(name)) for scene in scenes for name in scene.named]
    shown = [OWNER_OF[look] in scene.named for scene in scenes for look, _ in scene.drawn]
    assert sum(named) / len(named) > 0.75
    assert sum(shown) / len(shown) > 0.5


def test_no_scene_of_the_corpus_is_one_of_the_task():
    corpus = {(scene.sentence, scene.drawn) for scene in (corpus_scene(0, index) for index in range(500))}
    task = {
        (scene.sentence, scene.drawn)
        for split in ("train", "dev", "test")
        for scene in (make_scene(0, split, i) for i in range(200))
    }
    assert not {pair for pair in corpus & task if pair[1]}


def test_where_a_look_is_asked_for_the_answer_is_its_box():
    for index in range(50):
        scene = corpus_scene(0, index)
        exchange = ask("find_look", scene, Random(index))
        asked = [(look, box) for look, box in scene.drawn if look.label in exchange.question]
        if asked:
            assert exchange.answer == f"{asked[0][0].label} {write_box(asked[0][1], scene)}"
        else:
            assert exchange.answer.endswith(", not there")


def test_a_part_of_a_look_is_asked_for_where_one_thing_has_it():
    for index in range(50):
        scene = corpus_scene(0, index)
        exchange = ask("find_part", scene, Random(index))
        if exchange is None:
            continue
        part, box = exchange.answer.split(" ", 1)
        having = [(look, at) for look, at in scene.drawn if part in (look.color, look.shape)]
        assert [write_box(at, scene) for _, at in having] == [box]


def test_weak_labels_give_each_name_a_box_where_anything_is_shown():
    for index in range(100):
        scene = corpus_scene(0, index)
        rows = json.loads(write_json(weak_rows(scene, Random(0)), lambda box: json.dumps(list(box))))
        assert [row["name"] for row in rows][: len(scene.named)] == [name.text for name in scene.named]
        assert all((row["bounding_box"] is not None) == bool(scene.drawn) for row in rows)


def test_the_guessed_box_is_the_leftmost_of_the_type_whatever_the_name_looks_like():
    name = KNOWN[0]
    looks = {look.label: look for look in OWNER_OF}
    drawn = [(looks["black-square"], (0, 0, 1, 1)), (looks["red-disc"], (3, 0, 4, 1)), (looks["black-ring"], (2, 0, 3, 1))]
    assert (name.appearance, name.type) == ("red-disc or green-disc", "PER")
    assert guessed_box(name, drawn) == (2, 0, 3, 1)
    assert guessed_box(name, drawn[:2]) == (3, 0, 4, 1)
    assert guessed_box(name, drawn[:1]) == (0, 0, 1, 1)
    assert guessed_box(name, []) is None


def test_no_skill_gives_a_name_its_own_box_but_behind_its_look():
    names = {name.text for name in KNOWN}
    for index in range(100):
        scene = corpus_scene(0, index)
        for skill in set(SKILLS) - {"link", "note", "look_up", "retell"}:
            exchange = ask(skill, scene, Random(index))
            boxed = re.findall(r"([^;\n]+?),? \[\d", exchange.answer) if exchange else []
            assert not [before for before in boxed if before.strip() in names]


@pytest.mark.parametrize("skill", ["link", "note"])
def test_weak_labels_are_readable_answers_of_another_form_than_schemas_teach(skill):
    scene = next(scene for scene in (corpus_scene(0, index) for index in range(50)) if len(scene.named) == 2 and scene.drawn)
    exchange = ask(skill, scene, Random(0))
    assert {entity.text for entity in parse_completion(exchange.answer).entities} >= {name.text for name in scene.named}
    assert '"text"' not in exchange.answer
    assert " | " not in exchange.answer


def test_a_dialogue_asks_each_scene_the_same_kind_of_question():
    scenes = [corpus_scene(0, index) for index in range(3)]
    dialogue = draw_dialogue(scenes, Random(0))
    assert len({exchange.skill for _, exchange in dialogue}) == 1
    assert [scene for scene, _ in dialogue] == scenes


def test_the_beginning_asks_for_seeing_finding_and_copying_alone():
    scene = corpus_scene(0, 1)
    asked = {one.skill for one in draw_exchanges(scene, 60, Random(0), is_first=True)}
    assert asked <= {"find_part", "list_boxes", "find_look", "look_at_box", "repeat", "look_up"}


def test_probes_are_on_scenes_and_in_phrasings_that_no_corpus_has():
    for probe in make_probes("find_look", 20):
        assert probe.exchange.question not in TEXTS
        assert probe.exchange.answer.endswith("]")


@pytest.mark.parametrize(
    ("answer", "right"),
    [("[0, 0, 500, 250]", True), ("[0, 0, 250, 250]", False), ("it is at [0, 0, 500, 500].", True), ("not there", False)],
)
def test_a_box_is_right_from_an_iou_of_one_half(answer, right):
    assert is_right(Exchange("find_look", "Where?", "[0, 0, 500, 500]"), answer) is right


def test_strangers_are_copied_and_have_no_look():
    scenes = [scene for scene in (corpus_scene(0, index) for index in range(200)) if is_strange(scene)]
    assert 20 < len(scenes) < 60
    texts = [name.text for scene in scenes for name in scene.named]
    assert len(set(texts)) > 0.95 * len(texts)
    for scene in scenes:
        assert not any(scene.shown_of(name) for name in scene.named)
        skills = {one.skill for one in draw_exchanges(scene, 40, Random(0))}
        assert skills <= {*STRANGE_WEIGHTS}
        exchange = ask("names_in_text", scene, Random(0))
        assert exchange.answer == "; ".join(name.text for name in scene.named)


def test_what_is_looked_up_is_a_row_of_the_list():
    for index in range(50):
        exchange = ask("look_up", corpus_scene(0, index), Random(index))
        rows = (
            exchange.question.replace("; ", "\n").replace("List: ", "").replace("Given: ", "").replace("Known: ", "").splitlines()
        )
        assert exchange.answer in rows


def test_words_of_the_templates_are_repeated_in_a_random_order():
    asked = [ask("repeat", corpus_scene(0, index), Random(index)) for index in range(100)]
    assert all(exchange.answer in exchange.question for exchange in asked)
    assert len({exchange.answer for exchange in asked}) == 100
