"""Tables of papers as records: their rows, the stages that make a row, the paper's figures, and what is drawn.

A system registers its tables (`System.tables`); `recipes/reproduce.py` runs them and knows none by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mcr.errors import ConfigError
from mcr.metrics.scores import Ratio, f1_of, precision_of, recall_of
from mcr.systems.stages import Stage

PLATFORMS = ("sandbox", "twitter")  # the tiny world on a CPU; the published data and models
VIEWS = ("", "bars", "curves", "sweep", "profiles", "cases")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that an evaluation or a stage states, such as an AUROC: no ratio of sums over samples.

    Its interval is over seeds alone (Student's t).

    Attributes:
        name: of a measure in metrics.json, or of a number in one of `RowPlan.figures`, the keys on the way joined by points.
        is_count: whether it is shown as it is, and not in per cent.
    """

    name: str
    is_count: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        header: as the paper has it.
        evaluation: which of a row's evaluations, or of its files of figures, it is of.
        measure: shown in per cent, or as it is where it is a count.
        series: of profiles: what it is a point of, such as "GMNER F1" by IoU threshold.
        x: of profiles: its place on the axis.
    """

    header: str
    evaluation: str
    measure: Ratio | Figure
    series: str = ""
    x: float = 0.0


def precision_recall_f1_columns(title: str, evaluation: str, measure: str) -> tuple[Column, ...]:
    """Return a paper's columns Pre, Rec and F1 of one task.

    >>> [column.header for column in precision_recall_f1_columns("GMNER", "gmner", "gmner")]
    ['GMNER Pre', 'GMNER Rec', 'GMNER F1']
    """
    ratios = {"Pre": precision_of(measure), "Rec": recall_of(measure), "F1": f1_of(measure)}
    return tuple(Column(f"{title} {part}", evaluation, ratio) for part, ratio in ratios.items())


@dataclass(frozen=True, slots=True)
class TableRun:
    """What the stages of a row depend on.

    Attributes:
        platform: one of PLATFORMS.
        work: the folder of all runs of the platform.
        data: the folder of the published datasets; the sandbox needs none.
        seed: of everything random.
        sizes: the table's sizes, as changed on the command line.
    """

    platform: str
    work: Path
    data: Path
    seed: int
    sizes: Mapping[str, float]

    @property
    def folder(self) -> Path:
        """The folder of what the seed decides."""
        return self.work / f"seed{self.seed}"

    @property
    def shared(self) -> Path:
        """The folder of what all seeds share."""
        return self.work / "all_seeds"

    def name(self, stage: str) -> str:
        """Return the name of a stage that the seed decides."""
        return f"seed{self.seed}/{stage}"


@dataclass(frozen=True, slots=True)
class ComparedCases:
    """Two evaluations of one gold file.

    Attributes:
        before: the name of the first evaluation.
        after: the name of the second.
        gold: samples.jsonl.
        images: the folder that its image paths start from.
    """

    before: str
    after: str
    gold: Path
    images: Path


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How a row is made with one seed.

    Attributes:
        stages: in order.
        evaluations: the folders of its evaluations, by name.
        curves: the folder of the training run whose curves are kept.
        cases: the two evaluations whose differing samples are kept.
        figures: JSON files whose numbers are kept, by name.
    """

    stages: Sequence[Stage]
    evaluations: Mapping[str, Path]
    curves: Path | None = None
    cases: ComparedCases | None = None
    figures: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        key: of its result; rows of several tables may share one.
        title: the paper's name of the row.
        plan: returns how it is made.
        paper: the paper's figures by column, in per cent or counts; what is absent the paper does not state.
        x: its place on the axis of a sweep.
    """

    key: str
    title: str
    plan: Callable[[TableRun], RowPlan]
    paper: Mapping[str, float] = field(default_factory=dict)
    x: float | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A claim on two rows of a table: in a column, one is above the other.

    It holds where the 95 % interval of the difference (hierarchical bootstrap, paired) lies above the margin.

    Attributes:
        lower: the title of the row that is claimed to be below.
        higher: of the row above.
        header: of the column.
        margin: by how much at least, in the unit of the measure: a share, or a count.
    """

    lower: str
    higher: str
    header: str
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """A table or figure of a paper.

    Attributes:
        title: as people read it.
        columns: in the paper's order.
        rows: the rows that are made, by platform.
        sizes: how much of everything, by platform and name; each can be changed on the command line. Those of "stub" replace
            twitter's in a dry run, which has a few samples alone.
        quoted: rows that the paper quotes of others, by name: its figures by column. They are shown and not made.
        view: what is drawn beside the table: one of VIEWS. "bars": a group of bars a row. "curves": `curves` of the rows over
            steps. "sweep": the columns over the rows' `x`. "profiles": the rows over the columns' `x`, a panel a series.
            "cases": a page of the samples that differ.
        axis: of a sweep or of profiles: what is on the axis.
        curves: the keys of metrics.jsonl that are drawn, a panel each.
        orders: what the paper's rows claim of each other, tried on ours.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Mapping[str, tuple[Row, ...]]
    sizes: Mapping[str, Mapping[str, float]]
    quoted: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    view: str = ""
    axis: str = ""
    curves: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()

    def __post_init__(self) -> None:
        headers = [column.header for column in self.columns]
        if (self.view in ("sweep", "profiles")) != bool(self.axis):
            raise ConfigError(f"table {self.title}: a sweep and profiles have an axis, and nothing else has. Name what is on it.")
        if self.view not in VIEWS or set(self.rows) - set(PLATFORMS) or len(set(headers)) < len(headers):
            raise ConfigError(f"table {self.title}: a view, platform or header is wrong. See mcr/systems/tables.py.")
        for row in (row for rows in self.rows.values() for row in rows):
            if set(row.paper) - set(headers):
                raise ConfigError(f"table {self.title}, row {row.title}: figures of unknown columns. Name the headers.")
        if {order.header for order in self.orders} - set(headers):
            raise ConfigError(f"table {self.title}: an order on an unknown column. Name a header.")


def paper_figures(headers: Sequence[str], figures: str) -> dict[str, float]:
    """Return a paper's row as {header: figure}; "-" is no figure.

    >>> paper_figures(("Pre", "Rec", "F1"), "68.3 - 68.5")
    {'Pre': 68.3, 'F1': 68.5}
    """
    return {header: float(word) for header, word in zip(headers, figures.split(), strict=True) if word != "-"}
