"""mcr score-table: which measures a table shows, seeds, and which folders cannot share a table; mcr score alike."""

import json

import pytest
from recipes_path import load_recipe

from mcr.commands import score_predictions
from mcr.errors import ConfigError, DataError
from mcr.io.samples import write_samples
from mcr.metrics.evaluate import evaluate, score_rows
from mcr.metrics.scores import FINE_MEASURES, GREC_MEASURES, MASK_MEASURES, MEASURES, SEEN_MEASURES, SEEN_NAMES
from mcr.records import Entity, ImageRef, Sample, ScoredSample
from mcr.report.evaluation import evaluate_system
from mcr.uncertainties import PARTS

score_table = load_recipe("score_table")
BOX, FAR = ((0, 0, 10, 10),), ((50, 50, 60, 60),)
IMAGE = (ImageRef("a.jpg", 100, 100),)
ANN, BOB = Entity("Ann", "PER", BOX), Entity("Bob", "PER", None)
NAMED = Sample("1", "d", "gmner", "Ann met Bob", IMAGE, (ANN, BOB))
PHRASES = [
    Sample("2", "d", "vg", "the man", IMAGE, (Entity("the man", "", BOX),)),
    Sample("3", "d", "vg", "the dog", IMAGE, (Entity("the dog", "", None),)),
]


def write_metrics(folder, f1, n_count, **more):
    """Write the metrics of a hand-made evaluation whose rates are all `f1`."""
    scores = {"precision": f1, "recall": f1, "f1": f1, "num_gold": 9}
    rates = {f"{task} {rate}": f1 for task in ("GMNER", "MNER", "EEG") for rate in ("precision", "recall", "F1")}
    measures = rates | {"N-Count": n_count, "N-Rate": 0.1, "N-Pre": f1, "N-Rec": f1, "N-F1": f1}
    folder.mkdir(parents=True)
    row = {"gmner": scores, "mner": scores, "num_samples": 5, "conventions": {}, "measures": measures}
    (folder / "metrics.json").write_text(json.dumps(row | more))
    return folder


def write_evaluation(folder, samples, predictions):
    """Write what mcr evaluate writes of some predictions."""
    folder.mkdir(parents=True)
    row = evaluate_system("x", samples, predictions, num_resamples=50).to_dict()
    (folder / "metrics.json").write_text(json.dumps(row))
    return folder


def predicted(sample, *entities):
    from mcr.io.predictions import Prediction

    return Prediction(sample.id, sample.sentence, entities)


def printed(capsys, *arguments):
    score_table.main(list(map(str, arguments)))
    return capsys.readouterr().out


def test_seeds_are_shown_as_mean_and_spread(capsys, tmp_path):
    folders = [write_metrics(tmp_path / str(index), f1, index) for index, f1 in enumerate((0.5, 0.7))]
    text = printed(capsys, f"one={folders[0]}", f"both={folders[0]},{folders[1]}", "--output_dir", tmp_path / "tables")
    assert "| one | 50.00 | 50.00 | 50.00 |" in text
    assert "| both | 60.00 \u00b1 14.14 |" in text
    assert "| method | N-Rate | N-Count | N-Pre | N-Rec | N-F1 |" in text
    assert "| both | 10.00 \u00b1 0.00 | 0.5 \u00b1 0.7 | 60.00" in (tmp_path / "tables/table.md").read_text()


def test_every_measure_has_a_column():
    every = {*MEASURES, *FINE_MEASURES, *MASK_MEASURES, *SEEN_MEASURES, *SEEN_NAMES, *GREC_MEASURES, "N-Count"}
    every |= {"AUROC of uncertainty", "verdict accuracy", "mean mask IoU of phrases"}
    every |= {f"AUROC of {part} uncertainty" for part in PARTS}
    every |= {f"AUROC of uncertainty, {part}, {names}" for part in PARTS for names in ("seen", "unseen")}
    columns = [measure for columns in score_table.TABLES.values() for measure in columns.values()]
    assert sorted(columns) == sorted(every)


def test_phrases_show_grec_and_no_measure_of_names(capsys, tmp_path):
    folder = write_evaluation(tmp_path / "vg", PHRASES, [predicted(PHRASES[0], Entity("the man", "", BOX))])
    text = printed(capsys, folder, "--output_dir", tmp_path)
    assert "| method | N-acc | Pre | T-acc | Pr@(F1=1) |" in text
    assert "| vg | 0.00 | 100.00 | 100.00 | 50.00 |" in text
    assert "GMNER" not in text
    assert "N-Rate" not in text
    assert not (tmp_path / "no_target.png").exists()


def test_names_without_boxes_show_mner_and_the_visual_bias_alone(capsys, tmp_path):
    sample = Sample("1", "d", "mner", "Ann met Bob", (), (Entity("Ann", "PER"), BOB))
    said = predicted(sample, Entity("Ann", "PER"), Entity("Zed", "PER"))
    text = printed(capsys, write_evaluation(tmp_path / "mi", [sample], [said]))
    assert "| method | MNER Pre | MNER Rec | MNER F1 |\n|---|---|---|---|\n| mi | 50.00 | 50.00 | 50.00 |" in text
    assert "| method | N-Rate | N-Count |\n|---|---|---|\n| mi | 50.00 | 1 |" in text
    assert "EEG" not in text
    assert "Acc@0.5" not in text


def test_mixed_tasks_show_all_of_their_measures(capsys, tmp_path):
    said = [predicted(NAMED, ANN, Entity("Bob", "PER", FAR)), *(predicted(phrase, *phrase.entities) for phrase in PHRASES)]
    text = printed(capsys, write_evaluation(tmp_path / "mix", [NAMED, *PHRASES], said))
    assert "| mix | 50.00 | 50.00 | 50.00 | 100.00 |" in text
    assert "| method | Acc@0.5 | Acc@0.75 | mean IoU |\n|---|---|---|---|\n| mix | 100.00 | 100.00 | 100.00 |" in text
    assert "| mix | 100.00 | 100.00 | 100.00 | 100.00 |" in text


def test_a_measure_of_some_systems_is_a_dash_for_the_others(capsys, tmp_path):
    from dataclasses import replace

    said = predicted(NAMED, ANN, Entity("Bob", "PER", FAR))
    plain = write_evaluation(tmp_path / "plain", [NAMED], [said])
    unsure = write_evaluation(tmp_path / "unsure", [NAMED], [replace(said, uncertainties=(0.1, 0.9))])
    text = printed(capsys, plain, unsure)
    assert "| method | AUROC |\n|---|---|\n| plain | \u2013 |\n| unsure | 100.00 |" in text


def test_n_scores_are_drawn_with_their_intervals(capsys, tmp_path):
    image = pytest.importorskip("PIL.Image")
    one = write_evaluation(tmp_path / "one", [NAMED], [predicted(NAMED, ANN, BOB)])
    two = [
        write_evaluation(tmp_path / str(seed), [NAMED], [predicted(NAMED, *some)]) for seed, some in enumerate([(ANN,), (BOB,)])
    ]
    printed(capsys, f"one={one}", f"two={two[0]},{two[1]}", "--output_dir", tmp_path / "out")
    with image.open(tmp_path / "out/no_target.png") as picture:
        assert picture.width > 500
    assert "![N-Pre, N-Rec and N-F1](no_target.png)" in (tmp_path / "out/table.md").read_text()


def test_systems_scored_differently_are_not_put_in_one_table(capsys, tmp_path):
    a, b = write_metrics(tmp_path / "a", 0.5, 0), write_metrics(tmp_path / "b", 0.5, 0, conventions={"iou_threshold": 0.6})
    with pytest.raises(ConfigError, match="different conventions"):
        score_table.main([str(a), str(b)])
    whole = write_metrics(tmp_path / "whole", 0.5, 0, conventions={"iou_threshold": 0.5, "grec_overlap": "iou"})
    assert "| whole |" in printed(capsys, a, whole)  # what a record lacks is at its default
    giou = write_metrics(tmp_path / "giou", 0.5, 0, conventions={"grec_overlap": "giou"})
    with pytest.raises(ConfigError, match="different conventions"):
        score_table.main([str(whole), str(giou)])
    for more in ({"num_samples": 6}, {"grec": {"num_target": 3, "num_no_target": 1}}):
        other = write_metrics(tmp_path / f"other{len(more)}{next(iter(more))}", 0.5, 0, **more)
        with pytest.raises(ConfigError, match="different gold"):
            score_table.main([str(a), str(other)])
    with pytest.raises(ConfigError, match="a folder twice"):
        score_table.main([f"a={a},{a}"])


def test_a_folder_without_measures_is_refused(recipe, tmp_path):
    with pytest.raises(DataError, match=r"metrics\.json does not exist\. Name a folder"):
        score_table.main([str(tmp_path)])
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(DataError, match=r"lacks measures\. Run mcr evaluate again"):
        score_table.main([str(tmp_path)])
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(DataError, match=r"metrics\.json: Expecting"):
        score_table.main([str(tmp_path)])
    empty = evaluate([Sample("1", "d", "gmner", "x", (), ())], [])
    assert str(empty) == "N-Rate 0.0000"
    folder = write_metrics(tmp_path / "none", 0.5, 0, measures={})
    with pytest.raises(DataError, match="hold no measure"):
        score_table.main([str(folder)])
    wrong_place = recipe(
        "score_table", str(write_metrics(tmp_path / "a", 0.5, 0)), "--output_dir", folder / "metrics.json", check=False
    )
    assert "a folder where a folder" in wrong_place.stderr


@pytest.mark.parametrize(
    ("samples", "line"),
    [
        ([NAMED], "GMNER F1 0.0000  MNER F1 0.0000  EEG F1 0.0000  N-Rate 0.0000  N-F1 0.0000"),
        (PHRASES, "GREC N-acc 0.0000  GREC precision 0.0000  GREC Pr@(F1=1) 0.0000"),
        ([Sample("1", "d", "mner", "Ann", (), (Entity("Ann", "PER"),))], "MNER F1 0.0000  N-Rate 0.0000"),
    ],
    ids=["gmner", "vg", "mner"],
)
def test_score_prints_what_the_tasks_of_the_gold_have(samples, line, capsys, tmp_path):
    write_samples(tmp_path / "gold.jsonl", samples)
    (tmp_path / "none.jsonl").touch()
    score_predictions.main(["--gold", str(tmp_path / "gold.jsonl"), "--predictions", str(tmp_path / "none.jsonl")])
    assert capsys.readouterr().out.splitlines()[0] == line


def test_masks_are_measured_where_there_are_any():
    from mcr.masks import Mask

    row = ScoredSample("Ann", (Entity("Ann", "PER", BOX, (Mask(20, 20, "0"),)),), ())
    assert "SMNER F1 0.0000" in str(score_rows([row]))
    assert {"SMNER precision", "EES recall"} <= set(score_rows([row]).measures)
