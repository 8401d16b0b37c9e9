"""The rewards for verl, which loads this file by its path and calls `compute_score`.

reward.custom_reward_function.path=FOLDER/for_verl.py reward.custom_reward_function.name=compute_score

`reward_model.ground_truth` of the data holds gold as rewards.columns reads it, best as JSON text; frame and task are inside it or
in `extra_info`. Options go through `reward.custom_reward_function.reward_kwargs`. No scoring of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mcr.errors import ConfigError, closest
from mcr.labels import LabelSet
from rewards.columns import read_task, score_row
from rewards.options import RewardOptions


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    task: str | None = None,
    weights: Mapping[str, float] | None = None,
    sigma: float | None = None,
    normalization: str | None = None,
    count: str | None = None,
    two_nones: str | None = None,
    labels: str | Mapping[str, Any] | LabelSet | None = None,
    formats: str | Sequence[str] | None = None,
    empty_boxes: str | None = None,
    **others: Any,
) -> dict[str, float]:
    """Return `score`, the total in [0, 1], and each part beside it (verl logs them). `data_source` decides nothing.

    verl passes arguments of its own beside the reward_kwargs, so the options are listed here; others are ignored,
    but for those that look like a misspelled option.

    Args:
        data_source: of the sample.
        solution_str: the completion.
        ground_truth: gold.
        extra_info: may hold frame and task of the sample.
        task: of samples that name none; default gmner.
        weights: as in `rewards.RewardOptions`, which has the defaults of this and what follows.
        sigma: IoU threshold of the grounding reward.
        normalization: matched or larger_count.
        count: stepwise or f1.
        two_nones: one, zero or left_out.
        labels: label set: a name, labels separated by commas, a YAML file, or a mapping with name and labels.
        formats: that count: all, taught, or names.
        empty_boxes: unreadable or none.
        others: verl's own arguments.

    Raises:
        ConfigError: a value that does not fit, or a name close to an option's.
    """
    options: dict[str, Any] = {
        "weights": weights,
        "sigma": sigma,
        "normalization": normalization,
        "count": count,
        "two_nones": two_nones,
    }
    options |= {"labels": labels, "formats": formats, "empty_boxes": empty_boxes}
    _check_names(others, (*options, "task"))
    extra = extra_info or {}
    task = read_task(ground_truth, extra.get("task"), task)
    got = score_row(solution_str, ground_truth, extra.get("frame"), task, RewardOptions.from_dict(options))
    return {"score": got.total, **got.parts}


def _check_names(others: Iterable[str], known: Sequence[str]) -> None:
    for name in others:
        if hint := closest(name, known):
            raise ConfigError(f"reward_kwargs: got {name!r}{hint}, expected some of {', '.join(known)}. Correct the name.")
