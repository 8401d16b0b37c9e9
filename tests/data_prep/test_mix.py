from pathlib import Path

import pytest
import yaml

from data_prep.mix_samples import Source, main, mix, read_config
from mcr.errors import ConfigError
from mcr.io.samples import load_samples, write_samples
from mcr.records import Entity, ImageRef, Sample

CONFIGS = Path(__file__).resolve().parents[2] / "data_prep/configs"


def source(tmp_path, dataset, task, num):
    samples = [
        Sample(str(n), dataset, task, "Ann", (ImageRef(f"{n}.jpg", 9, 9),), (Entity("Ann", "", None),)) for n in range(num)
    ]
    write_samples(tmp_path / f"{dataset}.jsonl", samples)
    return str(tmp_path / f"{dataset}.jsonl")


def test_so_many_of_each_are_drawn_and_shuffled_by_seed(tmp_path, capsys):
    rows = [
        {"samples": source(tmp_path, "a", "gmner", 10), "num": 4, "image_folder": "pics/"},
        {"samples": source(tmp_path, "b", "vg", 6)},
    ]
    (tmp_path / "mix.yaml").write_text(yaml.safe_dump({"sources": rows, "output_dir": str(tmp_path / "out"), "seed": 3}))
    main(["--config", str(tmp_path / "mix.yaml")])
    samples = load_samples(tmp_path / "out/train.jsonl")
    assert sorted(sample.task.name for sample in samples) == ["gmner"] * 4 + ["vg"] * 6
    assert [sample.task.name for sample in samples] != ["gmner"] * 4 + ["vg"] * 6
    assert {sample.images[0].path.split("/")[0] for sample in samples if sample.dataset == "a"} == {"pics"}
    assert all(sample.id.startswith(f"{sample.dataset}:") for sample in samples)
    assert "| a | gmner | 4 |" in capsys.readouterr().out
    again = [Source(**row) for row in rows]
    assert mix(again, 3) == samples
    assert mix(again, 4) != samples


def test_flags_change_a_config_or_do_without_one(tmp_path):
    a, b = source(tmp_path, "a", "gmner", 10), source(tmp_path, "b", "vg", 6)
    flags = ["--samples", a, b, "--num", "3", "2", "--image_folders", "x", "y", "--output_dir", str(tmp_path / "out")]
    main([*flags, "--split", "dev"])
    samples = load_samples(tmp_path / "out/dev.jsonl")
    assert sorted(sample.images[0].path.split("/")[0] for sample in samples) == ["x"] * 3 + ["y"] * 2
    rows = [{"samples": "nowhere.jsonl", "num": 100, "image_folder": "pics"}]
    (tmp_path / "mix.yaml").write_text(yaml.safe_dump({"sources": rows, "output_dir": "nowhere", "seed": 3}))
    main(["--config", str(tmp_path / "mix.yaml"), "--samples", a, "--num", "4", "--output_dir", str(tmp_path / "out")])
    samples = load_samples(tmp_path / "out/train.jsonl")
    assert [sample.images[0].path.split("/")[0] for sample in samples] == ["pics"] * 4


def test_flags_that_do_not_fit_the_sources_are_refused(tmp_path):
    path = source(tmp_path, "a", "gmner", 3)
    with pytest.raises(ConfigError, match="--num: got 2, expected 1, one for each source"):
        main(["--samples", path, "--num", "1", "2", "--output_dir", str(tmp_path)])
    with pytest.raises(ConfigError, match="expected --samples and --output_dir in its place"):
        main(["--samples", path])


def test_more_than_there_is_and_one_source_twice_are_refused(tmp_path):
    path = source(tmp_path, "a", "gmner", 3)
    with pytest.raises(ConfigError, match="holds 3 samples, 4 are wanted"):
        mix([Source(path, 4)], 0)
    with pytest.raises(ConfigError, match="no source is named"):
        mix([], 0)
    with pytest.raises(ConfigError, match="a number from 1 on"):
        Source(path, 2.5)
    with pytest.raises(ConfigError, match="come from two sources"):
        mix([Source(path), Source(path)], 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", ["got list, expected the keys sources, output_dir, seed"]),
        (
            "sources: []\noutput_dr: y\nseed: 0",
            ["unknown key 'output_dr' (did you mean output_dir?)", "lacks the key output_dir"],
        ),
        ("sources: []\noutput_dir: y", ["lacks the key seed"]),
        ("sources: []\noutput_dir: y\nseed: 0\nsplit: val", ["split: got 'val', expected one of train, dev, test"]),
        ("sources: {samples: x}\noutput_dir: y\nseed: 0", ["sources: got dict, expected a list"]),
        (
            "sources: [{samples: x}, {sample: x}, y]\noutput_dir: y\nseed: 0",
            [
                "source 2: unknown key 'sample' (did you mean samples?)",
                "source 2: lacks the key samples",
                "source 3: got 'y', expected the keys samples, num, image_folder",
            ],
        ),
        ("sources: [{samples: x, num: 0}]\noutput_dir: y\nseed: 0", ["num is 0"]),
        ("{", ["cannot be read as a mix"]),
    ],
)
def test_configs_that_are_no_mix_are_told(tmp_path, text, told):
    (tmp_path / "mix.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        read_config(tmp_path / "mix.yaml")
    assert all(one in str(error.value) for one in told)


def test_a_mix_is_written_under_the_name_of_its_split(tmp_path):
    rows = [{"samples": source(tmp_path, "a", "gmner", 2)}]
    config = {"sources": rows, "output_dir": str(tmp_path / "out"), "seed": 0, "split": "dev"}
    (tmp_path / "mix.yaml").write_text(yaml.safe_dump(config))
    main(["--config", str(tmp_path / "mix.yaml")])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["dev.jsonl"]


def test_the_papers_mix_is_a_config():
    """Table 5's training samples, two schemas each, are the 55,712 of MCR E.1."""
    config = read_config(CONFIGS / "mcr_mix.yaml")
    assert [one.num for one in config.sources] == [7000, 6856, 14_000]
    assert 2 * sum(one.num for one in config.sources) == 55_712


def test_the_held_out_mix_has_as_many_samples_as_the_configs_score():
    config = read_config(CONFIGS / "mcr_mix_dev.yaml")
    assert (config.split, sum(one.num for one in config.sources)) == ("dev", 256)
    folders = [one.image_folder for one in read_config(CONFIGS / "mcr_mix.yaml").sources]
    assert [one.image_folder for one in config.sources] == folders
