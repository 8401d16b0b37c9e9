"""Gold and predictions of strangers in their smallest forms: three keys a line, completions alone, one row a box."""

import gzip
import json

import pytest

from mcr.commands.score_predictions import main, score_files
from mcr.errors import ConfigError, DataError
from mcr.io.completions import CompletionForm, FrameFlags, read_predictions
from mcr.io.predictions import load_predictions
from mcr.io.samples import load_samples, read_gold, sample_to_dict, write_samples
from mcr.labels import DEFAULT_LABELS
from mcr.metrics.conventions import Conventions
from mcr.records import Entity
from rewards.__main__ import main as explain

ANN = {"text": "Ann", "type": "PER", "boxes": [[100, 50, 200, 150]]}
ROME = {"text": "Rome", "type": "LOC", "boxes": None}
SMALL = {"id": "7", "sentence": "Ann in Rome", "entities": [ANN, ROME]}
SIZED = SMALL | {"images": [{"path": "7.jpg", "width": 400, "height": 200}]}
COMPLETION = "<think>She is there.</think><answer>\nAnn | PER | [250, 250, 500, 750]\nRome | LOC | None\n</answer>"


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_three_keys_are_enough_to_score(tmp_path, capsys):
    gold = lines(tmp_path / "gold.jsonl", SMALL)
    metrics, suspicions = score_files(gold, gold)
    assert (metrics.gmner.f1, metrics.no_target.f1, suspicions) == (1, 1, [])
    main(["--gold", str(gold), "--predictions", str(gold)])
    printed = capsys.readouterr().out
    assert printed.startswith("GMNER F1 1.0000")
    assert Conventions().in_words() in printed


def test_packed_files_are_read(tmp_path):
    gold = tmp_path / "gold.jsonl.gz"
    gold.write_bytes(gzip.compress(json.dumps(SMALL).encode() + b"\n"))
    assert score_files(gold, gold)[0].gmner.f1 == 1
    gold.write_bytes(gzip.compress(json.dumps(SMALL).encode() + b"\n")[:-12])
    with pytest.raises(DataError, match="gzip cannot unpack it"):
        read_gold(gold)


def test_the_smallest_form_survives_the_disk(tmp_path):
    samples = read_gold(lines(tmp_path / "gold.jsonl", SMALL, SIZED | {"id": "8"}))
    write_samples(tmp_path / "again.jsonl", samples)
    assert read_gold(tmp_path / "again.jsonl") == samples
    assert [sample_to_dict(sample)["entities"] for sample in samples] == [[ANN, ROME]] * 2


def test_training_still_needs_the_images(tmp_path):
    gold = lines(tmp_path / "gold.jsonl", SMALL)
    for read in (load_samples, lambda path: read_gold(path, is_scored_only=False)):
        with pytest.raises(
            DataError, match=r"lacks dataset, task, images \(id '7'\). Add dataset: a name of your choice; task: gmner"
        ):
            read(gold)
    with pytest.raises(DataError, match="no image to hold it"):
        load_samples(lines(tmp_path / "no_image.jsonl", SMALL | {"dataset": "d", "task": "gmner", "images": []}))


def test_a_box_outside_an_image_of_known_size_is_a_fault_in_gold_alone(tmp_path):
    wide = SIZED | {"entities": [ANN | {"boxes": [[0, 0, 401, 10]]}]}
    with pytest.raises(DataError, match="expected inside the image's 400x200 pixels"):
        read_gold(lines(tmp_path / "gold.jsonl", wide))


def test_all_missing_keys_are_listed_at_once_each_with_what_to_do(tmp_path):
    bare = {"id": "7", "sentance": "x", "entities": [{"text": "Ann"}, {"type": "LOC"}]}
    with pytest.raises(DataError) as caught:
        read_gold(lines(tmp_path / "gold.jsonl", bare, {}))
    for told in (
        "gold.jsonl:1: sample: lacks sentence, entities[0].type, entities[0].boxes, entities[1].text, entities[1].boxes (id '7')",
        "Add sentence: the text that the entities occur in; type: ",
        "or null where the image does not show it; text: the name as the sentence writes it.",
        "It has 'sentance' (did you mean sentence?).",
        "gold.jsonl:2: sample: lacks id, sentence, entities. Add id: a name of its own",
    ):
        assert told in str(caught.value)
    with pytest.raises(DataError) as caught:
        load_predictions(lines(tmp_path / "p.jsonl", {"entities": [{"text": "Ann"}]}, {"id": 3, "entities": None}))
    for told in (
        "p.jsonl:1: prediction: lacks id, entities[0].type, entities[0].boxes. Add id: that of the sample in gold; type:",
        "p.jsonl:2: prediction: got 3 (int), expected id, a text; got None (NoneType), expected entities, a list.",
    ):
        assert told in str(caught.value)


def test_boxes_as_text_are_refused_with_the_remedy(tmp_path):
    for boxes in ("[1, 2, 3, 4]", ["[1, 2, 3, 4]"], [["1", "2", "3", "4"]], "None"):
        path = lines(tmp_path / "p.jsonl", {"id": "7", "entities": [ANN | {"boxes": boxes}]})
        with pytest.raises(
            DataError, match=r"(?s)1 of the lines .*as text, expected numbers. Write \[\[x1, y1, x2, y2\], ...\], or null"
        ):
            load_predictions(path)


def test_completions_are_read_in_their_models_frame(tmp_path, capsys):
    gold, raw = lines(tmp_path / "g.jsonl", SIZED), lines(tmp_path / "p.jsonl", {"id": "7", "completion": COMPLETION})
    for flags in (["--frame", "norm1000"], ["--family", "qwen3_vl"]):
        main(["--gold", str(gold), "--predictions", str(raw), *flags])
        assert capsys.readouterr().out.startswith("GMNER F1 1.0000")
        explain(["explain", "--gold", str(gold), "--id", "7", "--predictions", str(raw), *flags])
        assert "total 1.000" in capsys.readouterr().out
        explain(["explain", "--gold", str(gold), "--id", "7", "--completion", COMPLETION, *flags])
        assert "total 1.000" in capsys.readouterr().out
    y_first = COMPLETION.replace("[250, 250, 500, 750]", "[250, 250, 750, 500]")
    main(
        [
            "--gold",
            str(gold),
            "--predictions",
            str(lines(tmp_path / "y.jsonl", {"id": "7", "completion": y_first})),
            "--family",
            "gemini",
        ]
    )
    assert capsys.readouterr().out.startswith("GMNER F1 1.0000")


def test_completions_need_a_frame_and_a_size(tmp_path):
    gold, raw = lines(tmp_path / "g.jsonl", SMALL), lines(tmp_path / "p.jsonl", {"id": "7", "completion": COMPLETION})
    samples = read_gold(gold)
    with pytest.raises(
        DataError, match=r"1 lines of .* Give --family, or --frame pixels\|absolute\|norm1000\|norm1, which says how"
    ):
        read_predictions(raw, samples)
    with pytest.raises(DataError, match=r"gold does not say the size of its image. Add images"):
        read_predictions(raw, samples, FrameFlags("norm1000").form(None, DEFAULT_LABELS))
    with pytest.raises(DataError, match=r"1 of the lines of .* hold a completion that is still to be read"):
        load_predictions(raw)
    (prediction,) = read_predictions(raw, samples, CompletionForm("pixels"))
    assert prediction.entities == (Entity("Ann", "PER", ((250, 250, 500, 750),)), Entity("Rome", "LOC", None))
    for flags, told in (
        (["--predictions", str(raw)], "needs --family or --frame"),
        (["--predictions", str(raw), "--frame", "norm1"], "does not say the size of the image"),
        (["--completion", COMPLETION, "--family", "qwen3_vl", "--frame", "norm1"], "Leave one out"),
        (["--predictions", str(gold), "--frame", "norm1"], "whose boxes are in pixels"),
    ):
        with pytest.raises(ConfigError, match=told):
            explain(["explain", "--gold", str(gold), "--id", "7", *flags])


def test_completions_without_locations_need_no_frame(tmp_path):
    gold = lines(
        tmp_path / "g.jsonl", {"id": "7", "task": "mner", "sentence": "Ann in Rome", "entities": [ANN | {"boxes": None}]}
    )
    raw = lines(tmp_path / "p.jsonl", {"id": "7", "completion": "<answer>\nAnn | PER\n</answer>"})
    assert score_files(gold, raw)[0].mner.f1 == 1


def test_flags_that_contradict_or_change_nothing_are_refused(tmp_path):
    gold = lines(tmp_path / "g.jsonl", SIZED)
    with pytest.raises(ConfigError, match=r"their boxes are in pixels of the image\. Leave --frame and --family out"):
        read_predictions(gold, read_gold(gold), CompletionForm("pixels"))
    for flags, family, told in (
        ({"frame": "norm1"}, "llava", "Leave one out"),
        ({"frame": "norm1", "max_pixels": 100_000}, None, "of absolute boxes"),
        ({"min_pixels": 100}, "qwen3_vl", "of absolute boxes"),
    ):
        with pytest.raises(ConfigError, match=told):
            FrameFlags(**flags).form(family, DEFAULT_LABELS)
    with pytest.raises(ConfigError, match="expected one of pixels, absolute"):
        FrameFlags("norm100")
    assert FrameFlags("absolute", max_pixels=100_000).form(None, DEFAULT_LABELS).boxes.max_pixels == 100_000


@pytest.mark.parametrize(
    ("known", "predicted", "told"),
    [
        (["7", "8"], ["7.jpg", "8.jpg"], "2 of them match once the extension is left out, as '7.jpg' is '7'"),
        (["7.jpg"], ["7"], "1 of them match once the extension is left out, as '7' is '7.jpg'"),
        (["7"], ["images/7"], "once the folder is left out"),
        (["7", "8"], ["images/7.png", "images/8.png"], "2 of them match once the folder and the extension is left out"),
        (["O_1", "O_2"], ["test-O_1", "test-O_2"], "2 of them match once the prefix 'test-' is left out, as 'test-O_1' is 'O_1'"),
        (["IMGID:7"], ["7"], "1 of them match once the prefix 'IMGID:' is left out, as '7' is 'IMGID:7'"),
        (["7"], ["007"], "1 of them match once"),
        (["a", "a.jpg"], ["a.png", "b"], "Give the gold file that they were made for"),
        (["7"], ["9"], "Give the gold file that they were made for"),
    ],
)
def test_ids_of_another_form_are_refused_with_the_difference(known, predicted, told, tmp_path):
    gold = read_gold(lines(tmp_path / "g.jsonl", *(SMALL | {"id": one} for one in known)))
    path = lines(tmp_path / "p.jsonl", *({"id": one, "entities": []} for one in predicted))
    with pytest.raises(DataError, match=f"{len(predicted)} predictions have no gold") as caught:
        read_predictions(path, gold)
    assert told in str(caught.value)
