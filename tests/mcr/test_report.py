import pytest

from mcr.metrics import Scored, evaluate
from mcr.predictions import PredictionReport
from mcr.records import Entity
from mcr.report.markdown import count_errors, escape, write_report

pytest.importorskip("PIL")
from PIL import Image

from mcr.report.pictures import PANEL_PX, draw_sample, draw_scores, tile

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
ROW = Scored("Ann Bob Acme Rome Oslo met", GOLD, PRED)


def test_every_kind_of_error_is_counted_once():
    expected = {
        "missed": 1,
        "invented": 1,
        "extra": 1,
        "wrong type": 1,
        "should be None": 1,
        "should have a box": 1,
        "box off": 1,
    }
    assert count_errors([ROW]) == expected
    assert not any(count_errors([Scored(ROW.sentence, GOLD, GOLD)]).values())


def test_a_report_says_the_biases_in_words():
    text = write_report(evaluate([ROW]), [ROW], PredictionReport(num_missing=1, missing_ids=["7"]), "x")
    assert "1 of 6 predictions name something" in text
    assert "of 1 entities that the image does not show, 0 were" in text
    assert "1 samples without a prediction" in text


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a|b", "![x](http://e)", "</style>", "`code`", "<img onerror=x>"])
def test_text_of_tweets_is_escaped(text):
    shown = escape(text)
    assert "<" not in shown
    assert not any(f"{char}" in shown.replace("\\" + char, "") for char in "|[`")


def test_long_and_odd_text_is_cut_and_cleaned():
    assert len(escape("x" * 10_000)) < 300
    assert "\u202e" not in escape("a\u202eb\nc")


def test_boxes_of_any_kind_can_be_drawn(tmp_path):
    odd = Entity("\u7f8e", "PER", ((50.0, 50.0, 0.0, 0.0), (-1e9, 0.0, 1e12, 5.0), (3.0, 3.0, 3.0, 3.0)))
    panel = draw_sample(Image.new("RGB", (100, 50), "white"), GOLD, (odd, *PRED))
    assert panel.size == (PANEL_PX, PANEL_PX // 2)
    assert len(set(panel.getdata())) > 2
    tile([panel] * 5).save(tmp_path / "t.png")
    draw_scores(tmp_path / "s.png", evaluate([ROW]))
    assert (tmp_path / "s.png").stat().st_size > 1000
