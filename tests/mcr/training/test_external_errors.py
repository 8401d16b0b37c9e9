"""Errors from outside the program are explained. Those with a text for their only sign are raised here by the library itself."""

import inspect
import os
import re
import signal

import pytest

torch = pytest.importorskip("torch")
import requests
from safetensors import SafetensorError, safe_open
from torch.utils.data import DataLoader
from trl.generation import vllm_client

from mcr.errors import DataError, McrError
from mcr.training.checkpoints.resume import COMPLETE_MARKER
from mcr.training.external_errors import SERVER_REFUSED, explain_external_errors, is_write_failure

RESUMES = "The same command resumes from"


class BadImage:
    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise DataError("image a.png cannot be read. Restore it.")


class Killed(BadImage):
    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_server_that_is_gone_is_named_with_what_to_do(tmp_path):
    (tmp_path / "checkpoint-7").mkdir()
    (tmp_path / "checkpoint-7" / COMPLETE_MARKER).write_text('{"step": 7}')
    hint = rf"vLLM server does not answer.*launch/vllm_server.sh.*{RESUMES} .*checkpoint-7"
    with pytest.raises(McrError, match=hint), explain_external_errors(tmp_path, is_served=True):
        requests.post("http://127.0.0.1:9/generate", timeout=5)


def test_a_server_that_refuses_is_told_from_other_errors(tmp_path):
    raised = re.findall(r'raise Exception\(f"(.+?)\{', inspect.getsource(vllm_client))
    assert raised
    assert all(SERVER_REFUSED.search(text) for text in raised)
    with pytest.raises(McrError, match="server refused"), explain_external_errors(tmp_path, is_served=True):
        raise Exception("Request failed: 500, no memory")
    with pytest.raises(Exception, match=r"^Request failed"), explain_external_errors(tmp_path, is_served=False):
        raise Exception("Request failed: 500, no memory")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_bad_image_is_named_without_a_workers_traceback(tmp_path, num_workers):
    hint = rf"^while training: image a.png cannot be read. Restore it. {RESUMES} the start"
    with pytest.raises(DataError, match=hint), explain_external_errors(tmp_path):
        next(iter(DataLoader(BadImage(), num_workers=num_workers)))


def test_a_worker_that_is_killed_is_explained(tmp_path):
    hint = r"a process that loads images died .*dataloader_num_workers"
    with pytest.raises(McrError, match=hint), explain_external_errors(tmp_path):
        next(iter(DataLoader(Killed(), num_workers=1)))


class Reset(BadImage):
    def __getitem__(self, index):
        raise ConnectionResetError(104, "Connection reset by peer")


def test_a_connection_to_a_killed_worker_that_breaks_first_is_explained_as_the_worker_that_died(tmp_path, monkeypatch):
    def notice(_):
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    monkeypatch.setattr("mcr.training.external_errors.time.sleep", notice)  # torch's handler of SIGCHLD raises while we wait
    with pytest.raises(McrError, match=r"images died .killed by signal: Killed"), explain_external_errors(tmp_path):
        next(iter(DataLoader(Reset())))


def test_another_broken_connection_passes(tmp_path, monkeypatch):
    monkeypatch.setattr("mcr.training.external_errors.WORKER_PATIENCE_S", 0.01)
    with pytest.raises(ConnectionResetError), explain_external_errors(tmp_path):
        next(iter(DataLoader(Reset())))


def test_torn_weights_are_explained(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(McrError, match="weights could not be written or read") as raised, explain_external_errors(tmp_path):
        safe_open(tmp_path / "model.safetensors", "pt")
    assert isinstance(raised.value.__cause__, SafetensorError)


def test_other_errors_pass(tmp_path):
    with pytest.raises(RuntimeError, match="shapes"), explain_external_errors(tmp_path):
        raise RuntimeError("shapes do not match")


@pytest.mark.parametrize("path", ["/dev/full", "{}", "{}/no/such/folder/a.pt"])
def test_what_torch_raises_when_it_cannot_write_is_a_write_failure(tmp_path, path):
    with pytest.raises((RuntimeError, OSError)) as raised:
        torch.save({"weight": torch.zeros(100_000)}, path.format(tmp_path))
    assert is_write_failure(raised.value)


def test_write_failures_are_told_from_other_runtime_errors():
    assert is_write_failure(OSError(28, "No space left on device"))
    assert is_write_failure(RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos"))
    assert not is_write_failure(RuntimeError("CUDA error"))
