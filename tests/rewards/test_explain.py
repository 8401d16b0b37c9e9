import json
import subprocess
import sys

import pytest

from mcr.boxes import frame_for
from mcr.errors import ConfigError, DataError
from mcr.records import Entity
from rewards import score_completion
from rewards.__main__ import main
from rewards.explain import explain

GOLD = [
    {"text": "New York", "type": "LOC", "boxes": [[0, 0, 100, 100]]},
    {"text": "Ann", "type": "PER", "boxes": None},
]


@pytest.fixture
def files(tmp_path):
    image = {"path": "a.jpg", "width": 200, "height": 100}
    sample = {"id": "s1", "dataset": "d", "task": "gmner", "sentence": "Ann in New York", "images": [image], "entities": GOLD}
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(sample) + "\n")
    return tmp_path, gold


def test_matches_leftovers_and_parts_are_shown(capsys):
    main(["explain", "--gold", json.dumps(GOLD), "--completion", "York | ORG | [0, 0, 100, 80]\nZed | PER | None\nbad | x"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split("  ")[-1] == "0.60"
    assert "0.67" in lines[1]
    assert "(nothing)" in lines[2]
    assert lines[3].startswith("(missed)")
    assert lines[5].startswith("count 1.000  span 0.667  type 0.000  entailment 1.000  grounding 0.600  ")
    assert lines[5].endswith("  total 0.653")
    assert "bad | x" in lines[6]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        *[((1, 3), 0), ((2, 3), 0.5), ((4, 2), 0.2), ((3, 4), 0.7), ((6, 5), 0.9), ((5, 6), 0.8), ((7, 1), 0)],
        *[((0, 2), 0), ((2, 0), 0), ((0, 0), 1)],
    ],
)
def test_the_count_reward_is_explained_by_the_stepwise_rule(counts, expected, capsys):
    predicted, gold = ([{"text": f"name{index}", "type": "PER", "boxes": None} for index in range(num)] for num in counts)
    text = "<answer>\n" + "\n".join(f"{entity['text']} | PER | None" for entity in predicted) + "\n</answer>"
    main(["explain", "--gold", json.dumps(gold), "--completion", text])
    assert f"count {expected:.3f}" in capsys.readouterr().out


def test_sample_by_id_with_a_frame(files, capsys):
    folder, gold = files
    frame = folder / "frame.json"
    frame.write_text(json.dumps(frame_for("norm1000", 200, 100).to_dict()))
    text = "Ann | PER | None\nNew York | LOC | [0, 0, 500, 1000]"
    main(["explain", "--gold", str(gold), "--id", "s1", "--completion", text, "--frame", str(frame)])
    assert "total 1.000" in capsys.readouterr().out


def test_predictions_file(files, capsys):
    folder, gold = files
    predictions = folder / "p.jsonl"
    predictions.write_text(json.dumps({"id": "s1", "sentence": "Ann in New York", "entities": GOLD}) + "\n")
    main(["explain", "--gold", str(gold), "--id", "s1", "--predictions", str(predictions)])
    assert "total 1.000" in capsys.readouterr().out
    unreadable = {"id": "s1", "sentence": "", "entities": [], "completion": "?", "is_readable": False, "problems": ["no"]}
    predictions.write_text(json.dumps(unreadable) + "\n")
    main(["explain", "--gold", str(gold), "--id", "s1", "--predictions", str(predictions)])
    assert "total 0.000\ncould not be read: no" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("task", "gold", "completion"),
    [
        ("vg", [{"text": "the man", "type": "", "boxes": [[1, 2, 30, 40]]}], "<answer>[1, 2, 30, 40]</answer>"),
        ("mner", [{"text": "Ann", "type": "PER", "boxes": None}], "<answer>\nAnn | PER\n</answer>"),
    ],
)
def test_the_task_is_the_samples(task, gold, completion, tmp_path, capsys):
    main(["explain", "--gold", json.dumps({"entities": gold, "task": task}), "--completion", completion])
    assert "total 1.000" in capsys.readouterr().out
    image = {"path": "a.jpg", "width": 100, "height": 100}
    row = {"id": "1", "dataset": "d", "task": task, "sentence": gold[0]["text"], "images": [image], "entities": gold}
    (tmp_path / "gold.jsonl").write_text(json.dumps(row))
    main(["explain", "--gold", str(tmp_path / "gold.jsonl"), "--id", "1", "--completion", completion])
    assert "total 1.000" in capsys.readouterr().out
    said = [{"text": "else" if task == "vg" else "Ann", "type": gold[0]["type"], "boxes": [[1, 2, 30, 40]]}]
    (tmp_path / "pred.jsonl").write_text(json.dumps({"id": "1", "sentence": "", "entities": said}))
    main(["explain", "--gold", str(tmp_path / "gold.jsonl"), "--id", "1", "--predictions", str(tmp_path / "pred.jsonl")])
    assert "total 1.000" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="both --completion and --predictions"):
        main(["explain", "--gold", json.dumps(gold), "--completion", "x", "--predictions", "y"])


def test_a_frame_that_cannot_be_read_is_told(files, tmp_path):
    (tmp_path / "frame.json").write_bytes(b"\xff{")
    with pytest.raises(DataError, match=r"--frame: .* cannot be read"):
        main(["explain", "--gold", "[]", "--completion", "x", "--frame", str(tmp_path / "frame.json")])


def test_what_a_terminal_would_act_on_is_escaped():
    gold = [Entity("Ann\x1b[31m\u202e", "PER")]
    text = explain(score_completion("Ann\x1b[31m\u202e | PER | None", gold), gold)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_long_texts_are_cut():
    assert max(map(len, explain(score_completion("x" * 9999 + " | PER | None", []), []).splitlines())) < 200


@pytest.mark.parametrize(
    ("flags", "error"),
    [(["--id", "s1"], ConfigError), (["--id", "s2", "--completion", "x"], DataError), (["--completion", "x"], DataError)],
)
def test_what_is_missing_is_told(files, flags, error):
    with pytest.raises(error, match=r"--completion|--id"):
        main(["explain", "--gold", str(files[1]), *flags])


def test_help_goes_by_the_commands_name_and_shows_how_to_call_it(capsys):
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: mcr explain ")
    assert "    mcr explain --gold samples.jsonl --id ID --predictions predictions.jsonl\n" in shown
    assert "`--completion -` reads standard input." in shown


def test_as_a_command_from_standard_input():
    command = [sys.executable, "-m", "rewards", "explain", "--gold", json.dumps(GOLD), "--completion", "-"]
    done = subprocess.run(command, input="Ann | PER | None", capture_output=True, text=True, check=True)
    assert "Ann | PER | None" in done.stdout
