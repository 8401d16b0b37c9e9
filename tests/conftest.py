"""Fixtures: real data where it is at hand, and a tiny sandbox that recipes can run on."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from recipe_flags import sft_flags
from tiny_text_encoder import make_text_encoder

import mcr
from mcr.systems.datasets import SANDBOX_BASE

REPOSITORY = Path(mcr.__file__).resolve().parent.parent


def pytest_collection_modifyitems(items):
    for item in items:
        if not {"recipe", "vllm", "gpu", "distributed", "peers"} & {mark.name for mark in item.iter_markers()}:
            item.add_marker(pytest.mark.unit)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real annotations; tests that need it skip where it is not."""
    folder = os.environ.get("MCR_SHARED_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MCR_SHARED_DATA does not name a folder with the real annotations")
    return Path(folder)


@pytest.fixture(scope="session")
def real_roots(shared_data, tmp_path_factory) -> dict[str, Path]:
    """Twitter-GMNER as published, unpacked, by version."""
    out = tmp_path_factory.mktemp("twitter")
    roots = {}
    for version, name in (("v1", "Twitter10000"), ("v2", "Twitter10000_v2.0")):
        with tarfile.open(shared_data / f"{name}.annotations.tar.gz") as archive:
            archive.extractall(out, filter="data")
        roots[version] = out / name
    return roots


def run_recipe(name: str, *flags: object, check: bool = True, **options) -> subprocess.CompletedProcess:
    """Run a recipe as a user would, in its own process."""
    command = [sys.executable, str(REPOSITORY / "recipes" / f"{name}.py"), *map(str, flags)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, **options)
    if check and done.returncode:
        raise AssertionError(f"{name} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done


@pytest.fixture(scope="session")
def recipe():
    return run_recipe


@pytest.fixture(scope="session")
def tiny_text_encoder(tmp_path_factory) -> Path:
    """A tiny BERT with its tokenizer."""
    pytest.importorskip("torch")
    return make_text_encoder(tmp_path_factory.mktemp("text_encoder"))


@pytest.fixture(scope="session", params=["qwen3_vl", "qwen2_5_vl"])
def sandbox(request, tmp_path_factory) -> Path:
    """A small world with schemas and a tiny model to start from, for each family."""
    pytest.importorskip("torch")
    return make_sandbox_folder(tmp_path_factory.mktemp(f"sandbox_{request.param}"), request.param)


@pytest.fixture(scope="session")
def sandbox_qwen3(tmp_path_factory) -> Path:
    pytest.importorskip("torch")
    return make_sandbox_folder(tmp_path_factory.mktemp("sandbox_one"), "qwen3_vl")


@pytest.fixture(scope="session")
def sandbox_llava(tmp_path_factory) -> Path:
    pytest.importorskip("torch")
    return make_sandbox_folder(tmp_path_factory.mktemp("sandbox_llava"), "llava")


@pytest.fixture(scope="session")
def trained_qwen3(sandbox_qwen3) -> Path:
    """That sandbox with a model, mrsi/model, that has seen a few steps of MRSI."""
    run_recipe("sft", *sft_flags(sandbox_qwen3, sandbox_qwen3 / "mrsi", "--max_steps", 4, "--save_steps", 2))
    return sandbox_qwen3


def make_sandbox_folder(out: Path, family: str) -> Path:
    from data_prep import make_sandbox, write_schemas

    make_sandbox.main(["--output_dir", str(out / "data"), "--train", "60", "--dev", "4", "--test", "7"])
    frame = ["--factor", "32", "--min_pixels", "1024", "--max_pixels", "25600"] if family == "qwen2_5_vl" else []
    flags = ["--samples", str(out / "data/train.jsonl"), "--output_dir", str(out / "schemas"), "--family", family, *frame]
    flags += ["--styles", "steps_image_first,brief", "--answer_formats", "rows", "--detail", "brief", "--d2_share", "0.2"]
    write_schemas.main(flags)
    make_start(out, family)
    return out


def make_start(out: Path, family: str) -> None:
    """Write the model that recipes start from: the sandbox's base in float32, or random weights where a family has no base."""
    from mcr.models import tiny
    from mcr.models.load import load_model, load_processor
    from mcr.prompts.settings import PromptSettings

    if family != "qwen3_vl":
        tiny.main(["--texts", str(out / "schemas/d1.parquet"), "--output_dir", str(out / "start"), "--family", family])
        return
    load_model(SANDBOX_BASE, dtype="float32").save_pretrained(out / "start")
    load_processor(SANDBOX_BASE).save_pretrained(out / "start")
    PromptSettings.load(out / "schemas").save(out / "start")
