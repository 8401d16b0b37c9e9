"""What watches a long GRPO run."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")
from mcr.errors import ConfigError, McrError
from mcr.io.predictions import Prediction
from mcr.records import Entity, ImageRef, Sample
from mcr.report.figures import draw_curves
from mcr.report.run_page import last_values
from mcr.tasks import GMNER
from mcr.training.callbacks.collapse import CollapseBounds, CollapseGuard
from mcr.training.callbacks.validation import decisive_score, held_out_scores
from mcr.training.checkpoints.resume import COMPLETE_MARKER

STATE = SimpleNamespace(global_step=7)


def log(guard, **logs):
    guard.on_log(None, STATE, None, logs={"reward": 0.5, "loss": 0.1} | logs)


def test_a_bound_passed_often_enough_ends_the_run_with_the_reason(tmp_path):
    guard = CollapseGuard(tmp_path, CollapseBounds(max_unreadable=0.5, patience=3))
    for share in (0.6, 0.7, 0.4, 0.6, 0.6):
        log(guard, **{"completions/unreadable": share})
    with pytest.raises(
        McrError,
        match=r"step 7: completions/unreadable is 0\.9, expected at most 0\.5, 3 logs in a row.*No checkpoint up to step 7",
    ):
        log(guard, **{"completions/unreadable": 0.9})


@pytest.mark.parametrize(
    ("bounds", "logs"),
    [
        ({"min_entropy": 0.1}, {"entropy": 0.01}),
        ({"max_entropy": 2}, {"entropy": 3}),
        ({"max_clipped": 0.5}, {"completions/clipped_ratio": 1}),
    ],
)
def test_entropy_and_length_are_watched_where_asked(tmp_path, bounds, logs):
    log(CollapseGuard(tmp_path, CollapseBounds(patience=1)), **logs)
    with pytest.raises(McrError, match="collapsed"):
        log(CollapseGuard(tmp_path, CollapseBounds(patience=1, **bounds)), **logs)


def write_checkpoint(out, step):
    (out / f"checkpoint-{step}").mkdir()
    (out / f"checkpoint-{step}" / COMPLETE_MARKER).write_text("{}")


def test_a_reward_that_is_not_a_number_ends_the_run_at_once_and_names_the_last_good_checkpoint(tmp_path):
    write_checkpoint(tmp_path, 5)
    guard = CollapseGuard(tmp_path, CollapseBounds())
    log(guard)
    with pytest.raises(McrError, match=r"reward not a finite number. The last good checkpoint is .*checkpoint-5"):
        log(guard, reward=float("nan"))


def test_a_checkpoint_written_while_the_run_collapsed_is_not_a_good_one(tmp_path):
    guard = CollapseGuard(tmp_path, CollapseBounds(max_unreadable=0.5, patience=2))
    guard.on_train_begin(None, SimpleNamespace(global_step=4), None)
    write_checkpoint(tmp_path, 4)
    write_checkpoint(tmp_path, 7)
    log(guard, **{"completions/unreadable": 0.9})
    with pytest.raises(McrError, match=r"The last good checkpoint is .*checkpoint-4\."):
        log(guard, **{"completions/unreadable": 0.9})


def test_a_reward_that_trl_logs_as_none_is_not_a_number(tmp_path):
    with pytest.raises(McrError, match="reward not a finite number"):
        log(CollapseGuard(tmp_path, CollapseBounds()), reward=None)


def test_logs_of_other_kinds_and_text_are_passed_over(tmp_path):
    guard = CollapseGuard(tmp_path, CollapseBounds(patience=1))
    guard.on_log(None, STATE, None, logs={"held_out/gmner_f1": 0.5, "note": "text"})
    guard.on_log(None, STATE, None, logs=None)
    with pytest.raises(ConfigError, match="collapse_patience"):
        CollapseBounds(patience=0)


def test_held_out_scores_are_those_of_the_tasks_that_are_there():
    image = (ImageRef("a.png", 9, 9),)
    names = Sample("1", "d", "mner", "Ann", image, (Entity("Ann", "PER"),))
    place = Sample("2", "d", "vg", "Ann", image, (Entity("Ann", ""),))
    predictions = [Prediction("1", "Ann", (Entity("Ann", "PER"),)), Prediction("2", "Ann", (Entity("Ann", "", ((1, 1, 2, 2),)),))]
    assert held_out_scores([names], predictions[:1]) == {
        "held_out/mner_f1": 1.0,
        "held_out/n_rate": 0.0,
        "held_out/unreadable": 0.0,
    }
    assert held_out_scores([place], predictions[1:]) == {"held_out/grec_pr": 0.0, "held_out/unreadable": 0.0}
    assert [decisive_score(found) for found in ([place], [place, names])] == ["held_out/grec_pr", "held_out/mner_f1"]


def test_held_out_scores_of_a_task_go_by_what_it_asks_for():
    image, box = (ImageRef("a.png", 9, 9),), ((1, 1, 5, 5),)
    sample = Sample("1", "d", replace(GMNER, name="eeg", has_type=False), "Ann", image, (Entity("Ann", "PER", box),))
    scores = held_out_scores([sample], [Prediction("1", "Ann", (Entity("Ann", "", box),))])
    assert scores == {"held_out/eeg_f1": 1.0, "held_out/n_f1": 0.0, "held_out/n_rate": 0.0, "held_out/unreadable": 0.0}
    assert decisive_score([sample]) == "held_out/eeg_f1"
    names_alone = replace(sample, task=replace(GMNER, name="names", has_type=False, has_location=False))
    with pytest.raises(ConfigError, match="task names, for which no score is defined"):
        decisive_score([names_alone])


def test_held_out_scores_by_hand():
    samples = [Sample(str(i), "d", "gmner", "Ann in Rome", (ImageRef("a.png", 9, 9),), (Entity("Ann", "PER"),)) for i in range(2)]
    right = Prediction("1", "Ann in Rome", (Entity("Ann", "PER"),))
    wrong = Prediction("0", "Ann in Rome", (Entity("Bob", "PER"),), "?", False)
    scores = held_out_scores(samples, [right, wrong])
    assert scores == {"held_out/gmner_f1": 0.5, "held_out/n_rate": 0.5, "held_out/n_f1": 0.5, "held_out/unreadable": 0.5}


def test_curves_are_drawn_from_whatever_was_logged(tmp_path):
    draw_curves(tmp_path / "a.png", [])
    draw_curves(tmp_path / "b.png", [{"step": 1, "reward": "0.5", "held_out/gmner_f1": 0.1}, {"step": 2, "reward": 0.7}])
    assert (tmp_path / "b.png").stat().st_size > 1000


def test_the_run_page_shows_every_reward_that_was_logged(tmp_path):
    parts = ("count", "span", "type", "entailment", "grounding", "exact", "order", "length")
    rows = [
        {"step": step, "reward": 0.5, "entropy": 1} | {f"rewards/{part}_reward/mean": 0.1 for part in parts} for step in (1, 2)
    ]
    draw_curves(tmp_path / "curves.png", rows)
    assert [name for name, *_ in last_values(rows)] == ["reward", *(f"{part} reward" for part in parts), "entropy"]
