"""Gaussian Risk-Aware Box Perturbation: training targets that jitter around gold (E2E-GMNER, Algorithm 1).

A box's centre moves by N(0, beta) of its width and height, its width and height scale by 1 + N(0, gamma). What comes out is
bounded, clipped to the image, rounded to the frame, and taken if it still overlaps gold by tau; else it is drawn again, up to T
times, and then gold stays.

Differs: the published code draws from N(0, beta / sqrt(3)) cut at two standard deviations and halves both for small boxes; the
paper has neither. It guards the box before rounding; here the box that the model is shown is guarded.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from mcr.boxes import Frame, area, iou
from mcr.errors import ConfigError
from mcr.records import Box

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
BOX_TEXT = re.compile(rf"[\[(]\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*[\])]")
NUMBER_TEXT = re.compile(NUMBER)


@dataclass(frozen=True, slots=True)
class GrbpSettings:
    """How far boxes jitter; defaults are the paper's.

    Attributes:
        beta: standard deviation of the centre, as a share of width and height.
        gamma: standard deviation of the scale.
        tau: IoU with gold that is kept, in [0, 1].
        tries: draws before gold stays.
        min_scale, max_scale: bounds of the scale.
        min_units: smallest width and height, in units of the frame's last decimal.
    """

    beta: float = 0.03
    gamma: float = 0.03
    tau: float = 0.6
    tries: int = 5
    min_scale: float = 0.2
    max_scale: float = 5.0
    min_units: float = 2.0

    def __post_init__(self) -> None:
        fits = min(self.beta, self.gamma) >= 0 and 0 <= self.tau <= 1 and self.tries >= 1
        if not fits or not 0 < self.min_scale <= 1 <= self.max_scale or self.min_units < 1:
            raise ConfigError(
                f"grbp: got {self}, expected beta and gamma >= 0, tau in [0, 1], tries >= 1, min_scale in (0, 1], max_scale >= "
                "1, min_units >= 1."
            )


def perturb_box(box: Box, frame: Frame, settings: GrbpSettings, rng: Random) -> tuple[Box, int]:
    """Return (box, draws that the guard refused), both boxes in the frame and rounded to it.

    Args:
        box: gold in the frame.
        frame: of the image.
        settings: how far.
        rng: the only source of chance.
    """
    for number in range(settings.tries):
        drawn = draw_box(box, frame, settings, rng)
        if drawn is not None and iou(drawn, box) >= settings.tau:
            return drawn, number
    return box, settings.tries


def draw_box(box: Box, frame: Frame, settings: GrbpSettings, rng: Random) -> Box | None:
    """Return one draw, clipped and rounded; None where what the clipping leaves is thinner than allowed."""
    least = settings.min_units * 10.0**-frame.decimals
    x1, x2 = _draw_side(box[0], box[2], frame.scale_width, least, settings, rng)
    y1, y2 = _draw_side(box[1], box[3], frame.scale_height, least, settings, rng)
    drawn = tuple(round(value, frame.decimals) for value in (x1, y1, x2, y2))
    is_wide = round(min(drawn[2] - drawn[0], drawn[3] - drawn[1]), frame.decimals) >= least
    return drawn if is_wide else None


def _draw_side(low: float, high: float, limit: float, least: float, settings: GrbpSettings, rng: Random) -> tuple[float, float]:
    size = high - low
    centre = (low + high) / 2 + rng.gauss(0.0, settings.beta) * size
    scale = min(max(1.0 + rng.gauss(0.0, settings.gamma), settings.min_scale), settings.max_scale)
    half = max(least, size * scale) / 2
    return min(max(centre - half, 0.0), limit), min(max(centre + half, 0.0), limit)


def perturb_text(text: str, gold: Sequence[Box], frame: Frame, settings: GrbpSettings, rng: Random) -> str:
    """Return a completion with its gold boxes perturbed, each the same wherever it stands, in reasoning and answer alike.

    Args:
        text: with boxes as `[x1, y1, x2, y2]` or in parentheses, spaced in any way.
        gold: the boxes to perturb, in the frame; other boxes stay.
        frame: that the text is written in.
        settings: how far.
        rng: the only source of chance.
    """
    moved = {box: perturb_box(box, frame, settings, rng)[0] for box in dict.fromkeys(gold) if area(box)}

    def rewrite(match: re.Match) -> str:
        box = tuple(float(number) for number in match.groups())
        if box not in moved:
            return match.group()
        values = iter(moved[box])
        return NUMBER_TEXT.sub(lambda _: f"{next(values):.{frame.decimals}f}", match.group())

    return BOX_TEXT.sub(rewrite, text)


class BoxPerturber:
    """Perturbs the completions of a training set, anew each epoch, the same for the same seed, epoch and row.

    Attributes:
        epoch: set before each epoch, before its data loader starts its workers.
    """

    def __init__(self, settings: GrbpSettings, seed: int) -> None:
        self.settings, self.seed, self.epoch = settings, seed, 0

    def __deepcopy__(self, memo: dict[int, Any]) -> "BoxPerturber":
        """Data sets copy their transforms; the epoch is set on this one."""
        return self

    def __call__(self, row: Mapping[str, Any]) -> str:
        """Return the completion of a row with columns sample_id, style, gold, frame, completion."""
        text = row["completion"][0]["content"]
        if row["frame"] is None:
            return text
        frame = Frame.from_dict(row["frame"])
        gold = [frame.from_px(box) for entity in row["gold"] for box in entity["boxes"] or ()]
        rng = Random(f"{self.seed}/{self.epoch}/{row['sample_id']}/{row['style']}/{text}")
        return perturb_text(text, gold, frame, self.settings, rng)
