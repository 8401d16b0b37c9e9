"""What docs/security.md promises of the code: no pickle, no eval, no shell, no remote code, whatever file one looks into."""

import ast
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("mcr", "rewards", "data_prep", "recipes", "bench")
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
UNSAFE_MODULES = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def names_of(path):
    """(dotted name, call) of every call in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keywords(call):
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unsafe_is_called(path):
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in ([*node.names, ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else node.names)
    }
    assert not imported & UNSAFE_MODULES
    for name, call in names_of(path):
        given = keywords(call)
        assert name not in ("eval", "exec", "compile", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"), ast.unparse(
            call
        )
        assert given.get("shell", "False") == "False", ast.unparse(call)
        assert given.get("trust_remote_code", "False") in ("False", "trust_remote_code", "config.trust_remote_code")
        assert given.get("allow_pickle", "False") == "False"
        if name in ("torch.load", "load"):
            assert given.get("weights_only") == "True", ast.unparse(call)


def test_weights_are_read_from_safetensors_alone(tmp_path):
    torch = pytest.importorskip("torch")
    from mcr.errors import ConfigError
    from mcr.models.load import load_model
    from mcr.rollouts.vllm.sampler import VllmSampler

    (tmp_path / "config.json").write_text('{"model_type": "qwen3_vl"}')
    torch.save({"weight": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="safetensors"):
        load_model(tmp_path)
    with pytest.raises(ConfigError, match="safetensors"):
        VllmSampler(str(tmp_path), None)
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "x"}')
    (tmp_path / "base.safetensors").touch()
    torch.save({}, tmp_path / "adapter_model.bin")
    with pytest.raises(ConfigError, match=r"adapter_model\.safetensors"):
        load_model(tmp_path)


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    pytest.importorskip("torch")
    from mcr.models.load import load_model

    ran = tmp_path / "ran"
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "evil.py").write_text(f"open({str(ran)!r}, 'w')")
    auto_map = {"AutoConfig": "evil.Config", "AutoModelForImageTextToText": "evil.Model"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard_of", "auto_map": auto_map}))
    with pytest.raises(ValueError, match="trust_remote_code"):
        load_model(tmp_path)
    assert not ran.exists()


def test_launchers_put_no_word_of_the_user_into_a_shell(tmp_path):
    done = subprocess.run(
        ["bash", str(ROOT / "launch" / "vllm_server.sh"), "$(touch broken)", "; touch broken"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 2
    assert not list(tmp_path.iterdir())
    for path in (ROOT / "launch").glob("*.s*"):
        assert "eval " not in path.read_text(encoding="utf-8")
