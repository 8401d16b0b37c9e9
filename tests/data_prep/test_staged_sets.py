"""mcr write-staged: rows of both stages with their prompts and answers, noise, ablations, synthetic pairs."""

import json
from collections import Counter

import pyarrow.parquet as pq
import pytest

from data_prep import make_sandbox
from data_prep.staged_sets import main
from mcr.errors import ConfigError, DataError
from mcr.formats import parse_completion
from mcr.formats.sentences import read_kinds
from mcr.io.samples import load_samples
from mcr.labels import TWITTER_FMNERG
from mcr.prompts.settings import PromptSettings
from mcr.staged.stage_prompts import coarse_labels
from mcr.tasks import GMNER, MNER


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    sizes = ["--train", "40", "--dev", "5", "--test", "5", "--fine_types"]
    make_sandbox.main(["--output_dir", str(folder), *sizes])
    known = [
        {"id": sample.id, "text": f"{entity.text} looks so.", "source": "llm", "entity": entity.text, "type": entity.type}
        for sample in load_samples(folder / "train.jsonl")
        for entity in sample.entities
    ]
    (folder / "known.jsonl").write_text("".join(json.dumps(row) + "\n" for row in known), encoding="utf-8")
    return folder


def write(world, out, stage, *flags):
    asked = ["--samples", world / "train.jsonl", "--family", "qwen3_vl", "--labels", "twitter-fmnerg", "--output_dir", out]
    main([stage, *map(str, (*asked, *flags))])
    return pq.read_table(out / "d1.parquet").to_pylist()


def context(world):
    return ("--knowledge", world / "known.jsonl", "--regions", world / "regions" / "train.jsonl")


def text_of(row):
    return row["prompt"][0]["content"][-1]["text"]


def test_the_first_stage_names_coarse_types(world, tmp_path):
    rows = write(world, tmp_path, "names")
    samples = {sample.id: sample for sample in load_samples(world / "train.jsonl")}
    assert len(rows) == 40
    for row in rows:
        sample = samples[row["sample_id"]]
        found, problems = read_kinds(row["completion"][0]["content"], coarse_labels(TWITTER_FMNERG), sample.sentence)
        assert [(one.text, one.type) for one in found] == [(one.text, TWITTER_FMNERG.coarse[one.type]) for one in sample.entities]
        assert not problems
        assert "Write each as 'X is a person'" in text_of(row)
        assert "box" not in text_of(row).split("Write each")[0]
    assert len(PromptSettings.load(tmp_path).labels.labels) == 8


def test_brief_prompts_have_one_line_and_no_types(world, tmp_path):
    for stage in ("names", "places", "direct"):
        (row, *_) = write(world, tmp_path / stage, stage, "--detail", "brief")
        last = text_of(row).split("\n")[-1]
        assert last == (MNER if stage == "names" else GMNER).brief
        settings = PromptSettings.load(tmp_path / stage)
        assert (settings.detail, settings.answer) == ("brief", "")


def test_the_rule_for_boxes_and_the_form_of_the_answer_agree(world, tmp_path):
    (row, *_) = write(world, tmp_path, "places", *context(world))
    asked = text_of(row).split("\n")[-1]
    assert "A box is (x1, y1, x2, y2) from 0 to 1000 across the image." in asked
    assert "whose bounding boxes are (x1, y1, x2, y2)'" in asked
    assert "[" not in asked


def test_one_adapter_for_both_stages_gets_the_rows_of_both(world, tmp_path):
    both = write(world, tmp_path / "joint", "joint", *context(world))
    names = write(world, tmp_path / "names", "names")
    places = write(world, tmp_path / "places", "places", *context(world))
    as_text = [(row["sample_id"], text_of(row), row["completion"][0]["content"]) for row in both]
    assert sorted(as_text) == sorted(
        (row["sample_id"], text_of(row), row["completion"][0]["content"]) for row in (*names, *places)
    )


@pytest.mark.parametrize(("types", "first"), [(("PER", "LOC"), "PER"), (("DISH", "DRINK"), "DISH")])
def test_both_stages_take_a_label_set_with_one_level(tmp_path, types, first):
    entities = [{"text": "Ann", "type": types[0], "boxes": [[0, 0, 50, 50]]}, {"text": "Rome", "type": types[1], "boxes": None}]
    images = [{"path": "a.png", "width": 100, "height": 100}]
    row = {"id": "1", "dataset": "mine", "task": "gmner", "sentence": "Ann in Rome", "images": images, "entities": entities}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    answers = {}
    for stage in ("names", "places"):
        flags = ["--samples", tmp_path / "train.jsonl", "--family", "qwen3_vl", "--output_dir", tmp_path / stage]
        main([stage, *map(str, flags)])
        (made,) = pq.read_table(tmp_path / stage / "d1.parquet").to_pylist()
        answers[stage] = made["completion"][0]["content"]
        assert f" {first}" in text_of(made).split("Write each as")[1]
    assert answers["names"] == f"Ann is a {types[0]}; Rome is a {types[1]}"
    boxes = "whose bounding boxes are"
    assert answers["places"] == f"Ann is a(an) {types[0]}, {boxes} (0, 0, 500, 500); Rome is a(an) {types[1]}, {boxes} None"


def test_synthetic_pairs_with_types_of_another_set_are_refused(world, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text((world / "train.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"expected some of DISH, DRINK\. Name a set"):
        write(world, tmp_path, "names", "--synthetic", pairs, "--labels", "DISH,DRINK")


def num_objects(text):
    return text.split("\nObjects: ")[1].split("\n")[0].count(" (")


def test_the_second_stage_is_shown_context_and_writes_fine_types_and_boxes(world, tmp_path):
    rows = write(world, tmp_path, "places", *context(world))
    samples = {sample.id: sample for sample in load_samples(world / "train.jsonl")}
    for row in rows:
        sample, answer = samples[row["sample_id"]], row["completion"][0]["content"]
        parsed = parse_completion(answer, GMNER, labels=TWITTER_FMNERG, sentence=sample.sentence)
        assert [(one.text, one.type) for one in parsed.entities] == [(one.text, one.type) for one in sample.entities]
        text = text_of(row)
        assert all(f"{entity.text} looks so." in text for entity in sample.entities)
        assert num_objects(text) == 5
        named = text.split("\nNamed: ")[1].split("\n")[0]
        assert named.count(" is a ") == len(sample.entities)
    assert PromptSettings.load(tmp_path).shows == ("knowledge", "objects", "proposed")


def test_noise_changes_the_named_entities_alone_and_none_gives_the_same_bytes(world, tmp_path):
    held_out = ("--held_out", world / "dev.jsonl", world / "test.jsonl")
    plain = write(world, tmp_path / "a", "places", *context(world))
    none = write(world, tmp_path / "b", "places", *context(world), "--noise_ratio", 0)
    noisy = write(world, tmp_path / "c", "places", *context(world), "--noise_ratio", 0.3, *held_out)
    assert (tmp_path / "a" / "d1.parquet").read_bytes() == (tmp_path / "b" / "d1.parquet").read_bytes()
    assert plain == none
    assert [row["completion"] for row in plain] == [row["completion"] for row in noisy]
    named = [Counter(text_of(row).split("\nNamed: ")[1].split("\n")[0].split("; ")) for row in plain]
    other = [Counter(text_of(row).split("\nNamed: ")[1].split("\n")[0].split("; ")) for row in noisy]
    total = sum(row["prompt"][0]["content"][-1]["text"].count(" is a ") for row in plain)
    assert named != other
    assert total > 40


def test_noise_without_dev_and_test_or_on_them_is_refused(world, tmp_path):
    with pytest.raises(ConfigError, match="noise is for training samples alone"):
        write(world, tmp_path, "places", "--noise_ratio", 0.1)
    with pytest.raises(DataError, match="of dev or test"):
        write(world, tmp_path, "places", "--noise_ratio", 0.1, "--held_out", world / "train.jsonl")


def test_a_share_of_synthetic_pairs_is_added(world, tmp_path):
    pairs = load_samples(world / "dev.jsonl")
    path = tmp_path / "pairs.jsonl"
    rows = [
        {
            "id": f"s-{sample.id}",
            "dataset": "synthetic",
            "task": "mner",
            "sentence": sample.sentence,
            "images": [{"path": image.path, "width": image.width, "height": image.height} for image in sample.images],
            "entities": [{"text": one.text, "type": "person", "boxes": None} for one in sample.entities],
        }
        for sample in pairs
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert len(write(world, tmp_path / "a", "names", "--synthetic", path, "--synthetic_share", 0.6)) == 43
    with pytest.raises(ConfigError, match="synthetic_share"):
        write(world, tmp_path / "b", "names", "--synthetic", path, "--synthetic_share", 2)


@pytest.mark.parametrize(
    ("stage", "flags"), [("names", ("--noise_ratio", 0.1)), ("places", ("--synthetic", "x")), ("direct", ("--knowledge", "x"))]
)
def test_a_flag_that_a_stage_does_not_use_is_refused(world, tmp_path, stage, flags):
    with pytest.raises(ConfigError, match=f"{flags[0]}: stage {stage} does not use it"):
        write(world, tmp_path, stage, *flags)


def test_a_part_can_be_left_out(world, tmp_path):
    rows = write(world, tmp_path, "places", "--regions", world / "regions" / "train.jsonl", "--top_k", 2)
    assert all("Known:" not in text_of(row) and num_objects(text_of(row)) == 2 for row in rows)
