"""docs/architecture.md tells the truth: every station exists, and no way is longer than it promises."""

import importlib
import re
from pathlib import Path

import pytest
from test_layers import BRINGS_HEAVY

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST = {"Fine-tuning (MRSI)": 12, "CVO (GRPO)": 9, "Evaluation": 7}
STATIONS = sorted(set(re.findall(r"`((?:mcr|rewards|data_prep)\.[\w.]+:[\w.]+)`", PAGE)))


def stations_of(heading: str) -> list[str]:
    section = PAGE.split(f"### {heading}\n")[1].split("\n#")[0]
    return re.findall(r"^\| \d+ \| `([^`]+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("heading", MOST)
def test_a_way_has_no_more_stations_than_it_may_have(heading):
    assert 0 < len(stations_of(heading)) <= MOST[heading]


@pytest.mark.parametrize("station", STATIONS)
def test_a_station_exists(station):
    module, _, path = station.partition(":")
    if module in BRINGS_HEAVY:
        pytest.importorskip("torch")
    found = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    assert found is not None
