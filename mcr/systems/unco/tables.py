"""UnCo's tables and figures: columns, rows and the paper's figures, in per cent or counts."""

from collections.abc import Mapping
from functools import partial

from mcr.metrics.scores import f1_of
from mcr.systems.tables import Column, Figure, Order, Row, Table, paper_figures
from mcr.systems.unco.sandbox_runs import SIZES as SANDBOX_SIZES
from mcr.systems.unco.sandbox_runs import Correction, Other, Small, Tuned, plan_alone, plan_corrected, plan_small

SIZES = {"sandbox": SANDBOX_SIZES}
TASKS = tuple(Column(f"{name} F1", "gmner", f1_of(name.lower())) for name in ("GMNER", "MNER", "EEG"))
UNSEEN = Column("GMNER F1, unseen names", "gmner", f1_of("seen", "unseen"))
QUESTIONS = Column("questions", "correction", Figure("num_questions", is_count=True))
SHARES = tuple(Column(f"{part} correction", "correction", Figure(f"asked_share.{part}")) for part in ("span", "region", "type"))
AUROCS = tuple(Column(f"AUROC {part}", "gmner", Figure(f"AUROC of {part} uncertainty")) for part in ("span", "region", "type"))
SMALL, VANILLA, CONFIDENT = Small(), Small(gamma=0.0), Small(estimate="confidence")
TUNED = Tuned()
UNCO = Correction("unco")
DIRECT = Correction("direct", mode="direct")
WITHOUT_UE = Correction("without_ue", mode="direct", without="uncertainty")
ONE_STEP = Correction("one_step", mode="one_step")
# The paper's rows on Twitter-GMNER, with Qwen2.5VL-72B where a large model corrects.
TABLE_1 = {
    "Baseline (small)": "56.88 79.27 61.75",
    "Generation-based": "55.91 78.52 60.95",
    "Correction-based (UnCo)": "62.14 81.33 66.72",
}
TABLE_2 = {
    "the large model alone": "40.74 62.18 46.01",
    "our baseline (small model)": "56.88 79.27 61.75",
    "w/ Direct Correction": "50.69 75.26 57.53",
    "w/ UnCo": "62.14 81.33 66.72",
}
TABLE_3 = {
    "small: UE": "56.94 79.45 61.67",
    "small: UE, MRD": "57.54 79.81 61.91",
    "w/o UHC (one-time correction)": "58.91 79.52 62.95",
    "w/o MRD": "60.25 80.76 65.03",
    "w/o UE (all entities corrected)": "53.08 75.92 59.17",
    "UnCo": "62.14 81.33 66.72",
}
TABLE_5 = {"UnCo": "62.14 81.33 66.72", "w/o CoT": "61.62 81.04 66.41", "w/o UNC": "61.75 80.98 66.56"}
OTHERS_2 = {
    "GPT4o": "41.29 65.07 44.95",
    "GVATT-OD-EVG": "48.57 76.26 53.32",
    "UMT-OD-EVG": "50.29 78.58 54.78",
    "UMGF-OD-EVG": "51.67 78.83 55.74",
    "ITA-OD-EVG": "51.56 79.37 55.69",
    "MMT5 / BARTMNER-OD-EVG": "52.45 80.39 55.66",
    "H-Index": "56.41 79.73 61.18",
    "TIGER": "57.48 - -",
    "GMDA": "58.61 - -",
    "MQSPN": "58.76 80.43 62.40",
    "GEM": "59.83 83.15 63.19",
    "RiVEG": "63.80 82.89 66.92",
    "InternVL3-9B w/ UnCo": "58.79 80.09 62.95",
    "Qwen2.5VL-7B w/ UnCo": "58.83 79.55 63.49",
    "Gemini-2.5 Pro w/ UnCo": "64.58 81.71 69.62",
}
STRENGTHS = (0.1, 0.6, 1.0)  # of the ten in the paper's Table 7
THRESHOLDS = (0.1, 0.4, 0.8)  # of Fig. 4's axis; here the three parts share one
# The paper's Table 7 on Twitter-GMNER, GMNER F1.
GAMMAS, MARGINS = {0.1: 56.85, 0.6: 57.21, 1.0: 56.67}, {0.1: 56.89, 0.3: 56.76, 1.0: 56.58}


def small_row(title: str, small: Small | Tuned | Other, paper: str = "") -> Row:
    """Return the row of a small model alone."""
    return Row(f"unco-{small.name.replace('_', '-')}", title, partial(plan_small, small), _figures(paper))


def corrected_row(title: str, how: Correction, paper: str = "", x: float | None = None) -> Row:
    """Return the row of corrected predictions."""
    return Row(f"unco-{how.key.replace('_', '-')}", title, partial(plan_corrected, how), _figures(paper), x)


def rows_on(title: str, key: str, other: Tuned | Other) -> tuple[Row, ...]:
    """Return the rows of another system: alone, corrected everywhere, and corrected where it is unsure."""
    return (
        small_row(title, other),
        corrected_row(f"{title} w/ Direct Correction", Correction(f"{key}_direct", other, mode="direct")),
        corrected_row(f"{title} w/ UnCo", Correction(f"{key}_unco", other)),
    )


def _figures(paper: str) -> Mapping[str, float]:
    return paper_figures([column.header for column in TASKS], paper) if paper else {}


ALONE = Row("unco-alone", "the large model alone", plan_alone, _figures(TABLE_2["the large model alone"]))
OWN = corrected_row("the base model as corrector", Correction("base", corrector="base"))
TABLES = {
    "unco-1": Table(
        "UnCo Table 1: generation against correction",
        (*TASKS, QUESTIONS),
        {
            "sandbox": (
                small_row("Baseline (small)", VANILLA, TABLE_1["Baseline (small)"]),
                corrected_row("Generation-based", Correction("generation", mode="generation"), TABLE_1["Generation-based"]),
                corrected_row("Correction-based (UnCo)", UNCO, TABLE_1["Correction-based (UnCo)"]),
            )
        },
        SIZES,
        orders=(
            Order("Generation-based", "Correction-based (UnCo)", "GMNER F1"),
            Order("Baseline (small)", "Correction-based (UnCo)", "GMNER F1", margin=0.04),
        ),
    ),
    "unco-2": Table(
        "UnCo Table 2: small, large, and both",
        (*TASKS, UNSEEN, QUESTIONS),
        {
            "sandbox": (
                ALONE,
                small_row("our baseline (small model)", VANILLA, TABLE_2["our baseline (small model)"]),
                corrected_row("w/ Direct Correction", DIRECT, TABLE_2["w/ Direct Correction"]),
                corrected_row("w/ UnCo", UNCO, TABLE_2["w/ UnCo"]),
                OWN,
            )
        },
        SIZES,
        quoted={name: _figures(figures) for name, figures in OTHERS_2.items()},
        orders=(
            Order("our baseline (small model)", "w/ UnCo", "GMNER F1", margin=0.04),
            Order("w/ Direct Correction", "w/ UnCo", "GMNER F1", margin=0.1),
        ),
    ),
    "unco-3": Table(
        "UnCo Table 3: ablation",
        (*TASKS, QUESTIONS),
        {
            "sandbox": (
                small_row("small: UE", VANILLA, TABLE_3["small: UE"]),
                small_row("small: UE, MRD", SMALL, TABLE_3["small: UE, MRD"]),
                corrected_row("w/o UHC (one-time correction)", ONE_STEP, TABLE_3["w/o UHC (one-time correction)"]),
                corrected_row("w/o MRD", Correction("without_mrd", VANILLA), TABLE_3["w/o MRD"]),
                corrected_row("w/o UE (all entities corrected)", WITHOUT_UE, TABLE_3["w/o UE (all entities corrected)"]),
                corrected_row("UnCo", UNCO, TABLE_3["UnCo"]),
            )
        },
        SIZES,
        orders=(
            Order("small: UE", "small: UE, MRD", "EEG F1"),
            *(Order(title, "UnCo", "GMNER F1") for title in TABLE_3 if title.startswith("w/o")),
        ),
    ),
    "unco-5": Table(
        "UnCo Table 5: what is in the prompts",
        TASKS,
        {
            "sandbox": (
                corrected_row("UnCo", UNCO, TABLE_5["UnCo"]),
                corrected_row("w/o CoT", Correction("without_cot", without="cot"), TABLE_5["w/o CoT"]),
                corrected_row("w/o UNC", Correction("without_uncertainty", without="uncertainty"), TABLE_5["w/o UNC"]),
            )
        },
        SIZES,
    ),
    "unco-6": Table(
        "UnCo Table 6: how many entities are asked about",
        SHARES,
        {
            "sandbox": (
                Row(
                    "unco-unco",
                    "UnCo",
                    partial(plan_corrected, UNCO),
                    paper_figures([column.header for column in SHARES], "12.32 28.03 15.74"),
                ),
            )
        },
        SIZES,
    ),
    "unco-7": Table(
        "UnCo Table 7: the small model by gamma and lambda",
        TASKS,
        {
            "sandbox": (
                *(small_row(f"gamma {one:g}", Small(gamma=one), f"{GAMMAS[one]} - -") for one in STRENGTHS),
                *(small_row(f"lambda {one:g}", Small(margin=one), f"{stated} - -") for one, stated in MARGINS.items()),
            )
        },
        SIZES,
    ),
    "unco-fig3": Table(
        "UnCo Figure 3: does uncertainty tell wrong from right",
        AUROCS,
        {
            "sandbox": (
                small_row("raw confidence", CONFIDENT),
                small_row("raw confidence at dev's temperature (not in the paper)", Small(estimate="temperature")),
                small_row("MCD (Vanilla)", VANILLA),
                small_row("MCD (MRD)", SMALL),
            )
        },
        SIZES,
        view="bars",
        orders=tuple(Order("raw confidence", "MCD (MRD)", column.header) for column in AUROCS),
    ),
    "unco-fig4": Table(
        "UnCo Figure 4: GMNER F1 by the threshold of every part",
        (*TASKS[:1], QUESTIONS),
        {
            "sandbox": tuple(
                corrected_row(f"threshold {one:g}", Correction(f"threshold_{one:g}", threshold=one), x=one) for one in THRESHOLDS
            )
        },
        SIZES,
        view="sweep",
        axis="threshold of every part",
    ),
    "unco-others": Table(
        "UnCo's correctors on another model's predictions (not in the paper)",
        (*TASKS, UNSEEN, QUESTIONS),
        {
            "sandbox": (
                small_row("a fine-tuned vision-language model", TUNED),
                corrected_row("the same, w/ Direct Correction", Correction("tuned_direct", TUNED, mode="direct")),
                corrected_row("the same, w/ UnCo", Correction("tuned_unco", TUNED)),
            )
        },
        SIZES,
        orders=(Order("a fine-tuned vision-language model", "the same, w/ UnCo", "GMNER F1"),),
    ),
}
