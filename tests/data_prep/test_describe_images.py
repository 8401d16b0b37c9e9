"""Captions and regions of images: three forms of captions, faults listed, and what schemas make of them."""

import gzip
import json
import os
from pathlib import Path
from random import Random

import pytest

from data_prep import describe_images
from data_prep.describe_images import read_captions, read_regions
from data_prep.schemas.build import has_coinciding_routes
from data_prep.schemas.facts import collect_facts
from data_prep.schemas.styles import Voice, steps_image_first, steps_text_first
from mcr.errors import DataError
from mcr.families import frame_settings
from mcr.io.samples import load_samples, write_samples
from mcr.records import Entity, ImageRef, Region, Sample

FRAME = frame_settings("qwen3_vl")
IMAGE = (ImageRef("1.jpg", 100, 100),)
SHOWN = Sample("1", "d", "gmner", "Ann in Rome", IMAGE, (Entity("Ann", "PER", ((10, 10, 50, 50),)), Entity("Rome", "LOC")))
NOT_SHOWN = Sample("2", "d", "gmner", "Ann in Rome", IMAGE, (Entity("Ann", "PER"), Entity("Rome", "LOC")))


def test_three_forms_of_captions_are_read(tmp_path):
    (tmp_path / "owl.txt").write_text("imgid:1###A man on TV. \n\nBehind him is a map.\nimgid:O_2###Two dogs.\n")
    (tmp_path / "blip.txt").write_text("1.jpg :a man : on tv\n17_06_1.jpg :\n2.jpg :two dogs\n")
    (tmp_path / "own.jsonl").write_text('{"id": "1", "caption": "a  man"}\n\n')
    assert read_captions(tmp_path / "owl.txt") == {"1": "A man on TV. Behind him is a map.", "O_2": "Two dogs."}
    assert read_captions(tmp_path / "blip.txt") == {"1": "a man : on tv", "2": "two dogs"}
    assert read_captions(tmp_path / "own.jsonl") == {"1": "a man"}
    (tmp_path / "owl.txt.gz").write_bytes(gzip.compress((tmp_path / "owl.txt").read_bytes()))
    assert read_captions(tmp_path / "owl.txt.gz") == read_captions(tmp_path / "owl.txt")


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("1.jpg a man\n2.jpg :two\n", "c.txt:1: not a caption: '1.jpg a man'"),
        ('{"id": 1, "caption": "a"}\n', "c.txt:1: not a caption"),
        ("1.jpg :a\n1.jpg :b\n", "c.txt:2: id '1' occurs twice"),
        ("imgid:1###a\nimgid:1###b\n", "id '1' occurs twice"),
    ],
)
def test_faults_in_captions_are_listed(tmp_path, text, reported):
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(DataError, match=reported):
        read_captions(tmp_path / "c.txt")


@pytest.mark.parametrize(
    ("row", "reported"),
    [
        ({"id": "1", "regions": [{"label": "dog", "box": [1, 2, 3]}]}, "r.jsonl:1: box: got"),
        ({"id": "1", "regions": [{"label": "dog"}]}, "r.jsonl:1: KeyError 'box'"),
        ({"id": "1", "regions": [{"label": "dog", "box": [5, 2, 3, 9]}]}, "r.jsonl:1: box: got"),
    ],
)
def test_faults_in_regions_are_listed(tmp_path, row, reported):
    (tmp_path / "r.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataError, match=reported):
        read_regions(tmp_path / "r.jsonl")


def run(tmp_path, *flags):
    write_samples(tmp_path / "s.jsonl", [SHOWN, NOT_SHOWN])
    describe_images.main(["--samples", str(tmp_path / "s.jsonl"), "--output", str(tmp_path / "out.jsonl"), *map(str, flags)])
    return load_samples(tmp_path / "out.jsonl")


def test_samples_get_what_the_files_say_of_them(tmp_path, capsys):
    (tmp_path / "c.txt").write_text("1.jpg :a woman\n3.jpg :a bus\n")
    (tmp_path / "d.txt").write_text("imgid:1###A woman smiles.\n")
    (tmp_path / "r.jsonl").write_text('{"id": "2", "regions": [{"label": "dog", "box": [1, 2, 30, 40]}]}\n')
    first, second = run(tmp_path, "--captions", tmp_path / "c.txt", tmp_path / "d.txt", "--regions", tmp_path / "r.jsonl")
    assert (first.captions, first.regions) == (("a woman", "A woman smiles."), ())
    assert (second.captions, second.regions) == ((), (Region("dog", (1.0, 2.0, 30.0, 40.0)),))
    assert (first.entities, first.sentence) == (SHOWN.entities, SHOWN.sentence)
    printed = capsys.readouterr().out
    assert "2 samples: 1 with captions, 1 with regions" in printed
    assert "1 ids of the files are of no sample here" in printed


def test_a_region_outside_the_image_is_refused_by_its_sample(tmp_path):
    (tmp_path / "r.jsonl").write_text('{"id": "2", "regions": [{"label": "dog", "box": [1, 2, 300, 40]}]}\n')
    with pytest.raises(DataError, match=r"1 samples cannot be described[\s\S]*sample 2, region 'dog'"):
        run(tmp_path, "--regions", tmp_path / "r.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def lines_of(style, sample):
    return style(collect_facts(sample, FRAME.frame_of(sample)), Voice(Random(0), 1))


@pytest.mark.parametrize("known", [{"captions": ("A dog. It barks.",)}, {"regions": (Region("dog", (1, 2, 30, 40)),)}])
def test_the_image_first_route_begins_with_what_is_visible(known):
    fields = {name: getattr(NOT_SHOWN, name) for name in NOT_SHOWN.__slots__} | known
    sample = Sample(**fields)
    begin = lines_of(steps_image_first, sample)[0]
    assert begin in ("Image: A dog.", "Seen: dog [10, 20, 300, 400].")
    assert lines_of(steps_text_first, sample)[0] == "Names: Ann; Rome."
    assert not has_coinciding_routes(sample, FRAME.frame_of(sample))


def test_the_image_first_route_begins_with_gold_boxes_where_nothing_else_is_known():
    assert lines_of(steps_image_first, SHOWN)[0] == "Seen: PER [100, 100, 500, 500]."
    assert not has_coinciding_routes(SHOWN, FRAME.frame_of(SHOWN))
    assert lines_of(steps_image_first, NOT_SHOWN)[0] == "Names: Ann; Rome."
    assert has_coinciding_routes(NOT_SHOWN, FRAME.frame_of(NOT_SHOWN))


@pytest.mark.skipif("MCR_SHARED_DATA" not in os.environ, reason="needs the published captions")
def test_published_captions_are_read():
    data = Path(os.environ["MCR_SHARED_DATA"])
    counts = {name: len(read_captions(data / f"riveg_owl{name}caption_1.txt.gz")) for name in ("train", "dev", "test")}
    assert counts == {"train": 6999, "dev": 1499, "test": 1499}
    assert {year: len(read_captions(data / f"riveg_BLIP2_{year}.txt.gz")) for year in (15, 17)} == {
        15: 8286,
        17: 4819,
    }  # two of 8,288 are empty
