"""The errors that users of the toolkit meet. Each says what failed, the value, the rule, the place and what to do."""

import atexit
import difflib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, NoReturn


class McrError(Exception):
    """Base of every error raised on purpose by the toolkit."""


class DataError(McrError, ValueError):
    """Bad user data: annotations, samples, predictions, images. Raised before any training starts.

    Attributes:
        kind: a word or two that faults are counted under.
    """

    def __init__(self, message: str, *, kind: str = "broken") -> None:
        super().__init__(message)
        self.kind = kind


class ConfigError(McrError, ValueError):
    """A config key, flag or combination of settings that cannot work."""


class Terminated(BaseException):
    """SIGTERM came. Like KeyboardInterrupt no Exception, so that nothing on the way takes it for a failure."""


MAX_SUGGESTED = 3  # names for one that is cut short
MAX_FAULTS_SHOWN = 20
GOES_ON = "the same command resumes from what is saved"
RESUMES = f"stopped; {GOES_ON}"
IS_STAGE = "MCR_IS_STAGE"  # an environment variable: another command runs this one and says itself that it was stopped
WRITE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}
WRONG_PLACES = {errno.EISDIR, errno.EEXIST}


def run_command(main: Callable[[], None]) -> None:
    """Run a command line's main: our errors end it with their message instead of a traceback, Ctrl-C and SIGTERM with a hint.

    Processes that run it together leave together; one that fails does not wait for the others.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
        if _leave_processes():
            _end_at_once()
    except McrError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(1 if IS_STAGE in os.environ else RESUMES)
    except Terminated as told:
        if IS_STAGE not in os.environ:
            print(told, file=sys.stderr)
        sys.exit(128 + signal.SIGTERM)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        if error.errno in WRONG_PLACES:
            sys.exit(f"error: {place}{error.strerror}. Name a file where a file, a folder where a folder is to be written")
        if error.errno not in WRITE_ERRORS:
            raise
        sys.exit(f"error: {place}{error.strerror}. Free disk space or name a folder that can be written; {GOES_ON}")
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave_processes() -> bool:
    """Wait for the other processes, end their group, and return whether there was one."""
    if "torch.distributed" not in sys.modules:
        return False
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return False
    distributed.barrier()
    distributed.destroy_process_group()
    return True


def _end_at_once() -> None:
    """Do what is registered for the end, and end with code 0, without taking the interpreter down.

    Threads of torch and DeepSpeed outlive the group. One that asks for the interpreter while it is taken down is ended by force,
    inside code that allows no exception, and aborts a process whose work is done.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _terminate(*_: object) -> NoReturn:
    raise Terminated(f"terminated; {GOES_ON}")


def closest(name: Any, known: Iterable[str], *, dashes: str = "") -> str:
    """Return " (did you mean ...?)" where a known name is like a wrong one or begins with it, else nothing.

    Args:
        name: what is not known.
        known: all names.
        dashes: what comes before a name that is a flag.

    >>> closest("breif", ["brief", "narrative"]), closest("out", ["output_dir"], dashes="--"), closest("xyz", ["brief"])
    (' (did you mean brief?)', ' (did you mean --output_dir?)', '')
    """
    names, name = sorted(known), str(name)
    matches = difflib.get_close_matches(name, names, n=1) or [one for one in names if name and one.startswith(name)]
    return f" (did you mean {' or '.join(dashes + one for one in matches[:MAX_SUGGESTED])}?)" if matches else ""


def raise_faults(what: str, faults: list[str], *, error: type[McrError] = DataError) -> None:
    """Raise one error that lists every fault found, so that the user mends them in one go; do nothing without faults.

    Args:
        what: the sentence before the list, e.g. "2 samples of train.jsonl cannot be used".
        faults: one line each, with the value, the rule and the file and line or sample id.
        error: the class to raise.
    """
    if not faults:
        return
    lines = [f"  - {fault}" for fault in faults[:MAX_FAULTS_SHOWN]]
    if len(faults) > MAX_FAULTS_SHOWN:
        lines.append(f"  ... and {len(faults) - MAX_FAULTS_SHOWN} more")
    raise error("\n".join([f"{what}:", *lines]))
