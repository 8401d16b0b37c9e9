"""E2E-GMNER's tables and Figure 3 (arXiv 2604.17319): columns, rows and the paper's figures, in per cent."""

from collections.abc import Mapping
from functools import partial

from mcr.metrics.scores import ACC_50, MEAN_IOU, f1_of
from mcr.systems.datasets import FMNERG, GMNER
from mcr.systems.e2e_gmner import sandbox_runs, twitter_runs
from mcr.systems.e2e_gmner.sandbox_runs import Variant, plan_variant
from mcr.systems.e2e_gmner.twitter_runs import plan_published
from mcr.systems.tables import Column, Order, Row, RowPlan, Table, TableRun, paper_figures

SIZES = {"sandbox": sandbox_runs.SIZES, "twitter": twitter_runs.SIZES, "stub": {"teachers": 0}}
BOTH = (GMNER, FMNERG)
BEST_TEACHER = "qwen2_5_vl_72b"

TABLE_1 = tuple(
    Column(f"{dataset} {task}", folder, f1_of(task.lower()))
    for dataset, folder in (("Twitter-GMNER", "gmner"), ("Twitter-FMNERG", "fmnerg"))
    for task in ("GMNER", "MNER", "EEG")
)
OTHERS = {
    "GMDA [+]": "58.61 - - 47.37 - -",
    "GEM [+]": "59.83 83.15 63.19 50.54 68.09 63.59",
    "RiVEG [+]": "63.80 82.89 66.92 - - -",
    "MAKAR [+]": "71.88 86.38 74.64 60.54 71.24 75.66",
    "GPT4o": "41.29 65.07 44.95 32.37 52.26 41.60",
    "GVATT-OD-EVG": "48.57 76.26 53.32 40.32 60.35 54.35",
    "UMT-OD-EVG": "50.29 78.58 54.78 41.32 61.63 54.43",
    "UMGF-OD-EVG": "51.67 78.83 55.74 41.92 61.79 54.75",
    "ITA-OD-EVG": "51.56 79.37 55.69 42.78 63.21 57.26",
    "MMT5 / BARTMNER-OD-EVG": "52.45 80.39 55.66 45.21 66.61 58.18",
    "H-Index": "56.41 79.73 61.18 46.55 64.84 60.46",
    "TIGER": "57.48 - - 47.20 64.91 61.96",
    "MQSPN": "58.76 80.43 62.40 47.86 66.83 61.95",
    "UnCo": "58.83 79.55 63.49 48.17 65.06 62.73",
}
F1S = (Column("GMNER", "gmner", f1_of("gmner")), Column("FMNERG", "fmnerg", f1_of("gmner")))
SWEEP = (
    Column("Acc@0.5", "gmner", ACC_50),
    Column("GMNER F1", "gmner", f1_of("gmner")),
    Column("Mean IoU", "gmner", MEAN_IOU),
)
STRENGTHS = (0.0, 0.01, 0.03, 0.05, 0.1)  # our choice but for 0 and 0.03: the text of Section 4.7 names no others
ORDERS_FIG_3 = tuple(Order(f"beta = gamma = {other}", "beta = gamma = 0.03", "Acc@0.5") for other in ("0", "0.1"))
OURS = Variant("ours")
WITHOUT_COT = Variant("without-cot", style="answer_only")
WITHOUT_GRBP = Variant("without-grbp", perturbation=0.0)
WITHOUT_BOTH = Variant("without-both", style="answer_only", perturbation=0.0)


def published(variant: Variant, title: str, figures: Mapping[str, float], teacher: str = BEST_TEACHER) -> Row:
    """Return a row of the published run, on both datasets."""
    return Row(f"e2e-{variant.name}", title, partial(plan_published, variant, teacher, BOTH), figures)


def tiny(variant: Variant, title: str, figures: Mapping[str, float]) -> Row:
    """Return a row in the sandbox, which has one world and so no FMNERG."""
    return Row(f"e2e-{variant.name}", title, partial(plan_variant, variant), figures)


def rows_of(named: Mapping[str, tuple[Variant, str]], columns: tuple[Column, ...]) -> dict[str, tuple[Row, ...]]:
    """Return rows by platform; {title: (variant, the paper's figures)}."""
    headers = [column.header for column in columns]
    stated = {title: (variant, paper_figures(headers, figures)) for title, (variant, figures) in named.items()}
    return {
        "sandbox": tuple(tiny(variant, title, figures) for title, (variant, figures) in stated.items()),
        "twitter": tuple(published(variant, title, figures) for title, (variant, figures) in stated.items()),
    }


def teacher_rows() -> dict[str, tuple[Row, ...]]:
    """Return the rows of Table 3. In the sandbox templates stand in for the teachers; the weaker one knows half of the names."""
    headers = [column.header for column in F1S]
    figures = {
        "Qwen2.5-VL-72B": (OURS, BEST_TEACHER, "63.94 54.32"),
        "Qwen2.5-VL-7B": (Variant("teacher-7b", known=0.5), "qwen2_5_vl_7b", "61.23 52.74"),
        "GPT4o": (Variant("teacher-gpt-4o", known=0.9), "gpt_4o", "63.77 53.96"),
    }
    stated = {title: (one, teacher, paper_figures(headers, text)) for title, (one, teacher, text) in figures.items()}
    return {
        "sandbox": tuple(
            tiny(one, f"a teacher that knows {100 * one.known:g} % of the names (for {title})", found)
            for title, (one, _, found) in stated.items()
        ),
        "twitter": tuple(published(one, title, found, teacher) for title, (one, teacher, found) in stated.items()),
    }


def sweep_rows() -> dict[str, tuple[Row, ...]]:
    """Return the rows of Figure 3, on GMNER alone; two of them are rows of Table 2, too."""

    def variant(strength: float) -> Variant:
        same = {OURS.perturbation: OURS, 0.0: WITHOUT_GRBP}
        return same.get(strength, Variant(f"beta-{strength:g}", perturbation=strength))

    def plan(one: Variant, run: TableRun) -> RowPlan:
        datasets = BOTH if one in (OURS, WITHOUT_GRBP) else (GMNER,)
        return plan_variant(one, run) if run.platform == "sandbox" else plan_published(one, BEST_TEACHER, datasets, run)

    rows = tuple(
        Row(f"e2e-{one.name}", f"beta = gamma = {strength:g}", partial(plan, one), x=strength)
        for strength, one in ((strength, variant(strength)) for strength in STRENGTHS)
    )
    return {"sandbox": rows, "twitter": rows}


TABLES = {
    "e2e-1": Table(
        "E2E-GMNER Table 1: main results, F1 ([+]: additional data or knowledge)",
        TABLE_1,
        rows_of({"E2E-GMNER": (OURS, "63.94 77.65 66.12 54.32 65.67 66.78")}, TABLE_1),
        SIZES,
        quoted={name: paper_figures([column.header for column in TABLE_1], figures) for name, figures in OTHERS.items()},
    ),
    "e2e-2": Table(
        "E2E-GMNER Table 2: ablation, F1 (w/o both is ours)",
        F1S,
        rows_of(
            {
                "E2E-GMNER": (OURS, "63.94 54.32"),
                "w/o CoT": (WITHOUT_COT, "62.57 53.96"),
                "w/o GRBP": (WITHOUT_GRBP, "61.51 52.92"),
                "w/o both": (WITHOUT_BOTH, "- -"),
            },
            F1S,
        ),
        SIZES,
        orders=tuple(Order(part, "E2E-GMNER", "GMNER") for part in ("w/o CoT", "w/o GRBP")),
    ),
    "e2e-3": Table("E2E-GMNER Table 3: teachers of the reasoning, F1", F1S, teacher_rows(), SIZES),
    "e2e-fig3": Table(
        "E2E-GMNER Figure 3: strength of the box perturbation",
        SWEEP,
        sweep_rows(),
        SIZES,
        view="sweep",
        axis="perturbation \u03b2 = \u03b3",
        orders=ORDERS_FIG_3,
    ),
}
