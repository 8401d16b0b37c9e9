"""The rewards for OpenRLHF: `--remote_rm_url .../rewards/for_openrlhf.py --label_key gold`. No scoring of its own.

The label column holds gold as rewards.columns reads it: JSON text, the frame inside it.
"""

from collections.abc import Sequence
from typing import Any

from rewards.columns import score_row
from rewards.score import PARTS

END_CHARS = (400, 200, 100, 50, 25)


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any) -> dict[str, Any]:
    """Return `rewards` and `scores` (both the totals in [0, 1]) and `extra_logs` (each part), tensors of shape [B], float32.

    A query is its prompt with the completion behind it; only the completion is scored.
    """
    import torch

    completions = [completion_of(query, prompt) for query, prompt in zip(queries, prompts, strict=True)]
    scores = [score_row(completion, label) for completion, label in zip(completions, labels, strict=True)]
    totals = torch.tensor([got.total for got in scores], dtype=torch.float32)
    parts = {part: torch.tensor([getattr(got, part) for got in scores], dtype=torch.float32) for part in PARTS}
    return {"rewards": totals, "scores": totals, "extra_logs": parts}


def completion_of(query: str, prompt: str) -> str:
    """Return what stands behind the prompt in a query.

    Image tokens are expanded in the query and not in the prompt, so it is the prompt's end that is looked for. Where that is not
    found either, the whole query is returned.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    for num_chars in END_CHARS:
        end = prompt[-num_chars:]
        place = query.find(end) if end else -1
        if place >= 0:
            return query[place + len(end) :]
    return query
