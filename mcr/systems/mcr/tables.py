"""MCR's tables and figures (arXiv 2602.04486): columns, rows and the paper's figures, in per cent or counts."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise

from mcr.metrics.scores import GREC_PRECISION, N_ACC, N_COUNT, N_RATE, f1_of
from mcr.systems.mcr import sandbox_kit, twitter_kit
from mcr.systems.mcr.methods import OTHER_TASKS, Plan, asks, plan_cases, trains
from mcr.systems.tables import Column, Order, Row, Table, paper_figures, precision_recall_f1_columns

QWEN, MIMO = "qwen2_5_vl_7b", "mimo_vl_7b"
MODELS = {QWEN: "Qwen2.5-VL-7B", MIMO: "MiMo-VL-7B"}
SIZES = {"sandbox": sandbox_kit.SIZES, "twitter": twitter_kit.SIZES, "stub": twitter_kit.STUB_SIZES}
Figures = Mapping[str, str]  # by the row's title, in the order of the columns

TASKS = tuple(column for name in ("GMNER", "MNER", "EEG") for column in precision_recall_f1_columns(name, "gmner", name.lower()))
TABLE_1: Mapping[str, Figures] = {
    QWEN: {
        "direct": "5.40 14.1 7.80 9.80 25.3 14.1 6.10 15.9 8.80",
        "+CoT": "11.4 13.6 12.4 20.2 24.0 21.9 12.9 15.4 14.1",
        "+CoT+3-Shot": "16.5 33.7 22.2 27.5 56.2 37.0 18.3 37.3 24.5",
        "+SFT": "63.3 62.0 62.7 83.0 81.3 82.2 65.8 64.4 65.1",
        "+MRSI": "69.1 68.1 68.6 82.4 81.2 81.8 72.1 71.0 71.5",
        "+MRSI+CVO": "70.5 70.8 70.6 82.6 82.9 82.8 73.2 73.5 73.4",
    },
    MIMO: {
        "direct": "9.60 10.9 10.2 20.5 23.3 21.8 10.6 12.0 11.2",
        "+CoT": "11.9 17.3 14.1 22.1 32.2 26.2 13.1 19.0 15.5",
        "+CoT+3-Shot": "15.0 21.4 17.7 29.6 42.1 34.8 17.8 25.3 20.9",
        "+SFT": "63.5 60.6 62.0 81.7 78.0 79.8 67.0 63.9 65.4",
        "+MRSI": "66.1 65.5 65.8 81.5 80.8 81.1 69.8 69.2 69.5",
        "+MRSI+CVO": "69.4 69.7 69.6 82.2 82.5 82.3 72.8 73.1 72.9",
    },
}
OTHERS_1: Figures = {
    "ITA-VinVL-EVG": "52.4 50.8 51.6 80.4 78.4 79.4 56.6 54.8 55.7",
    "BARTMNER-VinVL-EVG": "52.5 52.4 52.5 80.7 80.1 80.4 55.7 55.6 55.7",
    "SCANNER": "68.3 68.7 68.5 - - - - - -",
    "ReFineG": "54.1 60.2 57.0 - - - - - -",
    "UnCo": "- - 64.6 - - 81.7 - - 69.6",
    "MNER-QG": "53.0 54.8 53.9 78.2 78.6 78.4 58.5 56.6 57.5",
    "H-Index": "56.2 56.7 56.4 79.4 80.1 79.7 60.9 61.5 61.2",
    "TIGER": "55.8 57.5 56.6 79.9 80.1 80.3 60.7 61.8 61.3",
    "MQSPN": "59.0 58.5 58.8 81.2 79.7 80.4 61.9 62.9 62.4",
    "GLM4.5VL": "33.0 44.4 37.8 43.0 57.9 49.4 36.2 48.7 41.6",
    "GLM4.5VL +CoT": "40.9 50.3 45.1 53.7 66.1 59.3 44.6 54.8 49.2",
    "GLM4.5VL +CoT+3-Shot": "43.2 55.5 48.5 53.1 68.3 59.7 47.2 60.7 53.1",
    "Qwen2.5VL-72B": "24.0 44.5 31.2 32.2 59.8 41.9 26.3 48.9 34.2",
    "Qwen2.5VL-72B +CoT": "30.4 45.2 36.3 40.5 60.3 48.4 33.7 50.2 40.3",
    "Qwen2.5VL-72B +CoT+3-Shot": "33.0 52.3 40.5 47.0 74.4 57.6 37.2 58.8 45.6",
}
GREC = tuple(
    Column(f"GREC-{split} {header}", f"grec_{split}", ratio)
    for split in ("testA", "testB")
    for header, ratio in (("N-acc", N_ACC), ("Pre", GREC_PRECISION))
)
OTHERS_COLUMNS = (*precision_recall_f1_columns("MNER-MI", "mner_mi", "mner"), *GREC)
TABLE_2: Mapping[str, Figures] = {
    QWEN: {
        "+SFT": "84.0 83.6 83.8 70.6 81.1 70.2 62.5",
        "+MRSI": "82.1 81.8 82.0 74.2 89.1 70.3 71.5",
        "+MRSI+CVO": "84.1 86.2 85.1 74.7 90.4 69.7 72.8",
    },
    MIMO: {
        "+SFT": "81.8 80.8 81.23 65.7 66.1 69.6 45.6",
        "+MRSI": "83.2 83.4 83.3 72.6 89.4 68.6 71.6",
        "+MRSI+CVO": "84.7 85.0 84.8 75.7 90.4 71.9 73.0",
    },
}
TABLE_3: Mapping[str, Figures] = {
    QWEN: {
        "Ours": "70.5 70.8 70.6 82.6 82.9 82.8 73.2 73.5 73.4",
        "w/o MRSI": "50.2 53.2 51.7 64.3 68.1 66.2 54.2 57.5 55.8",
        "w/o CVO": "68.9 68.6 68.8 81.9 81.5 81.7 72.2 71.9 72.0",
        "w/o D_R": "69.5 68.8 69.2 81.6 80.7 81.1 72.8 72.1 72.5",
        "w/o Inst": "67.3 66.1 66.7 81.7 80.2 80.9 70.8 69.5 70.1",
    }
}
BIAS = (Column("N-Rate", "gmner", N_RATE), Column("N-Count", "gmner", N_COUNT))
TABLE_4: Mapping[str, Figures] = {
    QWEN: {"CoT+3-Shot": "13.2 363", "MCR": "0.1 3"},
    MIMO: {"CoT+3-Shot": "24.3 637", "MCR": "0.2 5"},
}
OTHERS_4: Figures = {
    "Qwen2.5VL-72B, direct prompt": "29.2 1372",
    "Qwen2.5VL-72B, CoT": "15.6 610",
    "Qwen2.5VL-72B, CoT+3-Shot": "5.8 241",
    "GLM4.5VL, direct prompt": "26.9 898",
    "GLM4.5VL, CoT": "24.3 820",
    "GLM4.5VL, CoT+3-Shot": "13.8 464",
}
NO_TARGET = tuple(
    replace(column, header=column.header.replace(" ", "-")) for column in precision_recall_f1_columns("N", "gmner", "no_target")
)
CURVES = ("reward", "held_out/gmner_f1", "entropy", "completions/mean_length")
GMNER_F1 = Column("GMNER F1", "gmner", f1_of("gmner"))
# (key of the result, what plans it) by the paper's name of the row
TRAINED = {
    "+SFT": ("sft", partial(trains, "sft")),
    "+MRSI": ("mrsi", partial(trains, "mrsi")),
    "+MRSI+CVO": ("mcr", partial(trains, "mcr")),
}
ASKED = {
    "direct": ("direct", partial(asks, "direct")),
    "+CoT": ("cot", partial(asks, "cot")),
    "+CoT+3-Shot": ("cot-3-shot", partial(asks, "cot_demonstrations")),
}
ON_OTHER_TASKS = {
    title: (f"{key}-other-tasks", partial(trains, method, datasets=OTHER_TASKS))
    for title, key, method in (("+SFT", "sft", "sft_on_mix"), ("+MRSI", "mrsi", "mrsi"), ("+MRSI+CVO", "mcr", "mcr"))
}
ABLATIONS = {
    "Ours": TRAINED["+MRSI+CVO"],
    "w/o MRSI": ("without-mrsi", partial(trains, "without_mrsi")),
    "w/o CVO": ("without-cvo", partial(trains, "without_cvo")),
    "w/o D_R": ("single-style", partial(trains, "single_style")),
    "w/o Inst": ("without-instruction", partial(trains, "without_instruction")),
}
BIASED = {"CoT+3-Shot": ASKED["+CoT+3-Shot"], "MCR": TRAINED["+MRSI+CVO"]}
COMPARED = {"SFT": TRAINED["+SFT"], "MCR": TRAINED["+MRSI+CVO"]}
STYLES = {"Multi": TRAINED["+MRSI+CVO"], "Single": ABLATIONS["w/o D_R"]}
CASES = {"SFT against MCR": ("sft-against-mcr", partial(partial, plan_cases, "sft", "mcr"))}
STEPS_UP = ("direct", "+SFT", "+MRSI", "+MRSI+CVO")
PARTS = ("w/o CVO", "w/o D_R", "w/o Inst")
ORDERS_1 = tuple(Order(lower, higher, "GMNER F1") for lower, higher in pairwise(STEPS_UP))
ORDERS_2 = tuple(Order("+SFT", "+MRSI+CVO", header) for header in ("MNER-MI F1", "GREC-testA N-acc", "GREC-testB N-acc"))
ORDERS_3 = (
    *(Order(part, "Ours", "GMNER F1") for part in ("w/o MRSI", *PARTS)),
    *(Order("w/o MRSI", part, "GMNER F1") for part in PARTS),
)
ORDERS_4 = (Order("MCR", "CoT+3-Shot", "N-Rate"),)
ORDERS_FIG_3 = (Order("SFT", "MCR", "N-F1", margin=0.1),)


def on_each_base(orders: tuple[Order, ...], bases: tuple[str, ...] = (QWEN, MIMO)) -> tuple[Order, ...]:
    """Return the orders of the sandbox's rows, then those of the published rows of each base model, whose titles name it."""
    published = [(MODELS[base], order) for base in bases for order in orders]
    named = (replace(order, lower=f"{name} {order.lower}", higher=f"{name} {order.higher}") for name, order in published)
    return (*orders, *named)


def make_rows(
    planned: Mapping[str, tuple[str, partial[Plan]]],
    columns: tuple[Column, ...],
    figures: Mapping[str, Figures],
    bases: tuple[str, ...] = (QWEN, MIMO),
) -> dict[str, tuple[Row, ...]]:
    """Return the rows by platform; the sandbox has one tiny model, beside which Qwen2.5-VL-7B's figures are quoted."""
    headers = [column.header for column in columns]

    def row(title: str, base: str, prefix: str, shown: str) -> Row:
        key, plan = planned[title]
        stated = figures.get(base, {}).get(title)
        return Row(f"mcr-{prefix}{key}", shown, plan(base), {} if stated is None else paper_figures(headers, stated))

    published = [row(title, base, f"{base}-", f"{MODELS[base]} {title}") for base in bases for title in planned]
    return {"sandbox": tuple(row(title, QWEN, "", title) for title in planned), "twitter": tuple(published)}


def quote(columns: tuple[Column, ...], figures: Figures) -> dict[str, dict[str, float]]:
    """Return rows of other systems as the paper has them."""
    headers = [column.header for column in columns]
    return {name: paper_figures(headers, stated) for name, stated in figures.items()}


TABLES = {
    "mcr-1": Table(
        "MCR Table 1: GMNER, MNER and EEG",
        TASKS,
        make_rows({**ASKED, **TRAINED}, TASKS, TABLE_1),
        SIZES,
        quoted=quote(TASKS, OTHERS_1),
        orders=on_each_base(ORDERS_1),
    ),
    "mcr-2": Table(
        "MCR Table 2: MNER-MI and GREC",
        OTHERS_COLUMNS,
        make_rows(ON_OTHER_TASKS, OTHERS_COLUMNS, TABLE_2),
        SIZES,
        orders=on_each_base(ORDERS_2),
    ),
    "mcr-3": Table(
        "MCR Table 3: ablation",
        TASKS,
        make_rows(ABLATIONS, TASKS, TABLE_3, (QWEN,)),
        SIZES,
        orders=on_each_base(ORDERS_3, (QWEN,)),
    ),
    "mcr-4": Table(
        "MCR Table 4: visual bias",
        BIAS,
        make_rows(BIASED, BIAS, TABLE_4),
        SIZES,
        quoted=quote(BIAS, OTHERS_4),
        orders=on_each_base(ORDERS_4),
    ),
    "mcr-fig3": Table(
        "MCR Figure 3: textual bias",
        NO_TARGET,
        make_rows(COMPARED, NO_TARGET, {}, (QWEN,)),
        SIZES,
        view="bars",
        orders=on_each_base(ORDERS_FIG_3, (QWEN,)),
    ),
    "mcr-fig4-5": Table(
        "MCR Figures 4 and 5: multi-style and single-style reasoning in CVO",
        (GMNER_F1,),
        make_rows(STYLES, (GMNER_F1,), {}),
        SIZES,
        view="curves",
        curves=CURVES,
    ),
    "mcr-cases": Table(
        "MCR Figures 6 to 8: cases that the method mends and breaks",
        tuple(Column(f"GMNER F1 of {name}", method, f1_of("gmner")) for name, method in (("SFT", "sft"), ("MCR", "mcr"))),
        make_rows(CASES, (), {}, (QWEN,)),
        SIZES,
        view="cases",
    ),
}
