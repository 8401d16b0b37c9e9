"""The rewards for OpenRLHF: `--reward.remote_url .../rewards/for_openrlhf.py --data.label_key gold`. No scoring of its own.

The label column holds gold as rewards.columns reads it: JSON text, frame and task inside it. Options come from the environment
(`RewardOptions.from_environment`), and so does the task of samples that name none (MCR_REWARD_TASK).
"""

from collections.abc import Sequence
from typing import Any

from rewards.columns import read_task, score_row
from rewards.options import RewardOptions, task_from_environment
from rewards.parts import PARTS

END_CHARS = (400, 200, 100, 50, 25, 12)


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any) -> dict[str, Any]:
    """Return `rewards` and `scores` (both the totals in [0, 1]) and `extra_logs` (each part), tensors of shape [B], float32.

    A query is its prompt with the completion behind it; only the completion is scored.
    """
    import torch

    completions = [completion_of(query, prompt) for query, prompt in zip(queries, prompts, strict=True)]
    options, default = RewardOptions.from_environment(), task_from_environment()
    scores = [
        score_row(completion, label, task=read_task(label, default=default), options=options)
        for completion, label in zip(completions, labels, strict=True)
    ]
    totals = torch.tensor([got.total for got in scores], dtype=torch.float32)
    parts = {part: torch.tensor([got.parts[part] for got in scores], dtype=torch.float32) for part in PARTS}
    return {"rewards": totals, "scores": totals, "extra_logs": parts}


def completion_of(query: str, prompt: str) -> str:
    """Return what stands behind the prompt in a query.

    Image tokens are expanded in the query and not in the prompt, so it is the prompt's end that is looked for, as many times as
    the prompt holds it. Where that is not found either, nothing is returned: a prompt is never scored.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    for num_chars in END_CHARS:
        end = prompt[-num_chars:]
        place = -1
        for _ in range(prompt.count(end) if end else 0):
            place = query.find(end, place + 1)
            if place < 0:
                break
        if place >= 0:
            return query[place + len(end) :]
    return ""
