"""Errors that come from outside the program, explained: what happened, what to do, from where the same command resumes.

Errors are recognized by their type. Where a library raises a bare Exception or RuntimeError, its text is the only sign; the
patterns below are the one place that reads such texts, and each says which library writes it.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from requests.exceptions import ConnectionError as ServerGone
from safetensors import SafetensorError
from torch.utils.data import dataloader

from mcr.errors import DataError, McrError
from mcr.training.checkpoints.resume import resume_hint

# torch's data loader raises RuntimeError for a worker that died, from a signal handler and so without a cause.
WORKER_DIED = re.compile(r"DataLoader worker \(pid\(?s?\)?.*?(exited unexpectedly|killed by signal[^.]*)", re.DOTALL)
# torch raises a worker's error anew, of the same class, with the worker's traceback in front of the message.
WORKER_TRACEBACK = re.compile(r"^Caught \w+ in DataLoader worker process.*\bDataError: ", re.DOTALL)
# TRL's vLLM client raises a bare Exception for every status but 200.
SERVER_REFUSED = re.compile(r"^Request failed: ")
# torch.save raises RuntimeError for a full disk as it does for everything else.
TORCH_WRITE_FAILED = re.compile(
    r"PytorchStreamWriter|inline_container|open file failed|cannot be opened|^Parent directory .* does not exist"
)

WORKER_PATIENCE_S = 5.0  # within which torch notices that a worker died


@contextmanager
def explain_external_errors(out: Path, *, is_served: bool = False) -> Iterator[None]:
    """Turn what can go wrong outside the program into errors that say what to do.

    Args:
        out: the run folder.
        is_served: rollouts come from TRL's vLLM server.

    Raises:
        DataError: a sample or an image that cannot be used.
        McrError: a lost worker or server, weights that cannot be written or read.
    """
    try:
        yield
    except Exception as error:
        explained = _explain(_error_of_worker(error), out, is_served)
        if explained is None:
            raise
        raise explained from error


def uses_server(config: Any) -> bool:
    """Return whether rollouts come from TRL's vLLM server."""
    return getattr(config, "use_vllm", False) and config.vllm_mode == "server"


def is_write_failure(error: Exception) -> bool:
    """Return whether an error means that a file could not be written."""
    return not isinstance(error, RuntimeError) or TORCH_WRITE_FAILED.search(str(error)) is not None


def _error_of_worker(error: Exception) -> Exception:
    """Return torch's error for a worker that died where the broken connection to it was noticed first, else the error."""
    try:
        if isinstance(error, ConnectionError | EOFError) and _passed_through(error, dataloader.__file__):
            time.sleep(WORKER_PATIENCE_S)  # torch's handler of SIGCHLD raises here
    except RuntimeError as died:
        return died
    return error


def _passed_through(error: Exception, file: str) -> bool:
    """Return whether an error was raised in a file or in what that called."""
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            return True
        step = step.tb_next
    return False


def _explain(error: Exception, out: Path, is_served: bool) -> McrError | None:
    """Return the error to raise instead of one that comes from outside, None for others."""
    text = str(error)
    if isinstance(error, DataError):
        return DataError(f"while training: {WORKER_TRACEBACK.sub('', text).strip()} {resume_hint(out)}")
    if is_served and SERVER_REFUSED.search(text):
        return McrError(f"the vLLM server refused ({text}). Its own log says why. {resume_hint(out)}")
    if is_served and isinstance(error, ServerGone | ConnectionError):
        return McrError(f"the vLLM server does not answer ({text}). Start it (launch/vllm_server.sh). {resume_hint(out)}")
    if isinstance(error, SafetensorError):
        return McrError(f"weights could not be written or read ({text}). Check the disk of {out}. {resume_hint(out)}")
    died = WORKER_DIED.search(text) if isinstance(error, RuntimeError) else None
    if died is not None:
        advice = "Lower dataloader_num_workers, or give the machine more memory."
        return McrError(f"a process that loads images died ({died[1]}), often for lack of memory. {advice} {resume_hint(out)}")
    return None
