"""Published knowledge: read as it is, aligned with its samples, refused where it does not belong to them."""

import gzip
import zipfile

import pytest

from data_prep.knowledge.knowledge_blocks import align_blocks
from data_prep.knowledge.read_knowledge import main
from data_prep.readers.reading import read_all
from data_prep.readers.twitter_gmner import TWITTER_GMNER_READER
from data_prep.readers.twitter_mner import READERS
from mcr.errors import DataError
from mcr.io.samples import write_samples
from mcr.knowledge.known_texts import Knowledge, read_knowledge
from mcr.records import Entity, Sample
from mcr.tasks import MNER

SAMPLES = [
    Sample("1", "d", MNER, "Ann sings", (), (Entity("Ann", "PER"),)),
    Sample("2", "d", MNER, "it rains", (), ()),
]
BLOCKS = "Ann\tB-PER\r\nsings\tO\r\n<EOS>\tX\r\nAnn\tX\r\n\tX\r\nis\tX\r\n\r\nit\tO\r\nrains\tO\r\n<EOS>\tX\r\nrain\tX\r\n\r\n"


@pytest.fixture
def blocks(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(BLOCKS.encode())
    return path


def test_blocks_without_ids_belong_to_the_samples_in_order(blocks):
    assert align_blocks(blocks, SAMPLES, "gpt") == [Knowledge("1", "Ann is", "gpt"), Knowledge("2", "rain", "gpt")]


def test_blocks_with_ids_belong_to_the_samples_of_these_ids(blocks):
    first, second = BLOCKS.split("\r\n\r\n")[:2]
    blocks.write_text(f"IMGID:2\n{second}\n\nIMGID:1\n{first}\n".replace("\r", ""))
    assert align_blocks(blocks, SAMPLES, "gpt") == [Knowledge("2", "rain", "gpt"), Knowledge("1", "Ann is", "gpt")]


@pytest.mark.parametrize("pack", ["gz", "zip"])
def test_packed_files_are_read_as_they_are(blocks, tmp_path, pack):
    if pack == "gz":
        path = tmp_path / "train.txt.gz"
        path.write_bytes(gzip.compress(BLOCKS.encode()))
    else:
        path = tmp_path / "all.zip" / "train.txt"
        with zipfile.ZipFile(path.parent, "w") as archive:
            archive.writestr("train.txt", BLOCKS)
    assert len(align_blocks(path, SAMPLES, "gpt")) == 2


def test_a_member_that_is_not_there_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("train.txt", BLOCKS)
    with pytest.raises(DataError, match=r"all\.zip has no member test\.txt"):
        align_blocks(tmp_path / "all.zip" / "test.txt", SAMPLES, "gpt")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda text: text.replace("sings", "sang"),
            r"train\.txt:1: block 1 has the tokens 'Ann sang', expected 'Ann sings' \(sample 1",
        ),
        (lambda text: text.split("\r\n\r\n")[0] + "\r\n", r"holds 1 blocks, expected 2, of 2 samples"),
        (lambda text: text + "more\tO\r\n", r"train\.txt:13: block 3 belongs to no sample"),
        (lambda text: text.replace("rains\tO", "rains"), r"train\.txt:9: got 'rains', expected TOKEN TAB TAG"),
        (lambda text: text.replace("rain\tX", "rain\tO"), r"train\.txt:11: got 'rain\\tO', expected TOKEN TAB TAG"),
    ],
)
def test_what_does_not_belong_is_refused_with_its_line(blocks, change, told):
    blocks.write_bytes(change(BLOCKS).encode())
    with pytest.raises(DataError, match=told):
        align_blocks(blocks, SAMPLES, "gpt")


def test_samples_at_the_end_may_be_left_out_where_it_is_said(blocks):
    blocks.write_bytes(BLOCKS.split("\r\n\r\n")[0].encode())
    assert len(align_blocks(blocks, SAMPLES, "gpt", missing_at_end=1)) == 1


def test_the_command_says_how_many_samples_have_knowledge(blocks, tmp_path, capsys):
    write_samples(tmp_path / "train.jsonl", SAMPLES)
    flags = ["--blocks", blocks, "--samples", tmp_path / "train.jsonl", "--source", "gpt", "--output", tmp_path / "k.jsonl"]
    main([*map(str, flags)])
    assert "2 of 2 samples have knowledge of gpt" in capsys.readouterr().out
    assert len(read_knowledge(tmp_path / "k.jsonl")) == 2


def test_the_published_knowledge_of_twitter_gmner_aligns(shared_data, real_roots):
    samples, _ = read_all(TWITTER_GMNER_READER, real_roots["v2"])
    for split, name in (("train", "train"), ("dev", "valid"), ("test", "test")):
        path = shared_data / f"riveg_mner_noaugment_{name}.txt.gz"
        assert len(align_blocks(path, samples[split], "gpt")) == len(samples[split])
    with pytest.raises(DataError, match="does not belong to these samples"):
        align_blocks(shared_data / "riveg_mner_noaugment_test.txt.gz", samples["dev"], "gpt")


@pytest.mark.parametrize(("year", "missing"), [(2015, 1), (2017, 0)])
def test_the_two_classic_sets_and_their_knowledge_are_read(shared_data, year, missing):
    samples, counts = read_all(READERS[f"twitter-{year}"], shared_data)
    published = READERS[f"twitter-{year}"].published
    assert {split: counts[split]["samples"] for split in published} == {split: one["samples"] for split, one in published.items()}
    assert {entity.type for found in samples.values() for sample in found for entity in sample.entities} == {
        "PER",
        "LOC",
        "ORG",
        "OTHER",
    }
    path = shared_data / f"pgim_knowledge_{year}.zip" / "test.txt"
    assert len(align_blocks(path, samples["test"], "gpt", missing_at_end=missing)) == len(samples["test"]) - missing


def test_a_folder_that_is_not_as_published_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"twitter-2015 is not laid out as published: .*train\.txt"):
        READERS["twitter-2015"].check_folder(tmp_path, None)
