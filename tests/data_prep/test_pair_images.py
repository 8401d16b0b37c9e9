"""Pairs of text and image: which candidate is taken, what is dropped and counted, and types mapped to the coarse ones."""

import json

import pytest

pytest.importorskip("torch")

from data_prep import make_sandbox
from data_prep.pair_images import best_candidate, main, pair_all, read_figer, read_index
from mcr.errors import ConfigError, DataError
from mcr.io.samples import load_samples
from mcr.records import Entity
from mcr.systems.datasets import SANDBOX_CLIP

ROW = {"tokens": ["Ann", "sings", "in", "Rome"], "mentions": []}
MENTIONS = [{"start": 0, "end": 1, "labels": ["/person/musician"]}, {"start": 3, "end": 4, "labels": ["/location/city"]}]


@pytest.mark.parametrize(
    ("cosines", "chosen"), [([0.30, 0.28, 0.60], 2), ([0.28], None), ([0.30], 0), ([], None), ([0.4, 0.4], 0)]
)
def test_the_best_candidate_by_hand(cosines, chosen):
    assert best_candidate(cosines) == chosen


def test_figers_form_is_read_with_coarse_types(tmp_path):
    path = tmp_path / "train.json"
    rows = [ROW | {"mentions": MENTIONS}, ROW | {"mentions": [{"start": 0, "end": 1, "labels": ["/time"]}]}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    first, second = read_figer(path)
    assert first.entities == (Entity("Ann", "person"), Entity("Rome", "location"))
    assert second.entities == (Entity("Ann", "other"),)
    path.write_text('{"tokens": ["a"]}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.json:1: KeyError"):
        list(read_figer(path))


def test_an_index_of_another_form_is_refused(tmp_path):
    path = tmp_path / "index.jsonl"
    path.write_text('{"id": "1", "images": ["a", "b", "c", "d", "e", "f"]}\n{"images": []}\n', encoding="utf-8")
    with pytest.raises(DataError, match="6 images, expected at most 5"):
        read_index(path)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    make_sandbox.main(["--output_dir", str(folder), "--train", "1", "--dev", "1", "--test", "12"])
    return folder


def test_clip_chooses_and_what_is_dropped_is_counted(world, tmp_path, capsys):
    """The sandbox's CLIP knows captions: a caption's own picture is chosen among two."""
    samples = load_samples(world / "test.jsonl")
    rows, texts = [], []
    for number, sample in enumerate(samples):
        other = samples[(number + 1) % len(samples)]
        rows.append({"id": sample.id, "images": [other.images[0].path, sample.images[0].path]})
        text = {"id": sample.id, "dataset": "x", "task": "mner", "sentence": sample.captions[0], "images": [], "entities": []}
        texts.append(text)
    rows[0]["images"] = []
    texts[1]["sentence"] = "word " * 27
    index, source = tmp_path / "index.jsonl", tmp_path / "texts.jsonl"
    for path, lines in ((index, rows), (source, texts)):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    flags = ["--samples", str(source), "--images", str(world), "--index", str(index), "--clip", str(SANDBOX_CLIP)]
    main([*flags, "--min_cosine", "-1", "--output", str(tmp_path / "pairs.jsonl")])
    paired = load_samples(tmp_path / "pairs.jsonl")
    own = {sample.id: sample.images[0].path for sample in samples}
    assert len(paired) == 10
    assert sum(one.images[0].path == own[one.id] for one in paired) >= 8
    told = capsys.readouterr().out
    assert '"no candidate image": 1' in told
    assert '"too long": 1' in told


def test_an_image_that_does_not_fit_is_no_pair(world):
    class Low:
        """A fake CLIP: nothing fits."""

        def texts(self, sentences):
            import torch

            return torch.tensor([[1.0, 0.0]])

        def pictures(self, pictures):
            import torch

            return torch.tensor([[0.29, 0.0]] * len(pictures))

    samples = load_samples(world / "test.jsonl")[:3]
    index = {sample.id: [sample.images[0].path] for sample in samples}
    paired, dropped = pair_all(samples, index, world, Low(), 0.3, 26)
    assert (paired, dict(dropped)) == ([], {"best image below 0.3": 3})


def test_one_source_of_text_has_to_be_given(tmp_path):
    with pytest.raises(ConfigError, match="give --figer or --samples"):
        main(["--images", str(tmp_path), "--index", "i", "--clip", "c", "--output", "o"])
