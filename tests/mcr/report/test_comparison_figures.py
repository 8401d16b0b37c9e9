"""Figures that compare runs: what is drawn, read back from the axes before they are saved."""

import pytest

pytest.importorskip("matplotlib")
from PIL import Image

from mcr.metrics.intervals import Estimate
from mcr.report import comparison_figures
from mcr.report.comparison_figures import draw_bars, draw_curves_overlaid, draw_profiles, draw_sweep, smooth
from mcr.report.figures import COLORS

SURE, UNSURE = Estimate(0.5, 0.5, 0.5), Estimate(0.5, 0.25, 0.625)


@pytest.fixture
def axes(monkeypatch):
    """The axes of every figure that was drawn."""
    seen = []
    new_axes = comparison_figures.new_axes
    monkeypatch.setattr(comparison_figures, "new_axes", lambda *sizes: seen.append(new_axes(*sizes)) or seen[-1])
    return lambda: [axis for _, drawn in seen for axis in drawn if axis.axison]


def num_colors(path):
    with Image.open(path) as picture:
        return len(picture.convert("RGB").getcolors(1 << 24))


def whiskers(axis):
    """Return (low, high) of every interval in the axis."""
    segments = [segment for lines in axis.collections for segment in lines.get_segments()]
    return [(round(min(ys), 6), round(max(ys), 6)) for ys in ([y for _, y in segment] for segment in segments)]


def test_each_measure_has_a_panel_and_each_run_a_color(axes, tmp_path):
    rows = [{"step": step, "reward": 0.01 * step, "entropy": 1.0, "held_out/gmner_f1": 0.5} for step in range(60)]
    draw_curves_overlaid(tmp_path / "c.png", {"multi": rows, "single": rows[:10]})
    reward, f1, _ = axes()
    assert [axis.get_ylabel() for axis in axes()] == ["mean reward (0 to 1)", "held-out GMNER F1 (%)", "entropy (nats per token)"]
    assert {axis.get_xlabel() for axis in axes()} == {"step"}
    raw, smoothed, short = reward.lines
    assert [line.get_color() for line in reward.lines] == [COLORS[0], COLORS[0], COLORS[1]]
    assert raw.get_alpha() < 0.5
    assert list(raw.get_ydata()) == pytest.approx([0.01 * step for step in range(60)])
    assert list(smoothed.get_ydata()) == pytest.approx(smooth([0.01 * step for step in range(60)], 7))
    assert len(short.get_ydata()) == 10
    assert set(f1.lines[0].get_ydata()) == {50.0}
    assert num_colors(tmp_path / "c.png") > 10


def test_what_is_not_a_number_is_not_drawn_and_the_last_value_of_a_step_counts(axes, tmp_path):
    rows = [
        {"step": 2, "reward": 0.2},
        {"step": 1, "reward": 0.1},
        {"step": 2, "reward": "0.3"},
        {"step": 3, "reward": "NaN"},
        {"step": 4, "reward": None},
        {"step": 5},
    ]
    draw_curves_overlaid(tmp_path / "c.png", {"_a $x": rows, "empty": []}, ["reward", "my/own key"])
    (axis,) = axes()
    assert list(zip(axis.lines[0].get_xdata(), axis.lines[0].get_ydata(), strict=True)) == [(1, 0.1), (2, 0.3)]


def test_runs_that_logged_nothing_say_so(axes, tmp_path):
    draw_curves_overlaid(tmp_path / "c.png", {"a": []})
    assert [text.get_text() for text in axes()[0].texts] == ["nothing logged"]


def test_bars_stand_at_the_scores_with_their_intervals(axes, tmp_path):
    draw_bars(tmp_path / "b.png", {"N-Pre": {"SFT": UNSURE, "MCR": SURE}, "N-Rec": {"MCR": Estimate(0.9, 0.7, 1.3)}})
    (axis,) = axes()
    assert [bar.get_height() for bar in axis.patches] == pytest.approx([50, 50, 90])
    assert [bar.get_facecolor()[:3] for bar in axis.patches][1:] == [axis.patches[2].get_facecolor()[:3]] * 2
    assert sorted(whiskers(axis)) == [(25, 62.5), (70, 100)]
    assert [text.get_text() for text in axis.texts] == ["50.0", "50.0", "90.0"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["N-Pre", "N-Rec"]
    assert axis.get_ylabel() == "score (%)"


def test_many_systems_are_drawn_without_numbers_and_nothing_at_all_is_a_picture(axes, tmp_path):
    draw_bars(tmp_path / "b.png", {"N-Pre": {f"system {index}": UNSURE for index in range(20)}})
    assert not axes()[0].texts
    assert len(axes()[0].patches) == 20
    draw_bars(tmp_path / "none.png", {})
    draw_sweep(tmp_path / "no_sweep.png", {}, label="x")
    draw_profiles(tmp_path / "no_profiles.png", {}, label="x")
    assert num_colors(tmp_path / "none.png") > 1


def test_a_sweep_has_a_panel_a_measure_in_the_order_of_the_setting(axes, tmp_path):
    draw_sweep(tmp_path / "s.png", {0.05: {"GMNER F1": SURE, "mean IoU": UNSURE}, 0.0: {"GMNER F1": UNSURE}}, label="K")
    f1, iou = axes()
    assert list(f1.lines[0].get_xdata()) == [0.0, 0.05]
    assert list(iou.lines[0].get_xdata()) == [0.05]
    assert (f1.get_ylabel(), iou.get_ylabel()) == ("GMNER F1 (%)", "mean IoU (%)")
    assert f1.get_xlabel() == "K"
    assert whiskers(f1) == whiskers(iou) == [(25, 62.5)]


def test_profiles_have_a_panel_a_series_and_a_line_a_system_in_one_color(axes, tmp_path):
    gmner = {"RiVEG": {0.9: SURE, 0.5: UNSURE}, "w/o VE": {0.5: UNSURE}}
    draw_profiles(tmp_path / "p.png", {"GMNER F1": gmner, "SMNER F1": {"w/o VE": {0.5: SURE}}}, label="IoU threshold")
    left, right = axes()
    lines = {line.get_label(): line for line in left.lines}
    assert list(lines["RiVEG"].get_xdata()) == [0.5, 0.9]
    assert [line.get_color() for line in right.lines] == [lines["w/o VE"].get_color()] != [lines["RiVEG"].get_color()]
    assert (left.get_ylabel(), right.get_xlabel()) == ("GMNER F1 (%)", "IoU threshold")
    assert whiskers(left)[0] == (25, 62.5)


def test_a_moving_average_keeps_a_line_and_its_length():
    line = [2.0 * step for step in range(9)]
    assert smooth(line, 5)[2:-2] == line[2:-2]
    assert smooth(line, 1) == line
    assert smooth([], 3) == []
