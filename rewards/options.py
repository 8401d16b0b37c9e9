"""How completions are scored: the options of the rewards, checked once, equal in the filter, in CVO and in every adapter."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mcr.errors import ConfigError, closest
from mcr.formats import ANSWER_FORMATS
from mcr.labels import DEFAULT_LABELS, LabelSet, load_labels
from rewards.parts import PART_TABLE, PARTS

DEFAULT_WEIGHTS: Mapping[str, float] = {name: part.weight for name, part in PART_TABLE.items()}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "normalization": ("matched", "larger_count"),
    "count": ("stepwise", "f1"),
    "two_nones": ("one", "zero", "left_out"),
    "empty_boxes": ("unreadable", "none"),
}
ALL_FORMS, TAUGHT = "all", "taught"
VARIABLE = "MCR_REWARD_"


@dataclass(frozen=True, slots=True)
class RewardOptions:
    """Weights and rules of the rewards. Frozen, comparable, usable as a key of a cache.

    Attributes:
        weights: lambda of each part by name (MCR Eq. 10), each >= 0; a part left out weighs 0. MCR does not state its weights;
            0.2 each is our choice, so that totals lie in [0, 1], as the filter's thresholds (D.3) suppose.
        sigma: IoU threshold of the grounding reward (Eq. 8), in [0, 1). MCR does not state it; 0.5 is our choice.
        normalization: what span, type, entailment and grounding are averaged over: "matched", the pairs that share a token (Eqs.
            6-9); "larger_count", the larger of the two numbers of entities, so that leaving out an entity, or padding, costs.
        count: "stepwise" (Eqs. 13-15) or "f1" (ours).
        two_nones: what a pair without a box on either side earns for grounding: "one" (our choice; Eq. 8 does not say), "zero",
            or "left_out" of the mean.
        labels: the label set, whose aliases make two spellings one type.
        formats: the answer formats that count, of mcr.formats.ANSWER_FORMATS, written as schemas write them; a text is split at
            commas, and "taught" names all of them. Empty, or "all": every form of docs/rewards.md, for files of other systems. In
            training it would teach sloppiness that such leniency forgives.
        empty_boxes: what [0, 0, 0, 0], [-1, -1, -1, -1], [[]] and nulls mean: "unreadable", or "none".

    Raises:
        ConfigError: a value out of range, an unknown rule or part.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    sigma: float = 0.5
    normalization: str = "matched"
    count: str = "stepwise"
    two_nones: str = "one"
    labels: LabelSet = DEFAULT_LABELS
    formats: tuple[str, ...] = ()
    empty_boxes: str = "unreadable"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name}: got {getattr(self, name)!r}, expected one of {', '.join(allowed)}.")
        if isinstance(self.sigma, bool) or not isinstance(self.sigma, int | float) or not 0 <= self.sigma < 1:
            raise ConfigError(f"sigma: got {self.sigma!r}, expected a number with 0 <= sigma < 1, e.g. 0.5.")
        object.__setattr__(self, "weights", _read_weights(self.weights))
        object.__setattr__(self, "formats", _read_formats(self.formats))

    def __hash__(self) -> int:
        rules = (self.sigma, self.normalization, self.count, self.two_nones, self.formats, self.empty_boxes)
        return hash((tuple(self.weights.values()), rules, self.labels))

    def to_dict(self) -> dict[str, Any]:
        """Return the options as JSON can hold them."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return own | {"weights": dict(self.weights), "labels": self.labels.to_dict(), "formats": list(self.formats)}

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> "RewardOptions":
        """Build options from names and values, as configs of other frameworks hold them; None means the default.

        Raises:
            ConfigError: an unknown name, reported with the closest known one; a value that does not fit.
        """
        known = [one.name for one in fields(cls)]
        for name in options:
            if name not in known:
                raise ConfigError(f"reward option: got {name!r}{closest(name, known)}, expected some of {', '.join(known)}.")
        given = {name: value for name, value in options.items() if value is not None}
        labels = given.get("labels")
        if isinstance(labels, str):
            given["labels"] = load_labels(labels)
        elif isinstance(labels, Mapping):
            given["labels"] = LabelSet.from_dict(labels)
        return cls(**given)

    @classmethod
    def from_environment(cls) -> "RewardOptions":
        """Read MCR_REWARD_SIGMA, MCR_REWARD_WEIGHTS (JSON) and so on, for frameworks that pass no options to a reward.

        MCR_REWARD_TASK is `task_from_environment`'s.
        """
        found = {name.removeprefix(VARIABLE).lower(): text for name, text in os.environ.items() if name.startswith(VARIABLE)}
        found.pop("task", None)
        options: dict[str, Any] = dict(found)
        is_list = found.get("formats", "").startswith("[")
        for name in {"sigma", "weights", *(["formats"] if is_list else [])} & found.keys():
            try:
                options[name] = json.loads(found[name])
            except ValueError:
                kind = "a number" if name == "sigma" else 'JSON, e.g. {"count": 0.2, "span": 0.8} or ["rows"]'
                raise ConfigError(f"{VARIABLE}{name.upper()}: got {found[name]!r}, expected {kind}.") from None
        return cls.from_dict(options)


def task_from_environment() -> str | None:
    """Return MCR_REWARD_TASK, the task of samples that do not name theirs, or None."""
    return os.environ.get(f"{VARIABLE}TASK") or None


def _read_weights(weights: Any) -> dict[str, float]:
    """Return a weight for every part.

    Raises:
        ConfigError: an unknown part, a weight that is negative or not finite, or nothing above 0.
    """
    is_mapping = isinstance(weights, Mapping)
    if not is_mapping or any(name not in PARTS or not _is_weight(value) for name, value in weights.items()):
        got = dict(weights) if is_mapping else weights
        hint = "".join(closest(name, PARTS) for name in got if name not in PARTS) if is_mapping else ""
        raise ConfigError(f"weights: got {got!r}{hint}, expected finite values >= 0 for some of {', '.join(PARTS)}.")
    if not any(weights.values()):
        raise ConfigError(f"weights: got {dict(weights)!r}, expected a weight above 0 for at least one of {', '.join(PARTS)}.")
    return {part: float(weights.get(part, 0.0)) for part in PARTS}


def _read_formats(formats: Any) -> tuple[str, ...]:
    """Return the names of formats in their usual order.

    Raises:
        ConfigError: an unknown name.
    """
    names = [str(name).strip() for name in (formats.split(",") if isinstance(formats, str) else formats)]
    if names in ([ALL_FORMS], [""]):
        return ()
    if names == [TAUGHT]:
        return tuple(ANSWER_FORMATS)
    wrong = [name for name in names if name not in ANSWER_FORMATS]
    if wrong:
        known = (ALL_FORMS, TAUGHT, *ANSWER_FORMATS)
        raise ConfigError(
            f"formats: got {wrong[0]!r}{closest(wrong[0], known)}, expected {ALL_FORMS}, {TAUGHT}, or some of "
            f"{', '.join(ANSWER_FORMATS)}."
        )
    return tuple(name for name in ANSWER_FORMATS if name in names)


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


DEFAULT_OPTIONS = RewardOptions()
