"""Counting what schemas written by models cost and why replies were not taken."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_prep.schemas.ask import ASKED_STYLES
from data_prep.schemas.endpoint_writer import Outcome

CHARS_PER_TOKEN = 4
IMAGE_TOKENS = 1000
MAX_TEMPLATE_SHARE = 0.1


@dataclass(slots=True)
class Tally:
    """Counts outcomes of teachers and the templates that took over from them."""

    reasons: Counter = field(default_factory=Counter)
    templates: Counter = field(default_factory=Counter)
    tokens: list[int] = field(default_factory=lambda: [0, 0])
    cost: float = 0.0
    num_asked_for: int = 0
    num_unwritten: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        self.num_asked_for += outcome.style in ASKED_STYLES
        self.num_unwritten += outcome.completion is None
        self.cost += outcome.cost
        kinds = [rejection.reason.split(":")[0] for rejection in outcome.rejections]
        self.reasons.update(kinds)
        if outcome.is_filled and outcome.completion is not None:
            self.templates[kinds[-1]] += 1
        self.tokens = [total + more for total, more in zip(self.tokens, outcome.num_tokens, strict=True)]

    @property
    def template_share(self) -> float:
        """Of the schemas that teachers were asked for, in [0, 1]: those that a template wrote instead; 0 without any."""
        return self.templates.total() / self.num_asked_for if self.num_asked_for else 0.0

    def template_report(self) -> str:
        """Return how many schemas templates filled in and why; a warning with what to do where they are more than a tenth."""
        reasons = ", ".join(f"{kind} {num:,}" for kind, num in self.templates.most_common())
        share = f"{self.templates.total():,} of {self.num_asked_for:,} schemas ({100 * self.template_share:.1f} %)"
        line = f"templates filled {share}{f': {reasons}' if reasons else ''}"
        if self.template_share <= MAX_TEMPLATE_SHARE:
            return line
        return (
            f"warning: {line}. That is more than {100 * MAX_TEMPLATE_SHARE:.0f} %: read rejected_replies.jsonl, use --gate "
            "answer where it was strict, or ask another teacher."
        )

    def in_words(self) -> str:
        """Return what a progress bar has room for."""
        parts = [f"rejected {self.reasons.total()}", f"templates {self.templates.total()}"]
        return ", ".join([*parts, f"cost {self.cost:.2f}"] if self.cost else parts)

    def summary(self) -> dict[str, Any]:
        """Return the counts of summary.json."""
        return {
            "asked_for": self.num_asked_for,
            "unwritten": self.num_unwritten,
            "rejected_by_reason": dict(sorted(self.reasons.items())),
            "template_share": round(self.template_share, 4),
            "templates_by_reason": dict(sorted(self.templates.items())),
            "prompt_tokens": self.tokens[0],
            "completion_tokens": self.tokens[1],
            "cost": round(self.cost, 4),
        }


def estimate_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """Return about how many tokens a conversation has: four characters a token, a thousand an image."""
    parts = [part for message in messages for part in message["content"]]
    texts = sum(len(part["text"]) for part in parts if part["type"] == "text")
    return texts // CHARS_PER_TOKEN + IMAGE_TOKENS * sum(part["type"] == "image_url" for part in parts)
