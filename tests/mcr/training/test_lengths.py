"""Counting a sample's tokens against what TRL's collator makes of it, and leaving out long samples."""

import pytest

pytest.importorskip("torch")
from PIL import Image
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from data_prep import write_schemas
from mcr.errors import ConfigError
from mcr.io.samples import write_samples
from mcr.models.load import load_processor
from mcr.records import Entity, ImageRef, Sample
from mcr.training.data import for_fine_tuning, load_training_set
from mcr.training.lengths import count_sample_tokens, without_long_samples
from mcr.training.trainer_configs import MrsiConfig

SIZES = ((160, 160), (90, 150), (64, 400))


@pytest.fixture
def train_set(sandbox, tmp_path):
    """Samples with images of several sizes, one of them with two."""
    samples = []
    for index, (width, height) in enumerate(SIZES):
        Image.new("RGB", (width, height), "red").save(tmp_path / f"{index}.png")
        images = (ImageRef(f"{index}.png", width, height),) * (2 if index == 1 else 1)
        words = " ".join(["Ann", *["here"] * (3 * index)])
        samples.append(Sample(f"s{index}", "d", "gmner", words, images, (Entity("Ann", "PER", ((1.0, 1.0, 40.0, 40.0),)),)))
    write_samples(tmp_path / "s.jsonl", samples)
    flags = ["--samples", tmp_path / "s.jsonl", "--output_dir", tmp_path / "schemas", "--family", "qwen3_vl", "--d2_share", 0]
    write_schemas.main([*map(str, flags), "--styles", "brief", "--per_sample", "1"])
    processor = load_processor(str(sandbox / "start"))
    return load_training_set(tmp_path / "schemas/d1.parquet", tmp_path, needs_completion=True), processor, tmp_path


def test_tokens_are_those_that_the_trainer_forwards(train_set):
    rows, processor, image_root = train_set
    collator = DataCollatorForVisionLanguageModeling(processor, max_length=None)
    for row, given in zip(rows.with_format(None), for_fine_tuning(rows, image_root, None), strict=True):
        assert count_sample_tokens(row, processor, image_root) == collator([given])["attention_mask"].sum()


def test_long_samples_are_left_out_and_told(train_set, capsys):
    rows, processor, image_root = train_set
    lengths = [count_sample_tokens(row, processor, image_root) for row in rows.with_format(None)]
    kept = without_long_samples(rows, sorted(lengths)[1], processor, image_root)
    longest = lengths.index(max(lengths))
    assert [row["sample_id"] for row in kept.with_format(None)] == [f"s{index}" for index in range(3) if index != longest]
    assert (
        f"left out 1 of 3 samples of more than {sorted(lengths)[1]} tokens: s{longest} ({max(lengths)})"
        in capsys.readouterr().out
    )
    assert len(without_long_samples(rows, max(lengths), processor, image_root)) == 3
    assert "left out" not in capsys.readouterr().out
    with pytest.raises(ConfigError, match="leaves none of 3 samples"):
        without_long_samples(rows, 1, processor, image_root)


def test_a_limit_that_cuts_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="must not be cut"):
        MrsiConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, max_length=1024)
