"""The stages that turn published datasets, and the sandbox's counterparts, into samples. Tables of all systems share them.

The published datasets lie in one folder, as their authors name them:

    Twitter10000_v2.0/, Twitter10000v2/ (FMNERG), MNER-MI/ (its folder Dataset), gRefCOCO/
    images/twitter/, images/mner_mi/, images/train2014/
    riveg/owltraincaption_1.txt (RiVEG's captions of Twitter-GMNER's training images)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcr.systems.stages import PACKAGES, Stage, make_stage
from mcr.systems.tables import TableRun


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset as published.

    Attributes:
        name: of its samples' folder.
        reader: its name for mcr build-samples.
        folder: of the annotations.
        images: the folder of its images, inside images/.
        splits: that are read.
        task: of its counterpart in the sandbox.
    """

    name: str
    reader: str
    folder: str
    images: str
    splits: tuple[str, ...]
    task: str


GMNER = Dataset("gmner", "twitter-gmner", "Twitter10000_v2.0", "twitter", ("train", "dev", "test"), "gmner")
FMNERG = Dataset("fmnerg", "twitter-fmnerg", "Twitter10000v2", "twitter", ("train", "dev", "test"), "gmner")
MNER_MI = Dataset("mner_mi", "mner-mi", "MNER-MI", "mner_mi", ("train", "dev", "test"), "mner")
GREFCOCO = Dataset("grefcoco", "grefcoco", "gRefCOCO", "train2014", ("train", "val", "testA", "testB"), "vg")
SANDBOX_BASE = PACKAGES / "mcr" / "models" / "sandbox_base"  # the sandbox's pretrained model (docs/sandbox.md)
SANDBOX_CLIP = PACKAGES / "mcr" / "models" / "sandbox_clip"
CAPTIONS = "riveg/owltraincaption_1.txt"


def published_stage(run: TableRun, dataset: Dataset) -> Stage:
    """Return the stage that reads a dataset as published; all seeds share its samples."""
    root, images, out = run.data / dataset.folder, run.data / "images" / dataset.images, run.shared / "data" / dataset.name
    flags = ("--root", root, "--image_root", images, "--output_dir", out, "--splits", ",".join(dataset.splits))
    makes = [out / f"{split}.jsonl" for split in dataset.splits]
    title = f"samples of {dataset.reader}"
    module = "data_prep.build_samples"
    return make_stage(f"data/{dataset.name}", title, module, dataset.reader, *flags, reads=(root, images), makes=makes)


def described_stage(run: TableRun) -> Stage:
    """Return the stage that adds RiVEG's captions to the training samples of Twitter-GMNER."""
    folder, captions = samples_folder(run, GMNER), run.data / CAPTIONS
    train, out = folder / "train.jsonl", folder / "described.jsonl"
    flags = ("--samples", train, "--captions", captions, "--output", out)
    name, module = f"data/{GMNER.name}/described", "data_prep.describe_images"
    return make_stage(name, "captions of the training images", module, *flags, reads=[train, captions], makes=[out])


def sandbox_stage(run: TableRun, dataset: Dataset, num_train: float, num_dev: float, num_test: float) -> Stage:
    """Return the stage that makes a dataset's counterpart in the sandbox world of the seed."""
    splits = {"dev" if split == "val" else split: num_test for split in dataset.splits} | {"train": num_train, "dev": num_dev}
    return world_stage(run.name(f"data/{dataset.name}"), run.folder / "data" / dataset.name, splits, run.seed, dataset.task)


def world_stage(name: str, out: Path, splits: Mapping[str, float], seed: int, task: str = "gmner") -> Stage:
    """Return the stage that writes scenes of the sandbox world.

    Args:
        name: of the stage.
        out: the folder of the samples and their images.
        splits: scenes of train, of dev and of each test split, which have one size.
        seed: of the world.
        task: of its samples.
    """
    (num_test,) = {num for split, num in splits.items() if split.startswith("test")}
    sizes = ("--train", splits["train"], "--dev", splits["dev"], "--test", num_test)
    makes = [out, *(out / f"{split}.jsonl" for split in splits)]
    title, flags = f"a world of {task} samples", ("--output_dir", out, "--task", task, *sizes, "--seed", seed)
    return make_stage(name, title, "data_prep.make_sandbox", *flags, makes=makes)


def samples_folder(run: TableRun, dataset: Dataset) -> Path:
    """Return the folder of a dataset's samples."""
    return (run.folder if run.platform == "sandbox" else run.shared) / "data" / dataset.name


def image_folder(run: TableRun, dataset: Dataset) -> Path:
    """Return the folder that the image paths of a dataset's samples start from."""
    return samples_folder(run, dataset) if run.platform == "sandbox" else run.data / "images" / dataset.images
