"""Tasks: what they ask for decides; a task of another choice needs no other change."""

from dataclasses import replace

import pytest

from mcr import tasks
from mcr.boxes import frame_for
from mcr.errors import ConfigError, DataError
from mcr.formats import ANSWER_FORMATS, ORDERS, parse_completion, write_answer
from mcr.metrics.counts import sample_counts
from mcr.metrics.error_kinds import judge
from mcr.records import Entity, ImageRef, Sample, ScoredSample
from mcr.tasks import GMNER, MNER, TASKS, VG, task_named
from rewards import score_completion, score_entities
from rewards.explain import explain

BOX = ((0.0, 0.0, 10.0, 10.0),)
EEG = replace(GMNER, name="eeg", has_type=False)


@pytest.mark.parametrize(
    ("task", "asked", "parts"),
    [
        (GMNER, ("text", "type", "location"), ("count", "span", "type", "entailment", "grounding")),
        (MNER, ("text", "type"), ("count", "span", "type")),
        (VG, ("location",), ("entailment", "grounding")),
        (EEG, ("text", "location"), ("count", "span", "entailment", "grounding")),
    ],
)
def test_what_a_task_asks_for_decides_its_rewards(task, asked, parts):
    assert (task.asked, task.reward_parts) == (asked, parts)


def test_names_are_looked_up_where_samples_are_built():
    sample = Sample("1", "d", "vg", "the man", (ImageRef("a.png", 20, 20),), (Entity("the man", "", BOX),))
    assert sample.task is VG
    assert ScoredSample("", (), (), task="mner").task is MNER
    assert task_named(EEG) is EEG
    with pytest.raises(ConfigError, match="expected one of gmner, mner, vg"):
        task_named("ner")
    with pytest.raises(DataError, match="sample 1: task: got 'ner'"):
        replace(sample, task="ner")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("answer_format", [name for name, one in ANSWER_FORMATS.items() if one.fits(EEG)])
def test_a_task_without_types_is_written_read_and_rewarded(answer_format, order):
    gold = [Entity("New York", "", BOX), Entity("Ann; Lee", "", None)]
    text = f"<answer>\n{write_answer(gold, answer_format, order=order, task=EEG)}\n</answer>"
    assert "|  |" not in text
    assert parse_completion(text, EEG).entities == tuple(gold)
    assert score_completion(text, gold, task=EEG).total == 1
    wrong = score_entities([Entity("New York", "", None)], gold, task=EEG)
    assert wrong.parts["type"] == pytest.approx((wrong.count + wrong.span + wrong.entailment + wrong.grounding) / 4)


def test_a_task_without_types_is_judged_by_texts_and_locations_alone():
    gold = (Entity("New York", "LOC", BOX), Entity("Ann", "PER", None), Entity("Bob", "PER", BOX))
    predicted = (Entity("New York", "", BOX), Entity("Ann", "", None), Entity("Bob", "", None))
    row = ScoredSample("Ann and Bob in New York", gold, predicted, task=EEG)
    counts = sample_counts(row)
    for measure, numbers in (("eeg", [2, 3, 3]), ("no_target", [1, 2, 1])):
        assert [counts[measure, part] for part in ("correct", "predicted", "gold")] == numbers
    assert [counts["grounding", part] for part in ("hits@0.5", "gold")] == [1, 2]
    assert sorted(verdict.kind for verdict in judge(row)) == ["right", "right", "should have a box"]


def test_an_explanation_leaves_out_what_the_task_does_not_ask_for():
    gold = [Entity("Ann", "PER", BOX)]
    scored = {task: score_entities([Entity("Ann", "", BOX)], gold, task=task) for task in (EEG, MNER)}
    assert explain(scored[EEG], gold, task=EEG).splitlines()[1].split()[-5:] == ["1.00", "-", "yes", "1.00", "1.00"]
    assert explain(scored[MNER], gold, task="mner").splitlines()[1].split()[-5:] == ["1.00", "no", "-", "-", "-"]
    assert explain(scored[EEG], gold, task=EEG).splitlines()[1].startswith("Ann | [0, 0, 10, 10]  ")


def test_every_task_is_in_the_table_under_its_name():
    assert {name: task.name for name, task in TASKS.items()} == {name: name for name in TASKS}
    assert {task.name for task in vars(tasks).values() if isinstance(task, tasks.Task)} == set(TASKS)


def test_an_entity_knows_its_frame():
    frame = frame_for("norm1000", 200, 100)
    entity = Entity("Ann", "PER", ((20, 10, 100, 60),)).in_frame(frame)
    assert entity.boxes == ((100, 100, 500, 600),)
    assert entity.to_px() == Entity("Ann", "PER", ((20, 10, 100, 60),))
    assert entity != Entity("Ann", "PER", ((100, 100, 500, 600),))
    assert entity.to_dict()["boxes"] == [[20, 10, 100, 60]]
    assert parse_completion("Ann | PER | [100, 100, 500, 600]", frame=frame).entities[0] == entity
    with pytest.raises(DataError, match="expected pixels and a frame"):
        entity.in_frame(frame)
    with pytest.raises(DataError, match="expected pixels and a frame"):
        Entity("Ann", "PER", BOX).in_frame(None)
