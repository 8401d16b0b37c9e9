"""Pairs of text and image: which candidate is taken, what is dropped and counted, and types mapped to the coarse ones."""

import json
import shutil

import pytest

pytest.importorskip("torch")

from data_prep import make_sandbox
from data_prep.pair_images import best_candidate, main, pair_all, read_index
from data_prep.training_sets.named_texts import FIGER_COARSE, read_conll, read_figer, read_texts
from mcr.errors import ConfigError, DataError
from mcr.io.samples import load_samples
from mcr.labels import FMNERG_FINE
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


def test_figers_types_are_fmnergs_coarse_ones():
    assert {*FIGER_COARSE.values()} == {*FMNERG_FINE} - {"other"}
    assert [FIGER_COARSE[one] for one in ("park", "software", "music", "geography")] == ["location", "product", "art", "location"]


def test_texts_of_our_form_are_read_with_coarse_types(tmp_path):
    entities = [{"text": "Ann", "type": "PER", "boxes": None}, {"text": "Oscar", "type": "MISC", "boxes": None}]
    row = {"id": "1", "dataset": "conll", "task": "mner", "sentence": "Ann has an Oscar", "images": [], "entities": entities}
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (sample,) = read_texts(path)
    assert sample.entities == (Entity("Ann", "person"), Entity("Oscar", "other"))


CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC
call NN I-NP O

Peter NNP B-NP I-PER
Blackburn NNP I-NP I-PER
Rome NNP B-NP I-LOC
"""


def test_conlls_form_is_read_whichever_tag_begins_an_entity(tmp_path):
    path = tmp_path / "eng.train"
    path.write_text(CONLL, encoding="utf-8")
    first, second = read_conll(path)
    assert (first.id, first.sentence) == ("conll-000001", "EU rejects German call")
    assert first.entities == (Entity("EU", "organization"), Entity("German", "other"))
    assert second.entities == (Entity("Peter Blackburn", "person"), Entity("Rome", "location"))
    path.write_text("EU NNP B-NP ORG\nalone\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"2 lines of .* are not of CoNLL.s form"):
        list(read_conll(path))


def test_without_an_index_the_folder_of_a_sentence_holds_its_candidates(world, tmp_path, capsys):
    samples = load_samples(world / "test.jsonl")[:2]
    (tmp_path / "eng.train").write_text("Ann NNP B-PER\n\nBo NNP B-PER\n", encoding="utf-8")
    (tmp_path / "images" / "conll-000001").mkdir(parents=True)
    for number, sample in enumerate(samples):
        shutil.copy(world / sample.images[0].path, tmp_path / "images" / "conll-000001" / f"{number}.png")
    flags = ["--conll", tmp_path / "eng.train", "--images", tmp_path / "images", "--clip", SANDBOX_CLIP, "--min_cosine", "-1"]
    main([*map(str, flags), "--output", str(tmp_path / "pairs.jsonl")])
    assert "1 of 2 sentences have an image" in capsys.readouterr().out
    (pair,) = load_samples(tmp_path / "pairs.jsonl")
    assert pair.images[0].path in ("conll-000001/0.png", "conll-000001/1.png")
    for number in range(2, 7):
        (tmp_path / "images" / "conll-000001" / f"{number}.png").touch()
    with pytest.raises(DataError, match="hold more than 5 candidate images"):
        main([*map(str, flags), "--output", str(tmp_path / "again.jsonl")])


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
    assert sum(one.images[0].path == own[one.id.removeprefix("synthetic-")] for one in paired) >= 8
    told = capsys.readouterr().out
    assert '"no candidate image": 1' in told
    assert '"too long": 1' in told


class Level:
    """A fake CLIP: all fits alike."""

    def __init__(self, cosine):
        self.cosine = cosine

    def texts(self, sentences):
        import torch

        return torch.tensor([[1.0, 0.0]])

    def pictures(self, pictures):
        import torch

        return torch.tensor([[self.cosine, 0.0]] * len(pictures))


def test_an_image_that_does_not_fit_is_no_pair(world):
    samples = load_samples(world / "test.jsonl")[:3]
    index = {sample.id: [sample.images[0].path] for sample in samples}
    paired, dropped = pair_all(samples, index, world, Level(0.29), 0.3, 26)
    assert (paired, dict(dropped)) == ([], {"best image below 0.3": 3})


def test_a_candidate_that_cannot_be_opened_is_left_out(world):
    samples = load_samples(world / "test.jsonl")[:2]
    index = {samples[0].id: ["no.png", samples[0].images[0].path], samples[1].id: ["../secret.png"]}
    paired, dropped = pair_all(samples, index, world, Level(0.5), 0.3, 26)
    assert [one.images for one in paired] == [samples[0].images]
    assert dict(dropped) == {"image that cannot be opened": 2, "no candidate image": 1}


def test_candidates_of_other_sentences_alone_are_refused(world):
    samples = load_samples(world / "test.jsonl")[:2]
    with pytest.raises(DataError, match="no candidate is of these sentences: 'x' where"):
        pair_all(samples, {"x": ["a.png"]}, world, Level(0.5), 0.3, 26)


def test_one_source_of_text_has_to_be_given(tmp_path):
    with pytest.raises(ConfigError, match="expected one"):
        main(["--images", str(tmp_path), "--index", "i", "--clip", "c", "--output", "o"])
