"""VKEL's tables show the paper's figures on Twitter-FMNERG beside ours; written down here a second time from the paper."""

import pytest

from mcr.systems.vkel.tables import TABLES

PAPER = {
    "vkel-5": {"VKEL": (54.99, 66.39, 37.20, 44.39, 29.09, 52.63, 51.59, 49.31)},
    "vkel-6": {
        "VKEL": (57.44, 72.59, 68.46),
        "w Joint Training": (56.52, 71.81, 67.47),
        "w/o Synthetic Data": (55.18, 69.54, 66.50),
        "w/o Visual Knowledge": (52.70, 70.35, 63.33),
        "w/o Object Annotation": (54.60, 71.88, 65.10),
    },
    "vkel-9": {"VKEL": (59.84, 58.11, 57.44, 55.55, 52.09, 38.36, 71.49, 69.32, 68.46, 66.26, 62.20, 46.82)},
    "vkel-10": {
        "VKEL": (57.44, 72.59, 68.46),
        "only LLaMA-3 70B": (54.09, 69.68, 64.94),
        "only GPT3.5-Turbo": (55.18, 71.07, 67.55),
        "only Gemini-Pro": (54.82, 71.49, 66.38),
    },
}
QUOTED = {
    "MMT5, directly": (39.85, 64.51, 51.20),
    "MMT5, VKEL": (46.28, 69.15, 56.43),
    "Qwen2.5-VL, directly": (51.41, 68.62, 62.89),
    "Qwen2.5-VL, VKEL": (55.69, 68.82, 67.91),
    "LLaVA-1.5, directly": (50.37, 68.60, 61.63),
    "LLaVA-1.5, VKEL": (57.44, 72.59, 68.46),
}


def stated(table, figures):
    return tuple(figures[column.header] for column in table.columns if column.header in figures)


@pytest.mark.parametrize("name", PAPER)
def test_the_figures_beside_ours_are_the_papers(name):
    table = TABLES[name]
    assert {row.title: stated(table, row.paper) for row in table.rows["sandbox"]} == PAPER[name]


def test_both_families_of_the_paper_are_quoted():
    table = TABLES["vkel-8"]
    assert {title: stated(table, figures) for title, figures in table.quoted.items()} == QUOTED
