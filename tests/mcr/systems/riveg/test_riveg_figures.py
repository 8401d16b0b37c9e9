"""RiVEG's tables show the paper's figures beside ours; written down here a second time from the paper."""

import pytest

from mcr.systems.riveg.tables import TABLES

# By row title, the columns for which the paper states a figure, in their order.
PAPER = {
    ("riveg-5", "twitter"): {
        "BERT-CRF (text only)": (75.56, 73.88, 74.71, 86.10, 83.85, 84.96),
        "PLIM ChatGPT (BERT)": (75.84, 77.76, 76.79, 89.09, 90.08, 89.58),
        "XLM-R-CRF (text only)": (76.45, 78.22, 77.32, 88.46, 90.23, 89.34),
        "PLIM ChatGPT (XLM-R)": (79.21, 79.45, 79.33, 90.86, 92.01, 91.43),
    },
    ("riveg-6", "twitter"): {
        "BERT-CRF (text only)": (78.93, 77.47, 78.19),
        "PLIM ChatGPT (BERT)": (83.12, 82.66, 82.89),
        "XLM-R-CRF (text only)": (82.68, 83.13, 82.90),
        "PLIM ChatGPT (XLM-R)": (84.80, 84.23, 84.51),
    },
    ("riveg-7", "twitter"): {
        "XLM-R-CRF (text only)": (88.46, 90.23, 89.34),
        "PLIM ChatGPT (XLM-R)": (90.86, 92.01, 91.43),
    },
    ("riveg-7", "sandbox"): {
        "w/o Auxiliary Knowledge": (88.46, 90.23, 89.34),
        "w/o Manually Annotated Samples": (89.63, 90.50, 90.06),
        "w/o MSEA, N=1": (90.49, 90.82, 90.65),
        "w/o MSEA, N=5": (90.62, 91.49, 91.05),
        "w/o MSEA, N=10": (90.54, 91.77, 91.15),
        "MSEA, N=1": (89.90, 91.63, 90.76),
        "MSEA, N=5": (90.86, 92.01, 91.43),
        "MSEA, N=10": (90.54, 92.08, 91.30),
    },
    ("riveg-10", "sandbox"): {
        "Named Entity + Entity Type": (82.08, 72.40),
        "Entity Expansion Expression": (81.40, 71.10),
        "Named Entity Referring Expression": (84.30, 73.90),
    },
}
QUOTED = {
    "riveg-5": {
        "UMT (BERT)": (71.67, 75.23, 73.41, 85.28, 85.34, 85.31),
        "ITA (XLM-R)": (78.03, 89.75),
        "PLIM Mix (XLM-R)": (79.10, 79.78, 79.44, 91.12, 92.67, 91.89),
    },
    "riveg-6": {
        "UMT-RCNN-EVG": (49.16, 51.48, 50.29, 77.89, 79.28, 78.58, 53.55, 56.08, 54.78),
        "H-Index": (56.16, 56.67, 56.41, 79.37, 80.10, 79.73, 60.90, 61.46, 61.18, 58.91, 59.54, 59.22, 54.24, 54.82, 54.53),
        "RiVEG XLM-R": (65.09, 66.68, 65.88, 84.80, 84.23, 84.51, 67.97, 69.63, 68.79, 64.90, 66.48, 65.68, 62.10, 63.61, 62.85),
        "RiVEG BERT, Mix": (
            65.10,
            66.96,
            66.02,
            83.02,
            85.40,
            84.19,
            68.21,
            70.18,
            69.18,
            65.04,
            66.91,
            65.96,
            62.08,
            63.86,
            62.95,
        ),
    },
    "riveg-7": {"MSEA, N=10 (XLM-R, Twitter-2015)": (78.58, 79.67, 79.12)},
    "riveg-8": {
        "PLIM-ALBEF-SeqTR": (
            57.45,
            58.85,
            58.14,
            84.80,
            84.23,
            84.51,
            60.25,
            61.72,
            60.98,
            58.19,
            59.72,
            58.95,
            55.46,
            56.90,
            56.17,
        ),
        "PLIM-OFA(VE)-SeqTR, Mix": (
            *(59.03, 59.10, 59.06, 85.71, 86.16, 85.94, 61.85, 61.93, 61.89, 59.65, 59.81, 59.73, 56.93, 57.05, 56.99),
        ),
    },
    "riveg-10": {"Entity Expansion Expression (ALBEF, SeqTR)": (81.76, 71.72)},
    "riveg-11": {
        "SeqTR, text query": (56.34,),
        "UNINEXT-R50, text query": (58.66,),
        "OFA-large + ViT-H-SAM, box prompt": (62.12,),
    },
}


def stated(table, figures):
    return tuple(figures[column.header] for column in table.columns if column.header in figures)


@pytest.mark.parametrize(("name", "platform"), PAPER)
def test_the_figures_beside_ours_are_the_papers(name, platform):
    table = TABLES[name]
    assert {row.title: stated(table, row.paper) for row in table.rows[platform] if row.paper} == PAPER[name, platform]


@pytest.mark.parametrize("name", QUOTED)
def test_quoted_rows_are_the_papers(name):
    table = TABLES[name]
    assert {title: stated(table, table.quoted[title]) for title in QUOTED[name]} == QUOTED[name]
