"""The errors that users of the toolkit meet. Each says what failed, the value, the rule, the place and what to do."""

import sys
from collections.abc import Callable


class McrError(Exception):
    """Base of every error raised on purpose by the toolkit."""


class DataError(McrError, ValueError):
    """Bad user data: annotations, samples, predictions, images. Raised before any training starts."""


class ConfigError(McrError, ValueError):
    """A config key, flag or combination of settings that cannot work."""


MAX_FAULTS_SHOWN = 20
RESUMES = "stopped; the same command goes on from what is saved"


def run_command(main: Callable[[], None]) -> None:
    """Run a command line's main: our errors end it with their message instead of a traceback, Ctrl-C with a hint."""
    try:
        main()
    except McrError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(RESUMES)


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
