"""Gaussian Risk-Aware Box Perturbation (GRBP): training targets that jitter around gold (E2E-GMNER 3.2.2, Algorithm 1).

A box's center moves by N(0, beta^2) of its width and height; its width and height scale by 1 + N(0, gamma^2), within bounds. The
first draw whose IoU with gold is at least tau is the target. After T refused draws, gold is. A box thinner than the minimum size
is never moved.

The paper states no value but beta = gamma = 0.03, the best in its Section 4.7 and Fig. 3. tau, T, the minimum size and the scale
bounds are our choice; they equal the defaults of the published code.

Differs: Algorithm 1 takes the image size but shows no clipping. Here a draw is clipped to the image, and one that clipping leaves
thinner than the minimum size is refused: a target outside the image would teach coordinates that no box has.
Differs: Algorithm 1 guards the unrounded box. Here the guard sees the box as it is written for the model.
Differs: the published code draws from N(0, (beta / sqrt(3))^2), clamps the draw to +-beta, and halves beta and gamma for boxes of
less than 32 x 32 pixels. The paper has none of this, and neither do we. The published code guards the box before rounding.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from mcr.boxes import Box, Frame, area, iou
from mcr.errors import ConfigError

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
BOX_TEXT = re.compile(rf"[\[(]\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*[\])]")
NUMBER_TEXT = re.compile(NUMBER)
HAIR = 1e-9  # the share by which a side may fall short of the minimum through binary rounding


@dataclass(frozen=True, slots=True)
class GrbpSettings:
    """How far boxes jitter. The paper states values for beta and gamma alone; the others are our choice.

    Attributes:
        beta: standard deviation of the center's shift, as a share of width and height (paper, Section 4.7: 0.03).
        gamma: standard deviation of the scale (paper, Section 4.7: 0.03).
        tau: smallest IoU with gold that is accepted, in [0, 1] (our choice).
        tries: draws before gold stays, the paper's T (our choice).
        min_scale: lower bound of the scale, the paper's s_min (our choice).
        max_scale: upper bound of the scale, the paper's s_max (our choice).
        min_units: smallest width and height, the paper's m, in units of the frame's last decimal (our choice).
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


def perturb(
    box: Box,
    width: float,
    height: float,
    settings: GrbpSettings,
    min_size: float,
    normal: Callable[[], float],
    *,
    write: Callable[[Box], Box] = lambda drawn: drawn,
) -> tuple[Box, int]:
    """Return (perturbed box, number of refused draws) by Algorithm 1, in continuous coordinates.

    Gold that is thinner than `min_size` comes back as it is, without a draw (lines 2-3).

    Args:
        box: gold.
        width: of the image, in the units of the box.
        height: of the image, in the units of the box.
        settings: how far boxes jitter; `min_units` is not read.
        min_size: the paper's m, in the units of the box.
        normal: returns the next standard normal draw; each try takes four, for delta_x, delta_y, eps_w, eps_h in this order.
        write: rounds a draw before the guard sees it; without it, nothing is rounded.

    >>> draws = iter([1.0, -1.0, 0.0, 2.0])
    >>> perturb((20, 20, 60, 40), 100, 100, GrbpSettings(beta=0.1, gamma=0.1), 2, lambda: next(draws))
    ((24.0, 16.0, 64.0, 40.0), 0)
    """
    if _is_thin(box, min_size):
        return box, 0
    for number in range(settings.tries):
        drawn = write(_clip(_draw(box, settings, min_size, normal), width, height))
        if not _is_thin(drawn, min_size) and iou(drawn, box) >= settings.tau:
            return drawn, number
    return box, settings.tries


def _draw(box: Box, settings: GrbpSettings, min_size: float, normal: Callable[[], float]) -> Box:
    """Return one draw (lines 5-13)."""
    width, height = box[2] - box[0], box[3] - box[1]
    delta_x, delta_y = settings.beta * normal(), settings.beta * normal()
    center_x, center_y = (box[0] + box[2]) / 2 + delta_x * width, (box[1] + box[3]) / 2 + delta_y * height
    scale_w, scale_h = (
        min(settings.max_scale, max(settings.min_scale, 1 + eps))
        for eps in (settings.gamma * normal(), settings.gamma * normal())
    )
    half_w, half_h = max(min_size, width * scale_w) / 2, max(min_size, height * scale_h) / 2
    return center_x - half_w, center_y - half_h, center_x + half_w, center_y + half_h


def _clip(box: Box, width: float, height: float) -> Box:
    x1, x2 = (min(max(value, 0.0), width) for value in (box[0], box[2]))
    y1, y2 = (min(max(value, 0.0), height) for value in (box[1], box[3]))
    return x1, y1, x2, y2


def _round(box: Box, decimals: int) -> Box:
    x1, y1, x2, y2 = box
    return round(x1, decimals), round(y1, decimals), round(x2, decimals), round(y2, decimals)


def _is_thin(box: Box, min_size: float) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) < min_size * (1 - HAIR)


def perturb_box(box: Box, frame: Frame, settings: GrbpSettings, rng: Random) -> tuple[Box, int]:
    """Return (perturbed box, number of refused draws), both boxes in the frame and rounded to it.

    Args:
        box: gold in the frame.
        frame: of the image.
        settings: how far boxes jitter.
        rng: the only source of chance.
    """
    min_size = settings.min_units * 10.0**-frame.decimals
    first, second = frame.scale_width, frame.scale_height  # limits of a box's first and second number
    if frame.axes == "yxyx":
        first, second = second, first
    return perturb(
        box,
        first,
        second,
        settings,
        min_size,
        lambda: rng.gauss(0.0, 1.0),
        write=lambda drawn: _round(drawn, frame.decimals),
    )


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
        x1, y1, x2, y2 = map(float, match.groups())
        box = (x1, y1, x2, y2)
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
