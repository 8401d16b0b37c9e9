"""RiVEG's tables and Figure 9: columns, rows and the paper's figures, in per cent."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from mcr.metrics.scores import (
    GREC_PRECISION,
    IOU_CURVE,
    MASK_IOU_CURVE,
    PHRASE_MASK_IOU,
    SEEN_NAMES,
    VERDICT_ACCURACY,
    Ratio,
    f1_of,
)
from mcr.systems.riveg import sandbox_runs, text_runs
from mcr.systems.riveg.sandbox_runs import MSEA, Knowledge, Whole, plan_curve, plan_forms, plan_masks, plan_names, plan_whole
from mcr.systems.riveg.text_runs import GMNER, TWITTER_2015, TWITTER_2017, TextSet, TextVariant, plan_text
from mcr.systems.tables import Column, Order, Row, Table, paper_figures, precision_recall_f1_columns

SIZES = {"sandbox": sandbox_runs.SIZES, "twitter": text_runs.SIZES, "stub": text_runs.STUB_SIZES}
ENCODERS = {"bilstm": "BiLSTM", "minilm": "MiniLM", "bert": "BERT", "xlmr": "XLM-R"}
MNER_SETS = (TWITTER_2015, TWITTER_2017)

TABLE_5 = (
    *precision_recall_f1_columns("Twitter-2015", TWITTER_2015.name, "mner"),
    *precision_recall_f1_columns("Twitter-2017", TWITTER_2017.name, "mner"),
)
TEXT_5: Mapping[tuple[str, str], str] = {
    ("bert", "none"): "75.56 73.88 74.71 86.10 83.85 84.96",
    ("bert", "chatgpt"): "75.84 77.76 76.79 89.09 90.08 89.58",
    ("xlmr", "none"): "76.45 78.22 77.32 88.46 90.23 89.34",
    ("xlmr", "chatgpt"): "79.21 79.45 79.33 90.86 92.01 91.43",
}
OTHERS_5 = {
    "UMT (BERT)": "71.67 75.23 73.41 85.28 85.34 85.31",
    "UMGF (BERT)": "74.49 75.21 74.85 86.54 84.50 85.51",
    "R-GCN (BERT)": "73.95 76.18 75.00 86.72 87.53 87.11",
    "CAT-MNER (BERT)": "76.19 74.65 75.41 87.04 84.97 85.99",
    "ITA (BERT)": "- - 75.60 - - 85.72",
    "MoRe Wiki-Text (BERT)": "73.31 74.43 73.86 85.92 86.75 86.34",
    "MoRe Wiki-Image (BERT)": "73.16 74.64 73.89 85.49 86.38 85.94",
    "PLIM LlaMA2-7B (BERT)": "74.87 76.53 75.69 87.27 88.82 88.04",
    "PLIM LlaMA2-13B (BERT)": "74.75 77.45 76.08 86.74 87.89 87.31",
    "PLIM Vicuna-7B (BERT)": "74.70 77.72 76.18 88.26 87.34 87.80",
    "PLIM Vicuna-13B (BERT)": "74.95 76.80 75.86 87.11 87.82 87.46",
    "PLIM Mix (BERT)": "75.92 78.04 76.97 89.24 90.19 89.71",
    "ITA (XLM-R)": "- - 78.03 - - 89.75",
    "MoRe Wiki-Text (XLM-R)": "- - 77.91 - - 89.50",
    "PLIM LlaMA2-7B (XLM-R)": "78.16 79.57 78.86 90.12 91.19 90.66",
    "PLIM LlaMA2-13B (XLM-R)": "78.37 79.86 79.10 89.57 92.15 90.84",
    "PLIM Vicuna-7B (XLM-R)": "76.97 79.42 78.17 89.35 91.27 90.30",
    "PLIM Vicuna-13B (XLM-R)": "78.46 78.92 78.69 90.16 90.23 90.20",
    "MoRe Wiki-Image (XLM-R)": "- - 78.13 - - 89.82",
    "PLIM Mix (XLM-R)": "79.10 79.78 79.44 91.12 92.67 91.89",
}


def curve_columns(measure: str, curve: Mapping[str, Ratio]) -> list[Column]:
    """Return a column for each IoU threshold of a measure."""
    return [Column(f"{measure} at IoU {one}", "gmner", ratio, measure, float(one)) for one, ratio in curve.items()]


PARTS = ("GMNER", "MNER", "EEG", "EES", "SMNER")
TABLE_6 = (
    *(
        column
        for name in PARTS
        for column in precision_recall_f1_columns(name, "mner" if name == "MNER" else "gmner", name.lower())
    ),
    *(Column(name, "mner", ratio) for name, ratio in SEEN_NAMES.items()),
    Column("GMNER F1, unseen names", "unseen", f1_of("gmner")),
    Column("EEG F1, unseen names", "unseen", f1_of("eeg")),
)
H_INDEX = "56.16 56.67 56.41 79.37 80.10 79.73 60.90 61.46 61.18 58.91 59.54 59.22 54.24 54.82 54.53"
OTHERS_6 = {
    "UMT-RCNN-EVG": "49.16 51.48 50.29 77.89 79.28 78.58 53.55 56.08 54.78 - - - - - -",
    "UMT-VinVL-EVG": "50.15 52.52 51.31 77.89 79.28 78.58 54.35 56.91 55.60 - - - - - -",
    "UMGF-VinVL-EVG": "51.62 51.72 51.67 79.02 78.64 78.83 55.68 55.80 55.74 - - - - - -",
    "ITA-VinVL-EVG": "52.37 50.77 51.56 80.40 78.37 79.37 56.57 54.84 55.69 54.17 52.38 53.26 50.09 48.43 49.25",
    "BARTMNER-VinVL-EVG": "52.47 52.43 52.45 80.65 80.14 80.39 55.68 55.63 55.66 53.56 53.45 53.51 50.52 50.22 50.37",
    "H-Index": H_INDEX,
    "RiVEG BERT": "64.03 63.57 63.80 83.12 82.66 82.89 67.16 66.68 66.92 64.18 63.73 63.96 61.09 60.66 60.88",
    "RiVEG XLM-R": "65.09 66.68 65.88 84.80 84.23 84.51 67.97 69.63 68.79 64.90 66.48 65.68 62.10 63.61 62.85",
    "RiVEG BERT, Mix": "65.10 66.96 66.02 83.02 85.40 84.19 68.21 70.18 69.18 65.04 66.91 65.96 62.08 63.86 62.95",
    "RiVEG XLM-R, Mix": "67.02 67.10 67.06 85.71 86.16 85.94 69.97 70.06 70.01 66.75 66.83 66.79 63.88 63.96 63.92",
}
# Of MNER on Twitter-GMNER (Tables VI and IX).
TEXT_6: Mapping[tuple[str, str], str] = {
    ("bert", "none"): "78.93 77.47 78.19",
    ("bert", "chatgpt"): "83.12 82.66 82.89",
    ("xlmr", "none"): "82.68 83.13 82.90",
    ("xlmr", "chatgpt"): "84.80 84.23 84.51",
}
WHOLES = {
    "RiVEG": Whole(),
    "w/o VE": Whole(is_entailed=False),
    "w/o VE, VG trained with None": Whole(is_entailed=False, grounder="vg_all"),
    "w/o VE, VG trained with None, names alone (footnote 3)": Whole(is_entailed=False, grounder="vg_all", form="name"),
    "w/o knowledge in MNER": Whole(knowledge=None),
    "names alone as phrases": Whole(form="name"),
}
ORDERS_6 = (
    Order("w/o VE", "RiVEG", "EEG F1"),
    Order("w/o knowledge in MNER", "RiVEG", "MNER F1"),
    Order("names alone as phrases", "RiVEG", "EEG F1, unseen names"),
)
TABLE_7 = (*precision_recall_f1_columns("MNER", "mner", "mner"), Column("MNER F1, unseen names", "unseen", f1_of("mner")))
# The paper's are of Twitter-2017 with XLM-R.
ROWS_7: Mapping[str, tuple[Knowledge | None, str]] = {
    "w/o Auxiliary Knowledge": (None, "88.46 90.23 89.34 -"),
    "w/o Manually Annotated Samples": (Knowledge(0), "89.63 90.50 90.06 -"),
    "w/o MSEA, N=1": (Knowledge(1, "fixed"), "90.49 90.82 90.65 -"),
    "w/o MSEA, N=5": (Knowledge(5, "fixed"), "90.62 91.49 91.05 -"),
    "w/o MSEA, N=10": (Knowledge(10, "fixed"), "90.54 91.77 91.15 -"),
    "MSEA, N=1": (Knowledge(1), "89.90 91.63 90.76 -"),
    "MSEA, N=5": (MSEA, "90.86 92.01 91.43 -"),
    "MSEA, N=10": (Knowledge(10), "90.54 92.08 91.30 -"),
}
# The same rows on Twitter-2015.
OTHERS_7 = {
    "w/o Auxiliary Knowledge": "76.45 78.22 77.32 -",
    "w/o Manually Annotated Samples": "77.56 78.82 78.19 -",
    "w/o MSEA, N=1": "78.15 79.01 78.58 -",
    "w/o MSEA, N=5": "78.11 79.82 78.95 -",
    "w/o MSEA, N=10": "78.47 79.21 78.84 -",
    "MSEA, N=1": "78.40 79.21 78.76 -",
    "MSEA, N=5": "79.21 79.45 79.33 -",
    "MSEA, N=10": "78.58 79.67 79.12 -",
}
TABLE_7_SET = replace(TWITTER_2017, evaluation="mner")
TEXT_7 = {("xlmr", "none"): "88.46 90.23 89.34 -", ("xlmr", "chatgpt"): "90.86 92.01 91.43 -"}
OTHERS_8 = {
    "H-Index": H_INDEX,
    "PLIM-OFA(VE)-SeqTR": "57.06 58.46 57.75 84.80 84.23 84.51 59.79 61.25 60.51 57.86 59.42 58.63 55.23 56.67 55.94",
    "PLIM-ALBEF-SeqTR": "57.45 58.85 58.14 84.80 84.23 84.51 60.25 61.72 60.98 58.19 59.72 58.95 55.46 56.90 56.17",
    "PLIM-ALBEF-OFA(VG)": "64.56 66.13 65.33 84.80 84.23 84.51 67.47 69.12 68.29 65.28 66.88 66.07 62.37 63.89 63.12",
    "PLIM-OFA(VE)-OFA(VG)": "65.09 66.68 65.88 84.80 84.23 84.51 67.97 69.63 68.79 64.90 66.48 65.68 62.10 63.61 62.85",
    "PLIM-OFA(VE)-SeqTR, Mix": "59.03 59.10 59.06 85.71 86.16 85.94 61.85 61.93 61.89 59.65 59.81 59.73 56.93 57.05 56.99",
    "PLIM-ALBEF-SeqTR, Mix": "59.14 59.22 59.18 85.71 86.16 85.94 62.01 62.09 62.05 60.06 60.18 60.12 57.27 57.39 57.33",
    "PLIM-ALBEF-OFA(VG), Mix": "66.12 66.20 66.16 85.71 86.16 85.94 68.99 69.07 69.03 66.32 66.40 66.36 63.53 63.60 63.57",
    "PLIM-OFA(VE)-OFA(VG), Mix": "67.02 67.10 67.06 85.71 86.16 85.94 69.97 70.06 70.01 66.75 66.83 66.79 63.88 63.96 63.92",
}
GRID = {
    f"{'PLIM' if knowledge else 'BiLSTM'}-{'VE' if is_entailed else 'all'}-{title}": Whole(knowledge, is_entailed, grounder)
    for knowledge in (None, MSEA)
    for is_entailed in (False, True)
    for grounder, title in (("vg", "VG"), ("vg_all", "VG with None"))
}
TABLE_10 = (
    Column("VE Acc", "ve_test", VERDICT_ACCURACY),
    Column("VG Prec@0.5", "vg_test", GREC_PRECISION),
    Column("VE Acc, unseen names", "ve_unseen", VERDICT_ACCURACY),
    Column("VG Prec@0.5, unseen names", "vg_unseen", GREC_PRECISION),
)
ROWS_10 = {
    "Named Entity + Entity Type": ("name", "82.08 72.40 - -"),
    "Entity Expansion Expression": ("expansion", "81.40 71.10 - -"),
    "Named Entity Referring Expression": ("expression", "84.30 73.90 - -"),
}
OTHERS_10 = {
    "Named Entity + Entity Type": "80.39 67.27 - -",
    "Entity Expansion Expression": "81.76 71.72 - -",
    "Named Entity Referring Expression": "83.36 72.10 - -",
}
ORDERS_10 = tuple(
    Order("Named Entity + Entity Type", "Named Entity Referring Expression", header)
    for header in ("VE Acc, unseen names", "VG Prec@0.5, unseen names")
)
TABLE_11 = (Column("mIoU", "phrases", PHRASE_MASK_IOU),)
OTHERS_11 = {"SeqTR, text query": "56.34", "UNINEXT-R50, text query": "58.66", "OFA-large + ViT-H-SAM, box prompt": "62.12"}
MASKS = {"the whole box": "box", "the colors in the box": "color"}
CURVES = (
    *curve_columns("GMNER F1", IOU_CURVE),
    *curve_columns("SMNER F1", MASK_IOU_CURVE),
)


def headers_of(columns: tuple[Column, ...]) -> list[str]:
    """Return the headers of columns."""
    return [column.header for column in columns]


def text_rows(
    sets: tuple[TextSet, ...], known: tuple[str, ...], headers: list[str], figures: Mapping[tuple[str, str], str], prefix: str
) -> tuple[Row, ...]:
    """Return the rows of PLIM on published text, text alone and with knowledge, for each encoder."""
    titles = {
        "none": "{encoder}-CRF (text only)",
        "chatgpt": "PLIM ChatGPT ({encoder})",
        "shuffled": "knowledge of other tweets ({encoder})",
    }
    rows = []
    for encoder, shown in ENCODERS.items():
        for knowledge in known:
            variant = TextVariant(encoder, knowledge)
            stated = figures.get((encoder, knowledge))
            paper = {} if stated is None else paper_figures(headers, stated)
            title = titles[knowledge].format(encoder=shown)
            rows.append(Row(f"riveg-{prefix}-{variant.name}", title, partial(plan_text, variant, sets), paper))
    return tuple(rows)


def whole_rows(systems: Mapping[str, Whole]) -> dict[str, tuple[Row, ...]]:
    """Return rows of whole systems in the sandbox."""
    return {"sandbox": tuple(Row(f"riveg-{one.name}", title, partial(plan_whole, one)) for title, one in systems.items())}


MASKED = {
    "sandbox": tuple(
        Row(f"riveg-curve-{WHOLES[title].name}", title, partial(plan_curve, WHOLES[title])) for title in ("RiVEG", "w/o VE")
    )
}
TABLES = {
    "riveg-5": Table(
        "RiVEG Table V: MNER on Twitter-2015 and Twitter-2017",
        TABLE_5,
        {"twitter": text_rows(MNER_SETS, ("none", "chatgpt"), headers_of(TABLE_5), TEXT_5, "mner")},
        SIZES,
        quoted={name: paper_figures(headers_of(TABLE_5), figures) for name, figures in OTHERS_5.items()},
        orders=tuple(
            Order(f"{name}-CRF (text only)", f"PLIM ChatGPT ({name})", header)
            for name in ENCODERS.values()
            for header in ("Twitter-2015 F1", "Twitter-2017 F1")
        ),
    ),
    "riveg-6": Table(
        "RiVEG Table VI: GMNER, MNER, EEG, EES and SMNER",
        TABLE_6,
        {
            **whole_rows(WHOLES),
            "twitter": text_rows((GMNER,), ("none", "chatgpt", "shuffled"), headers_of(TABLE_6[3:6]), TEXT_6, "gmner"),
        },
        SIZES,
        quoted={name: paper_figures(headers_of(TABLE_6[:15]), figures) for name, figures in OTHERS_6.items()},
        orders=(
            *ORDERS_6,
            *(Order(f"{name}-CRF (text only)", f"PLIM ChatGPT ({name})", "MNER F1") for name in ENCODERS.values()),
            *(Order(f"knowledge of other tweets ({name})", f"PLIM ChatGPT ({name})", "MNER F1") for name in ENCODERS.values()),
        ),
    ),
    "riveg-7": Table(
        "RiVEG Table VII: ablation of PLIM (the paper's figures: Twitter-2017, XLM-R)",
        TABLE_7,
        {
            "sandbox": tuple(
                Row(
                    f"riveg-names-{one.name if one else 'text'}",
                    title,
                    partial(plan_names, one),
                    paper_figures(headers_of(TABLE_7), figures),
                )
                for title, (one, figures) in ROWS_7.items()
            ),
            "twitter": text_rows((TABLE_7_SET,), ("none", "chatgpt"), headers_of(TABLE_7), TEXT_7, "mner-2017"),
        },
        SIZES,
        quoted={f"{title} (XLM-R, Twitter-2015)": paper_figures(headers_of(TABLE_7), one) for title, one in OTHERS_7.items()},
    ),
    "riveg-8": Table(
        "RiVEG Table VIII: any tagger, VE and VG",
        TABLE_6[:15],
        whole_rows(GRID),
        SIZES,
        quoted={name: paper_figures(headers_of(TABLE_6[:15]), figures) for name, figures in OTHERS_8.items()},
    ),
    "riveg-10": Table(
        "RiVEG Table X: what a phrase says (the paper's figures: OFA-large)",
        TABLE_10,
        {
            "sandbox": tuple(
                Row(f"riveg-phrases-{form}", title, partial(plan_forms, form), paper_figures(headers_of(TABLE_10), figures))
                for title, (form, figures) in ROWS_10.items()
            )
        },
        SIZES,
        quoted={f"{title} (ALBEF, SeqTR)": paper_figures(headers_of(TABLE_10), one) for title, one in OTHERS_10.items()},
        orders=ORDERS_10,
    ),
    "riveg-11": Table(
        "RiVEG Table XI: masks by box prompts",
        TABLE_11,
        {
            "sandbox": tuple(
                Row(f"riveg-masks-{segmenter}", title, partial(plan_masks, segmenter)) for title, segmenter in MASKS.items()
            )
        },
        SIZES,
        quoted={name: paper_figures(headers_of(TABLE_11), figures) for name, figures in OTHERS_11.items()},
        orders=(Order("the whole box", "the colors in the box", "mIoU"),),
    ),
    "riveg-fig9": Table("RiVEG Figure 9: F1 by the IoU threshold", CURVES, MASKED, SIZES, view="profiles", axis="IoU threshold"),
}
