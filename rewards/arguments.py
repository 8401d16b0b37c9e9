"""The reward options as command-line settings: the same flags in recipes/filter.py, recipes/grpo.py and `mcr explain`."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field, fields

from mcr.labels import DEFAULT_LABELS, load_labels
from rewards.options import ALL_FORMS, CHOICES, TAUGHT, RewardOptions
from rewards.parts import PARTS


@dataclass
class RewardArguments:
    """Weights and rules of the rewards; recipes/grpo.py refuses a kept set that was filtered with others."""

    count_weight: float = field(default=0.2, metadata={"help": "weight of the count reward (MCR Eq. 10; 0.2 is our choice)"})
    span_weight: float = field(default=0.2, metadata={"help": "weight of the span reward (our choice)"})
    type_weight: float = field(default=0.2, metadata={"help": "weight of the type reward (our choice)"})
    entailment_weight: float = field(default=0.2, metadata={"help": "weight of the entailment reward (our choice)"})
    grounding_weight: float = field(default=0.2, metadata={"help": "weight of the grounding reward (our choice)"})
    sigma: float = field(default=0.5, metadata={"help": "IoU threshold of the grounding reward (Eq. 8; 0.5 is our choice)"})
    normalization: str = field(
        default="matched",
        metadata={"help": "span, type, entailment and grounding averaged over matched pairs (the paper) or the larger_count"},
    )
    count: str = field(default="stepwise", metadata={"help": "count reward: stepwise (Eqs. 13-15) or f1 (ours)"})
    two_nones: str = field(
        default="one", metadata={"help": "grounding of a pair without boxes: one (our choice), zero or left_out of the mean"}
    )

    labels: str = field(
        default="", metadata={"help": "label set whose aliases make two spellings one type: a name, a YAML file, or A,B,C"}
    )

    formats: str = field(
        default=TAUGHT,
        metadata={"help": "answer formats that count: taught (those of schemas), some of them (rows,json), or all"},
    )
    empty_boxes: str = field(default="unreadable", metadata={"help": "what [0, 0, 0, 0] and the like mean: unreadable or none"})

    def options(self) -> RewardOptions:
        """Return the checked options.

        Raises:
            ConfigError: a value that does not fit.
        """
        weights = {part: getattr(self, f"{part}_weight") for part in PARTS}
        labels = load_labels(self.labels) if self.labels else DEFAULT_LABELS
        rules = (self.sigma, self.normalization, self.count, self.two_nones)
        return RewardOptions(weights, *rules, labels, tuple(self.formats.split(",")), self.empty_boxes)


def add_reward_flags(parser: ArgumentParser) -> None:
    """Give an argparse command line one flag for each option; a command line scores completions of any system, so all forms."""
    for one in fields(RewardArguments):
        default = ALL_FORMS if one.name == "formats" else one.default
        choices = CHOICES.get(one.name)
        parser.add_argument(f"--{one.name}", type=type(one.default), default=default, choices=choices, help=one.metadata["help"])


def read_reward_flags(args: Namespace) -> RewardOptions:
    """Return the options of a parsed command line."""
    return RewardArguments(**{one.name: getattr(args, one.name) for one in fields(RewardArguments)}).options()
