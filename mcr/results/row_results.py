"""The result of one row with one seed: a small file that can be committed, and then counts as done.

RESULTS/PLATFORM/ROW/seed0.json holds scores, the counts of each sample, curves, versions, commit and a hash of the settings.
A row that compares cases leaves seed0.cases.jsonl beside it: gold and two predictions a line.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError, DataError
from mcr.io.atomic_write import whole_file, write_whole
from mcr.io.predictions import Prediction, load_predictions, prediction_from_dict
from mcr.io.sample_counts import SampleCounts
from mcr.io.samples import iter_json_lines, load_samples, sample_from_dict, sample_to_dict
from mcr.records import Sample
from mcr.systems.tables import ComparedCases, RowPlan, TableRun

CURVE_KEYS = ("step", "loss", "reward", "reward_std", "entropy", "completions/mean_length", "held_out/gmner_f1")
MAX_CURVE_ROWS = 200
MEASURE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class RowResult:
    """A row's result with one seed.

    Attributes:
        row: the row's key.
        platform: where it was made.
        seed: of everything random.
        sizes: how much of everything.
        settings: SHA-256 of the settings of its stages.
        versions: of the packages that matter.
        commit: of the code, None where it is unknown.
        measures: by evaluation or file of figures, and by name: fractions and counts.
        counts: of each sample, by evaluation.
        curves: what the training run logged, thinned.
    """

    row: str
    platform: str
    seed: int
    sizes: Mapping[str, float]
    settings: str
    versions: Mapping[str, str]
    commit: str | None
    measures: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, SampleCounts]
    curves: Sequence[Mapping[str, float]] = field(default=())

    def write(self, path: Path) -> None:
        """Write the file: readable, an evaluation's counts a line each."""
        row: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        row["counts"] = {name: counts.to_dict() for name, counts in self.counts.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(row, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> "RowResult":
        """Return the result of a file.

        Raises:
            DataError: not that form.
        """
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            row["counts"] = {name: SampleCounts.from_dict(counts) for name, counts in row["counts"].items()}
            return cls(**row)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, DataError):
                raise DataError(f"{path}: {error}") from error
            raise DataError(f"{path}: not the result of a row ({type(error).__name__} {error}). Remove the file.") from error


def result_path(results: Path, platform: str, row: str, seed: int) -> Path:
    """Return where a row's result is."""
    return results / platform / row / f"seed{seed}.json"


def read_finished(path: Path, settings: str) -> RowResult | None:
    """Return a result that was made with the present settings, None where there is none.

    Raises:
        ConfigError: it was made with other settings.
    """
    if not path.is_file():
        return None
    result = RowResult.read(path)
    if result.settings != settings:
        raise ConfigError(
            f"{path}: was made with other settings of its stages (commit {result.commit or 'unknown'}, sizes "
            f"{_in_words(result.sizes)}). Give --again {result.row}, or remove the file, to make it anew; or give its settings."
        )
    return result


def _in_words(sizes: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in sizes.items())


def collect_result(row: str, run: TableRun, plan: RowPlan, settings: str) -> RowResult:
    """Return the result of a row whose stages have run."""
    measures, counts, record = {}, {}, {}
    for name, folder in plan.evaluations.items():
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        measures[name] = numbers_in(metrics["measures"])
        counts[name] = SampleCounts.from_dict(json.loads((folder / "counts.json").read_text(encoding="utf-8")))
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    measures |= {name: numbers_in(json.loads(path.read_text(encoding="utf-8"))) for name, path in plan.figures.items()}
    curves = () if plan.curves is None else thin_curves(plan.curves / "metrics.jsonl")
    versions, commit = record.get("versions", {}), record.get("commit")
    return RowResult(row, run.platform, run.seed, dict(run.sizes), settings, versions, commit, measures, counts, curves)


def numbers_in(row: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return the numbers of a JSON object, rounded, by their keys, those on the way joined by points.

    >>> numbers_in({"a": 1, "b": {"c": 0.25, "d": "text"}})
    {'a': 1, 'b.c': 0.25}
    """
    found: dict[str, float] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            found |= numbers_in(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = round(value, MEASURE_DIGITS)
    return found


def thin_curves(path: Path) -> list[dict[str, float]]:
    """Return what a run logged of CURVE_KEYS, at most MAX_CURVE_ROWS rows; rows with scores on held-out samples all stay."""
    rows = [row for _, row in iter_json_lines(path) if isinstance(row, dict) and "step" in row] if path.is_file() else []
    kept = [{key: float(row[key]) for key in CURVE_KEYS if isinstance(row.get(key), int | float)} for row in rows]
    every = -(-len(kept) // MAX_CURVE_ROWS)
    return [row for index, row in enumerate(kept) if len(row) > 1 and (index % every == 0 or "held_out/gmner_f1" in row)]


@dataclass(frozen=True, slots=True)
class Cases:
    """Two systems' predictions of the same samples."""

    samples: Sequence[Sample]
    before: Sequence[Prediction]
    after: Sequence[Prediction]


def cases_path(path: Path) -> Path:
    """Return where the cases of a result are.

    >>> cases_path(Path("seed0.json")).name
    'seed0.cases.jsonl'
    """
    return path.with_suffix(".cases.jsonl")


def write_cases(path: Path, compared: ComparedCases, plan: RowPlan) -> None:
    """Write gold beside the predictions of two evaluations; completions of samples that both predict alike are left out."""
    samples = load_samples(compared.gold)
    before, after = (
        {one.id: one for part in sorted(plan.evaluations[name].glob("predictions-*.jsonl")) for one in load_predictions(part)}
        for name in (compared.before, compared.after)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        for sample in samples:
            pair = (before[sample.id], after[sample.id])
            rows = [one.to_dict() for one in pair]
            if pair[0].entities == pair[1].entities:
                rows = [{key: value for key, value in row.items() if key != "completion"} for row in rows]
            line = {"sample": sample_to_dict(sample), "before": rows[0], "after": rows[1]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_cases(path: Path) -> Cases:
    """Return the cases of a file.

    Raises:
        DataError: not that form.
    """
    samples, before, after = [], [], []
    for number, row in iter_json_lines(path):
        if isinstance(row, DataError) or not {"sample", "before", "after"} <= row.keys():
            raise DataError(f"{path}:{number}: not a case. Remove the file, and the result beside it.")
        samples.append(sample_from_dict(row["sample"]))
        before.append(prediction_from_dict(row["before"]))
        after.append(prediction_from_dict(row["after"]))
    return Cases(samples, before, after)
