"""Noisy scenes: how far their boxes move, what a weaker teacher knows, what is refused."""

import pytest

from mcr.errors import ConfigError
from mcr.io.samples import load_samples, write_samples
from mcr.records import Entity, ImageRef, Sample
from mcr.systems.e2e_gmner.noise import main

BOX = (10.0, 20.0, 60.0, 80.0)


@pytest.fixture
def samples(tmp_path):
    image = ImageRef("a.jpg", 100, 100)
    rows = [Sample(str(number), "d", "gmner", "Ann", (image,), (Entity("Ann", "PER", (BOX,)),)) for number in range(5)]
    write_samples(tmp_path / "samples.jsonl", rows)
    return tmp_path / "samples.jsonl"


def test_samples_are_written_to_a_folder_with_noise_that_its_seed_repeats(samples, tmp_path):
    flags = ["--samples", str(samples)]
    for folder, noise in (("clean", "0"), ("noisy", "0.1"), ("again", "0.1")):
        main([*flags, "--noise", noise, "--output_dir", str(tmp_path / folder)])
    clean, noisy, again = (load_samples(tmp_path / folder / "samples.jsonl") for folder in ("clean", "noisy", "again"))
    assert clean == load_samples(samples)
    assert noisy == again
    assert all(0 < max(map(abs, map(float.__sub__, one.entities[0].boxes[0], BOX))) < 40 for one in noisy)


def test_what_is_read_is_not_written_over(samples, tmp_path):
    with pytest.raises(ConfigError, match="Name another folder"):
        main(["--samples", str(samples), "--output_dir", str(tmp_path)])
    with pytest.raises(ConfigError, match="did you mean --output_dir"):
        main(["--samples", str(samples), "--output", str(tmp_path)])


def test_a_teacher_knows_a_share_of_the_names_and_the_same_ones_everywhere(tmp_path):
    names = [f"Name{number}" for number in range(200)]
    rows = [
        Sample(f"{part}-{name}", "d", "gmner", name, (), (Entity(name, "PER"),), knowledge=((name, "red"),))
        for part in "ab"
        for name in names
    ]
    write_samples(tmp_path / "samples.jsonl", rows)
    known = {}
    for share in ("0", "0.5", "1"):
        main(["--samples", str(tmp_path / "samples.jsonl"), "--known", share, "--output_dir", str(tmp_path / share)])
        samples = load_samples(tmp_path / share / "samples.jsonl")
        known[share] = [{one.sentence for one in samples if one.id[0] == part and one.knowledge} for part in "ab"]
    assert known["0"] == [set(), set()]
    assert known["1"] == [set(names), set(names)]
    assert known["0.5"][0] == known["0.5"][1]
    assert 80 < len(known["0.5"][0]) < 120
