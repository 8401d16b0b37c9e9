import json
import random

import pytest

from mcr.io.predictions import Prediction
from mcr.metrics.conventions import Conventions
from mcr.metrics.error_kinds import confusion, count_kinds, judge
from mcr.metrics.evaluate import score_rows
from mcr.records import Entity, ImageRef, Sample, ScoredSample
from mcr.report.evaluation import evaluate_system
from mcr.report.markdown import escape, write_report

pytest.importorskip("PIL")
from PIL import Image

from mcr.report.figures import PANEL_PX, draw_sample, draw_scores, tile
from mcr.report.write_report import measured_counts, picture_or_blank, write_evaluation

BOX, FAR = ((0, 0, 10, 10),), ((50, 50, 60, 60),)
GOLD = (
    Entity("Ann", "PER", BOX),
    Entity("Bob", "PER", None),
    Entity("Acme", "ORG", BOX),
    Entity("Rome", "LOC", BOX),
    Entity("Oslo", "LOC", BOX),
)
PRED = (
    Entity("Ann", "PER", FAR),
    Entity("Bob", "PER", BOX),
    Entity("Acme", "LOC", BOX),
    Entity("Rome", "LOC", None),
    Entity("Zed", "PER", None),
    Entity("met", "PER", None),
)
ROW = ScoredSample("Ann Bob Acme Rome Oslo met", GOLD, PRED)


def evaluated(row, *more, **settings):
    """The evaluation of a row's predictions, and of samples without any."""
    samples = [Sample("1", "d", "gmner", row.sentence, (ImageRef("a.jpg", 100, 100),), row.gold), *more]
    return evaluate_system("x", samples, [Prediction("1", entities=row.predicted)], num_resamples=10, **settings)


def test_every_kind_of_error_is_counted_once():
    expected = {
        **{"missed": 1, "unreadable": 0, "invented": 1, "extra": 1, "span": 0, "type": 1},
        **{"should be None": 1, "should have a box": 1, "box off": 1},
    }
    assert count_kinds([judge(ROW)]) == expected
    assert not any(count_kinds([judge(ScoredSample(ROW.sentence, GOLD, GOLD))]).values())


def test_span_errors_and_what_cannot_be_read():
    gold = (Entity("New York City", "LOC", None), Entity("Ann", "PER", BOX), Entity("Bob", "PER", None))
    pred = (Entity("York City", "LOC", None), Entity("Ann", "PER", ()))
    row = ScoredSample("Ann and Bob in New York City", gold, pred)
    counts = count_kinds([judge(row)])
    assert (counts["span"], counts["unreadable"], counts["missed"]) == (1, 1, 1)
    empty = count_kinds([judge(ScoredSample(row.sentence, gold, ()), is_readable=False)])
    assert empty["unreadable"] == 3


@pytest.mark.parametrize("seed", range(20))
def test_errors_add_up_and_no_order_changes_them(seed):
    rng = random.Random(seed)
    texts = ["Ann", "Ann Lee", "Lee", "Bob", "Rome"]

    def some():
        return [
            Entity(rng.choice(texts), rng.choice(["PER", "LOC"]), rng.choice([None, BOX, FAR, ()]))
            for _ in range(rng.randint(0, 6))
        ]

    gold, pred = [entity for entity in some() if entity.boxes != ()], some()
    row = ScoredSample("Ann Lee and Bob", tuple(gold), tuple(pred))
    verdicts = judge(row)
    assert sorted(v.predicted_index for v in verdicts if v.predicted_index is not None) == list(range(len(pred)))
    assert sorted(v.gold_index for v in verdicts if v.gold_index is not None) == list(range(len(gold)))
    num_right = sum(v.kind == "right" for v in verdicts)
    assert num_right == score_rows([row]).gmner.num_correct
    pairs = sum(v.predicted_index is not None and v.gold_index is not None for v in verdicts)
    assert sum(count_kinds([verdicts]).values()) == len(gold) + len(pred) - pairs - num_right
    rng.shuffle(gold)
    rng.shuffle(pred)
    turned = judge(ScoredSample(row.sentence, tuple(gold), tuple(pred)))
    assert count_kinds([turned]) == count_kinds([verdicts])
    assert sum(v.kind == "right" for v in turned) == num_right
    assert confusion([ScoredSample(row.sentence, tuple(gold), tuple(pred))], [turned]) == confusion([row], [verdicts])


@pytest.mark.parametrize("gold_boxes", ["any", "largest", "each"])
@pytest.mark.parametrize("seed", range(20))
def test_as_many_predictions_are_invented_as_n_count_says(seed, gold_boxes):
    rng = random.Random(seed)
    texts = ["Ann", "Ann Lee", "Lee", "ann lee", "Dr Lee", "**Ann Lee**", "Rome", "Ann  Lee"]
    gold = [Entity("Ann Lee", "PER", (*BOX, *FAR)), Entity("Bob", "PER", None)]
    pred = [Entity(rng.choice(texts), rng.choice(["PER", "LOC"]), rng.choice([None, BOX, (*FAR, *BOX), ()])) for _ in range(6)]
    row = ScoredSample("Ann Lee and Bob", tuple(gold), tuple(pred))
    system = evaluated(row, conventions=Conventions(gold_boxes=gold_boxes))
    assert system.errors["invented"] == system.metrics.n_count
    assert f"{system.metrics.n_count} of {system.metrics.num_named} predictions name something" in write_report(system, "x")


def test_a_text_of_gold_s_words_that_the_sentence_does_not_hold_is_invented():
    row = ScoredSample("Ann Lee", (Entity("Ann Lee", "PER"),), (Entity("Dr Ann Lee", "PER"),))
    assert [(one.kind, one.predicted_index, one.gold_index) for one in judge(row)] == [("invented", 0, 0)]
    assert score_rows([row]).n_count == 1


def test_tasks_are_judged_by_what_they_ask():
    named = ScoredSample("Ann", (Entity("Ann", "PER"),), (Entity("Ann", "PER", BOX),), task="mner")
    assert [v.kind for v in judge(named)] == ["right"]
    phrase = Entity("the man", "", BOX)
    for pred, kind in (
        ((Entity("him", "x", BOX),), "right"),
        ((Entity("him", "", FAR),), "box off"),
        ((Entity("him", "", None),), "should have a box"),
        ((), "missed"),
    ):
        assert [v.kind for v in judge(ScoredSample("the man", (phrase,), pred, task="vg"))] == [kind]
    none = ScoredSample("the man", (Entity("the man", ""),), (), task="vg")
    assert [v.kind for v in judge(none)] == ["right"]


def test_types_confused_are_counted_over_pairs_of_the_same_text():
    found = confusion([ROW], [judge(ROW)])
    assert found.types == ["LOC", "ORG", "PER"]
    assert found.counts == [[1, 0, 0], [1, 0, 0], [0, 0, 2]]


def test_a_report_says_the_biases_in_words():
    text = write_report(evaluated(ROW, Sample("7", "d", "gmner", "Ann", (), ())), "x")
    assert "1 of 6 predictions name something" in text
    assert "of 1 entities that the image does not show, 0 were" in text
    assert "1 samples without a prediction" in text
    assert "- missing: 7" in text
    assert "Types folded" not in text


def test_a_report_prints_what_aliases_changed(tmp_path):
    row = ScoredSample("Ann in Rome", (Entity("Ann", "PER"),), (Entity("Ann", "person"), Entity("Rome", "location")))
    system = evaluated(row)
    assert list(map(str, system.metrics.folded_types)) == ["location -> LOC: 1", "person -> PER: 1"]
    text = write_report(system, "x")
    assert "| person | PER | 0 | 1 |" in text
    assert "GMNER F1 0.00 instead of 66.67, MNER F1 0.00 instead of 66.67" in text
    assert "person -&gt; PER: 1 \\(0 in gold, 1 predicted\\)" in text
    write_evaluation(tmp_path, "x", system, [None], image_root=None, max_image_mb=1)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "person -&gt; PER: 1 (0 in gold, 1 predicted)" in page
    assert "With --type_aliases off: GMNER F1 0.00 instead of 66.67" in page
    assert "by the aliases of label set twitter" in page
    assert json.loads((tmp_path / "metrics.json").read_text())["folded_types"][1] == {
        **{"written": "person", "label": "PER", "num_gold": 0, "num_predicted": 1}
    }
    exact = evaluated(row, conventions=Conventions(type_aliases=False))
    assert (exact.metrics.folded_types, exact.metrics.mner.num_correct) == ((), 0)
    assert "Types folded" not in write_report(exact, "x")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a|b", "![x](http://e)", "</style>", "`code`", "<img onerror=x>"])
def test_text_of_tweets_is_escaped(text):
    shown = escape(text)
    assert "<" not in shown
    assert not any(f"{char}" in shown.replace("\\" + char, "") for char in "|[`")


def test_quotation_marks_stay_as_they_are():
    assert escape('Ann\'s "x" & more') == 'Ann\'s "x" &amp; more'


def test_long_and_odd_text_is_cut_and_cleaned():
    assert len(escape("x" * 10_000)) < 300
    assert "\u202e" not in escape("a\u202eb\nc")


def test_boxes_of_any_kind_can_be_drawn(tmp_path):
    odd = Entity(
        "\u7f8e", "PER", ((float("nan"), 0.0, 5.0, 5.0), (50.0, 50.0, 0.0, 0.0), (-1e9, 0.0, 1e12, 5.0), (3.0, 3.0, 3.0, 3.0))
    )
    panel = draw_sample(Image.new("RGB", (100, 50), "white"), GOLD, (odd, *PRED))
    assert panel.size == (PANEL_PX, PANEL_PX // 2)
    assert len(set(panel.getdata())) > 2
    tile([panel] * 5).save(tmp_path / "t.png")
    draw_scores(tmp_path / "s.png", {"one": score_rows([ROW]), "_two $x": score_rows([ROW])})
    assert (tmp_path / "s.png").stat().st_size > 1000


def test_masks_are_drawn_on_the_page_under_the_bound():
    pytest.importorskip("pycocotools")
    from mcr.masks import read_mask
    from mcr.report.page import page_data
    from mcr.report.thumbnails import Thumbnails

    mask = read_mask([[0, 0, 20, 0, 20, 20, 0, 20]], height=40, width=60)
    entity = Entity("Ann", "PER", ((0, 0, 20, 20),), (mask,))
    sample = Sample("1", "d", "gmner", "Ann", (ImageRef("a.jpg", 60, 40),), (entity,))
    system = evaluate_system("x", [sample], [Prediction("1", "Ann", (entity,))], num_resamples=10)
    assert system.metrics.smner.f1 == system.metrics.ees.f1 == 1
    for bytes_left, expected in ((10_000, 1), (0, 0)):
        data = page_data([system], Thumbnails([-1], [], 0, 0, bytes_left), [[None]])
        (row,) = data["samples"]
        assert len(row["gold"][0]["masks"]) == len(row["systems"][0]["predicted"][0]["masks"]) == expected
    assert page_data([system], Thumbnails([-1], [], 0, 0, 9999), [[None]])["samples"][0]["gold"][0]["masks"][0].startswith(
        "data:image/png"
    )


def test_a_picture_of_any_proportions_stays_small():
    assert max(draw_sample(Image.new("RGB", (2, 20_000)), (), ()).size) <= 2 * PANEL_PX


def test_an_image_that_cannot_be_read_becomes_a_blank(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    for name in ("a.png", "b.png", "x" * 300):
        assert picture_or_blank(ImageRef(name, 30, 20), tmp_path).size == (30, 20)


def test_the_counts_of_samples_hold_the_curves():
    """A figure by thresholds is made from them alone; without these counts it would show zeros."""
    system = evaluated(ScoredSample(ROW.sentence, GOLD, GOLD))
    rows = measured_counts(system).rows
    assert sum(row.get(("iou_curve", "0.5", "correct"), 0) for row in rows) == system.metrics.gmner.num_correct > 0
