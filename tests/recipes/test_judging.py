"""evaluate.py and compare.py on what other systems predict: the smallest forms, completions, rows, aliases."""

import json

import pytest

from mcr.commands.score_predictions import main as score
from mcr.errors import DataError
from recipes.compare import main as compare

GOLD = [
    {
        "id": str(number),
        "sentence": "Ann in Rome at Xmas",
        "entities": [
            {"text": "Ann", "type": "PER", "boxes": [[100, 50, 200, 150], [220, 50, 320, 150]]},
            {"text": "Rome", "type": "LOC", "boxes": None},
            {"text": "Xmas", "type": "OTHER", "boxes": None},
        ],
    }
    for number in range(3)
]
SIZED = [row | {"images": [{"path": f"{row['id']}.jpg", "width": 400, "height": 200}]} for row in GOLD]
COMPLETION = "<answer>\nAnn | PER | [250, 250, 500, 750]\nRome | LOC | None\nXmas | MISC | None\n</answer>"
COMPLETIONS = [{"id": row["id"], "completion": COMPLETION} for row in GOLD]
MISC = [row | {"entities": [*row["entities"][:2], row["entities"][2] | {"type": "MISC"}]} for row in GOLD]


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_aliases_are_counted_and_switched_off(tmp_path, capsys):
    """By hand: of three entities a sample, one is MISC where gold says OTHER. With aliases 9 of 9 are right, without 6 of 9."""
    files = ["--gold", str(lines(tmp_path / "g.jsonl", GOLD)), "--predictions", str(lines(tmp_path / "p.jsonl", MISC))]
    score(files)
    printed = capsys.readouterr().out
    assert printed.startswith("GMNER F1 1.0000  MNER F1 1.0000")
    told = "MISC -> OTHER: 3 (0 in gold, 3 predicted). With --type_aliases off: GMNER F1 66.67 instead of 100.00, MNER F1 66.67"
    assert told in printed
    score([*files, "--type_aliases", "off"])
    printed = capsys.readouterr().out
    assert printed.startswith("GMNER F1 0.6667  MNER F1 0.6667")
    assert "MISC -> OTHER" not in printed
    assert "types as they are written, without the aliases of label set twitter" in printed
    assert "warning: 3 x type that no entity of gold has; gold has LOC, OTHER, PER." in printed


def test_two_systems_in_the_smallest_form_are_compared(tmp_path, capsys):
    gold = lines(tmp_path / "g.jsonl", SIZED)
    a, b = lines(tmp_path / "a.jsonl", COMPLETIONS), lines(tmp_path / "b.jsonl", GOLD)
    flags = ["--gold", str(gold), "--output_dir", str(tmp_path / "out"), "--num_resamples", "10"]
    compare([str(a), str(b), *flags, "--family", "qwen3_vl", "--gold_boxes", "each"])
    printed = capsys.readouterr().out
    assert "a: Types counted as another spelling by the aliases of label set twitter: MISC -> OTHER: 3" in printed
    assert "Each box is a row of its own" in printed
    measures = json.loads((tmp_path / "out/compare.json").read_text())["measures"]
    assert (measures["GMNER recall"]["a"]["value"], measures["GMNER recall"]["b"]["value"]) == (0.75, 1)
    assert (measures["GMNER precision"]["a"]["value"], measures["MNER F1"]["a"]["value"]) == (1, 1)
    assert "the first predicted box with the one gold box of a row" in (tmp_path / "out/compare.md").read_text()
    with pytest.raises(DataError, match=r"3 lines of .*a\.jsonl hold a completion without entities"):
        compare([str(a), str(b), *flags])


@pytest.mark.recipe
def test_evaluate_reports_on_the_smallest_form_and_on_completions(recipe, tmp_path):
    pytest.importorskip("trl")
    gold, sized = lines(tmp_path / "g.jsonl", GOLD), lines(tmp_path / "s.jsonl", SIZED)
    raw = lines(tmp_path / "raw.jsonl", COMPLETIONS)
    flags = ["--num_resamples", 10, "--output_dir"]
    done = recipe("evaluate", "--gold", gold, "--predictions", lines(tmp_path / "p.jsonl", MISC), *flags, tmp_path / "small")
    assert "GMNER F1 1.0000" in done.stdout
    assert "MISC -> OTHER: 3 (0 in gold, 3 predicted)" in done.stdout
    done = recipe(
        "evaluate",
        "--gold",
        sized,
        "--predictions",
        raw,
        "--frame",
        "norm1000",
        "--type_aliases",
        "off",
        *flags,
        tmp_path / "raw",
    )
    assert "GMNER F1 0.6667" in done.stdout
    assert "types as they are written" in done.stdout
    metrics = json.loads((tmp_path / "raw/metrics.json").read_text())
    assert metrics["conventions"]["type_aliases"] is False
    assert "types as they are written" in (tmp_path / "raw/report.html").read_text(encoding="utf-8")
    failed = recipe("evaluate", "--gold", gold, "--predictions", raw, *flags, tmp_path / "no", check=False)
    assert "Give --family, or --frame pixels|absolute|norm1000|norm1" in failed.stderr
    model = ["--model_name_or_path", tmp_path, "--image_root", tmp_path, "--base_url", "http://localhost:1/v1"]
    failed = recipe("evaluate", "--gold", gold, *model, *flags, tmp_path / "model", check=False)
    assert "lacks dataset, task, images" in failed.stderr
