"""The sandbox for other tasks, and in the layouts of published datasets: the readers take every sample."""

from collections import Counter

import pytest

from data_prep import build_samples, make_sandbox
from data_prep.sandbox.layouts import write_layouts
from mcr.io.samples import load_samples

DATASETS = {
    "twitter-gmner": ("Twitter10000_v2.0", "twitter", ("train", "dev", "test")),
    "twitter-fmnerg": ("Twitter10000v2", "twitter", ("train", "dev", "test")),
    "mner-mi": ("MNER-MI", "mner_mi", ("train", "dev", "test")),
    "grefcoco": ("gRefCOCO", "train2014", ("train", "val", "testA", "testB")),
}


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stub")
    write_layouts(folder, 20)
    return folder


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_reader_takes_every_sample_of_the_stub(stub, tmp_path, dataset):
    folder, images, splits = DATASETS[dataset]
    flags = ["--root", str(stub / folder), "--image_root", str(stub / "images" / images), "--output_dir", str(tmp_path)]
    build_samples.main([dataset, *flags, "--strict"])
    for split in splits:
        samples = load_samples(tmp_path / f"{split}.jsonl")
        assert len(samples) == 20
        assert not any(image.is_missing for sample in samples for image in sample.images)
        assert any(entity.boxes for sample in samples for entity in sample.entities) is (dataset != "mner-mi")


def test_captions_are_of_the_training_tweets(stub, tmp_path):
    text = (stub / "riveg/owltraincaption_1.txt").read_text()
    assert text.startswith("imgid:000000###")
    assert text.count("imgid:") == 20


@pytest.mark.parametrize("task", ["gmner", "mner", "vg"])
def test_the_world_of_another_task_has_samples_of_its_own(tmp_path, task):
    make_sandbox.main(["--output_dir", str(tmp_path), "--train", "30", "--dev", "2", "--test", "20", "--task", task])
    train = load_samples(tmp_path / "train.jsonl")
    assert len(train) == 30
    assert {sample.task.name for sample in train} == {task}
    assert all((tmp_path / image.path).is_file() for sample in train for image in sample.images)
    if task == "mner":
        assert Counter(len(sample.images) for sample in train) == {1: 15, 2: 15}
        assert not any(entity.boxes for sample in train for entity in sample.entities)
    if task == "vg":
        people, others = (load_samples(tmp_path / f"{split}.jsonl") for split in ("testA", "testB"))
        assert len(people) == len(others) == 20
        assert any(sample.entities[0].boxes is None for sample in people + others)
        assert not {sample.sentence for sample in people} & {sample.sentence for sample in others}


def test_worlds_of_two_tasks_share_no_image(tmp_path):
    for task in ("gmner", "mner", "vg"):
        flags = ["--output_dir", str(tmp_path / task), "--train", "5", "--dev", "1", "--test", "1", "--task", task]
        make_sandbox.main(flags)
    paths = [
        image.path
        for task in ("gmner", "mner", "vg")
        for one in load_samples(tmp_path / task / "train.jsonl")
        for image in one.images[:1]
    ]
    assert len(set(paths)) == 15
