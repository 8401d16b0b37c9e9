"""Boxes in reasoning: four numbers in brackets."""

import re

from mcr.boxes import Box

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
BOX = re.compile(rf"[\[(]\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*[\])]")


def box_of(match: re.Match[str]) -> Box:
    """Return the box of a match with four groups of digits."""
    x1, y1, x2, y2 = (float(number) for number in match.groups())
    return x1, y1, x2, y2


def boxes_in(text: str) -> list[Box]:
    """Return the boxes that a text writes."""
    return [box_of(match) for match in BOX.finditer(text)]
