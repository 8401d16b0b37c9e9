"""The published configs as a chain: what one reads, a command of its header or an earlier config makes."""

import importlib
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

pytest.importorskip("torch")
from config_headers import ROOT, Command, commands_of, configs_before, field_of
from test_published_configs import PUBLISHED

from data_prep.mix_samples import read_config
from data_prep.readers import readers
from mcr.commands.registry import COMMANDS

FIELDS = ("Data", "Evaluate")
READ = ("train_set", "held_out", "gold", "train_samples", "dev_samples", "samples", "predictions")
READ = (*READ, "regions", "dev_regions", "unco_regions", "vkel_named", "vkel_regions")
BY_STEM = pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)


def flag(command: Command, name: str) -> str:
    value = command.flags[name]
    assert value is not None, f"{command.name}: --{name} has no value"
    return value


def made_by(command: Command) -> set[str]:
    """Return the files and model folders that a command writes."""
    if command.name == "build-samples":
        splits = command.flags.get("splits")
        names = splits.split(",") if splits else readers()[command.words[0]].splits
        return {f"{flag(command, 'output_dir')}/{split}.jsonl" for split in names}
    if command.name == "mix-samples":
        mix = read_config(ROOT / flag(command, "config"))
        return {f"{mix.output_dir}/{mix.split}.jsonl"}
    if command.name == "describe-images":
        return {flag(command, "output")}
    if command.name == "write-schemas":
        return {f"{flag(command, 'output_dir')}/{name}.parquet" for name in ("d1", "d2")}
    if command.name == "write-staged":
        return {f"{flag(command, 'output_dir')}/d1.parquet"}
    if command.name in ("read-knowledge", "ask-knowledge", "ask-appearance", "pair-images", "propose-regions"):
        return {flag(command, "output")}
    if command.name == "build-phrases":
        sets = ("ve", "vg", "vg_all")
        return {f"{flag(command, 'output_dir')}/{name}/{flag(command, 'split')}.jsonl" for name in sets}
    return {flag(command, "output_dir")} if command.name == "merge" else set()


def read_by(command: Command) -> set[str]:
    """Return the files and model folders of ours that a command reads."""
    if command.name == "mix-samples":
        return {source.samples for source in read_config(ROOT / flag(command, "config")).sources}
    names = {"merge": "model", "evaluate": "predictions" if "predictions" in command.flags else "model_name_or_path"}
    if command.name == "ask-appearance":
        return {flag(command, name) for name in ("samples", "predictions") if name in command.flags}
    if command.name == "write-staged":
        read = (command.flags.get(name) for name in ("samples", "synthetic", "knowledge", "regions", "held_out"))
        return {path for one in read if one is not None for path in one.split()}
    return set() if command.name in ("build-samples", "pair-images") else {flag(command, names.get(command.name, "samples"))}


def settings(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def made_by_config(path: Path) -> set[str]:
    out = settings(path)["output_dir"]
    made = {"filter": {f"{out}/kept.parquet"}, "evaluate": {f"{out}/predictions.jsonl"}}
    made |= {"correct": {f"{out}/predictions.jsonl"}}
    return made.get(path.stem.rpartition("_")[2], {f"{out}/model"})


def read_by_config(path: Path) -> set[str]:
    rows = settings(path)
    files = {rows[name] for name in READ if name in rows}
    files |= {
        *rows.get("knowledge", ()),
        *(rows[name] for name in ("dev_knowledge", "riveg_knowledge", "vkel_knowledge") if name in rows),
    }
    flags = ("model_name_or_path", "riveg_tagger", "unco_model", "vkel_names", "vkel_places")
    models = [rows[name] for name in flags if name in rows]
    return files | {name for name in models if name.startswith("runs/")}


@cache
def made_before(path: Path) -> frozenset[str]:
    """Return what the configs that a config comes after have made."""
    made: set[str] = set()
    for earlier, is_data_alone in configs_before(path):
        made |= made_before(earlier) | {name for command in commands_of(earlier, "Data") for name in made_by(command)}
        made |= set() if is_data_alone else made_by_config(earlier)
    return frozenset(made)


@BY_STEM
def test_what_a_config_reads_is_made_by_its_header_or_by_an_earlier_config(path):
    made = set(made_before(path))
    for command in commands_of(path, "Data"):
        assert read_by(command) <= made, command
        made |= made_by(command)
    assert read_by_config(path) <= made
    made |= made_by_config(path)
    for command in commands_of(path, "Evaluate"):
        assert read_by(command) <= made, command
        made |= made_by(command)


@BY_STEM
def test_the_configs_that_a_header_names_exist(path):
    assert len(configs_before(path)) == len(field_of(path, "After"))
    named = [earlier for earlier, _ in configs_before(path)]
    named += [ROOT / flag(command, "config") for command in commands_of(path, "Evaluate") if "config" in command.flags]
    assert not [one for one in named if one not in PUBLISHED]


@BY_STEM
def test_a_header_launches_its_own_config(path):
    (launch,) = field_of(path, "Launch")
    assert launch.endswith(f"--config {path.relative_to(ROOT)}")
    assert path.stem.rpartition("_")[2] in launch.split("--config ")[0]


def image_roots() -> dict[str, str]:
    """Return the image folder that each file of samples was built with."""
    roots = {}
    for path in PUBLISHED:
        for command in commands_of(path, "Data"):
            if command.name == "build-samples":
                roots |= dict.fromkeys(made_by(command), flag(command, "image_root"))
    return roots


@BY_STEM
def test_image_paths_start_from_the_folder_that_samples_were_built_with(path):
    rows, roots = settings(path), image_roots()
    for name in {"held_out", "gold", "train_samples"} & rows.keys():
        if rows[name] in roots and "image_root" in rows:  # a tagger reads no image
            assert rows["image_root"] == roots[rows[name]]
    for mix in (read_config(one) for one in (ROOT / "data_prep/configs").glob("mcr_mix*.yaml")):
        if f"{mix.output_dir}/{mix.split}.jsonl" in rows.values():
            folders = [f"{rows['image_root']}/{source.image_folder}" for source in mix.sources]
            assert folders == [roots[source.samples] for source in mix.sources]


def test_no_two_configs_write_to_one_folder():
    folders = [settings(path)["output_dir"] for path in PUBLISHED]
    assert len(set(folders)) == len(folders)


def known_flags(name: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    module = importlib.import_module(next(one.module for one in COMMANDS if one.name == name))
    with pytest.raises(SystemExit):
        module.main(["--help"])
    return set(re.findall(r"--(\w+)", capsys.readouterr().out))


def test_the_commands_of_headers_have_flags_that_exist(capsys):
    used: dict[str, set[str]] = {}
    for path in PUBLISHED:
        for command in (one for field in FIELDS for one in commands_of(path, field)):
            used.setdefault(command.name, set()).update(command.flags)
    assert {"build-samples", "mix-samples", "write-schemas", "merge", "evaluate"} <= used.keys()
    assert not {name: unknown for name, flags in used.items() if (unknown := flags - known_flags(name, capsys) - {"config"})}


def test_docs_list_every_config_with_the_row_that_it_makes():
    text = (ROOT / "docs/configs.md").read_text(encoding="utf-8")
    section = text.partition("\n## Every config\n")[2].partition("\n## ")[0]
    listed = []
    for part in section.split("\n### In ")[1:]:
        folder = ROOT / part.partition("\n")[0]
        listed += [folder / f"{stem}.yaml" for stem in re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)]
    assert sorted(listed) == sorted(PUBLISHED)
