"""Jobs: each row of a table with each seed, what it needs, and whether its result is there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError, closest, raise_faults
from mcr.results.row_results import RowResult, cases_path, collect_result, read_finished, result_path, write_cases
from mcr.systems.stages import PACKAGES, Stage, hash_of, join_stages, plan_faults
from mcr.systems.tables import Row, RowPlan, Table, TableRun


@dataclass(frozen=True, slots=True)
class Job:
    """One row with one seed.

    Attributes:
        row: of the table.
        run: where and with which seed and sizes.
        plan: its stages and evaluations.
        path: of its result.
        settings: SHA-256 of the settings of its stages.
    """

    row: Row
    run: TableRun
    plan: RowPlan
    path: Path
    settings: str

    def result(self) -> RowResult | None:
        """Return the result, None where there is none yet.

        Raises:
            ConfigError: it was made with other settings.
        """
        return read_finished(self.path, self.settings)

    def collect(self) -> None:
        """Write the result; its stages have run."""
        if self.plan.cases is not None:
            write_cases(cases_path(self.path), self.plan.cases, self.plan)
        collect_result(self.row.key, self.run, self.plan, self.settings).write(self.path)

    def remove(self) -> None:
        """Remove the result, so that the row is made anew."""
        for path in (self.path, cases_path(self.path)):
            path.unlink(missing_ok=True)


def places_of(run: TableRun) -> dict[Path, str]:
    """Return the folders whose paths do not count as settings, each with the name that replaces it."""
    return {run.work: "WORK", run.data: "DATA", PACKAGES: "CODE"}


def make_jobs(rows: Sequence[Row], runs: Sequence[TableRun], results: Path) -> list[Job]:
    """Return the jobs, seed by seed."""
    jobs = []
    for run in runs:
        for row in rows:
            plan = row.plan(run)
            settings = hash_of(plan.stages, places_of(run))
            jobs.append(Job(row, run, plan, result_path(results, run.platform, row.key, run.seed), settings))
    return jobs


def stages_of(jobs: Iterable[Job]) -> list[Stage]:
    """Return the stages of jobs, each once, in order."""
    return join_stages(job.plan.stages for job in jobs)


def collect_finished(jobs: Sequence[Job], record: Mapping[str, Any]) -> None:
    """Write the results of the jobs all of whose stages have run."""
    for job in jobs:
        if not job.path.is_file() and all(stage.name in record for stage in job.plan.stages):
            job.collect()


def plan_table(jobs: Sequence[Job], stages: Sequence[Stage], record: Mapping[str, Any]) -> list[str]:
    """Return the plan: a line for each stage, with the rows that it serves and whether it is done."""
    lines = []
    for stage in stages:
        served = [job for job in jobs if stage in job.plan.stages]
        rows = ", ".join(dict.fromkeys(job.row.title for job in served))
        lines.append(f"  {'done' if stage.name in record else '    '}  {stage.name}: {stage.title}  [{rows}]")
    return lines


def check_jobs(jobs: Sequence[Job], *, inputs: Sequence[Path]) -> None:
    """Check that everything is made before it is read, and that every config is there.

    Raises:
        ConfigError: lists what is wrong.
    """
    if not jobs:
        return
    stages = stages_of(jobs)
    faults = plan_faults(stages, inputs, jobs[0].run.work)
    configs = {word for stage in stages for word in map(Path, stage.flags) if word.suffix == ".yaml"}
    faults += [f"config {path} does not exist" for path in sorted(configs) if not path.is_file()]
    raise_faults("the plan does not hold together", faults, error=ConfigError)


def check_inputs(jobs: Sequence[Job]) -> None:
    """Check that the published data are there.

    Raises:
        ConfigError: lists what is missing.
    """
    needed = {path for job in jobs for stage in job.plan.stages for path in stage.reads if path.is_relative_to(job.run.data)}
    missing = [f"{path} does not exist" for path in sorted(needed) if not path.exists()]
    raise_faults("the published data are not all there (docs/reproduce.md names the folders)", missing, error=ConfigError)


def choose_rows(table: Table, platform: str, names: Sequence[str] | None) -> tuple[Row, ...]:
    """Return the rows of a platform, or those of them that are named by key or title.

    Raises:
        ConfigError: unknown names, or no rows on the platform.
    """
    if platform not in table.rows:
        raise ConfigError(f"--on: {table.title} has no rows on {platform}, expected {', '.join(table.rows)}.")
    rows = table.rows[platform]
    if names is None:
        return rows
    known = {name for row in rows for name in (row.key, row.title)}
    unknown = [f"{name}{closest(name, known)}" for name in names if name not in known]
    raise_faults(f"--rows: expected some of {', '.join(row.key for row in rows)}", unknown, error=ConfigError)
    return tuple(row for row in rows if row.key in names or row.title in names)


def change_sizes(sizes: Mapping[str, float], changes: Sequence[str]) -> dict[str, float]:
    """Return sizes with changes of the form name=number.

    >>> change_sizes({"test": 300, "noise": 0.1}, ["test=8"])
    {'test': 8, 'noise': 0.1}

    Raises:
        ConfigError: an unknown name, or a value that is no number of its kind.
    """
    changed = dict(sizes)
    for change in changes:
        name, _, value = change.partition("=")
        if name not in sizes:
            hint = closest(name, sizes)
            raise ConfigError(f"--sizes: got {change!r}{hint}, expected name=number with a name of {', '.join(sizes)}.")
        try:
            changed[name] = type(sizes[name])(value)
        except ValueError as error:
            raise ConfigError(f"--sizes: got {change!r}, expected a number like {sizes[name]}.") from error
    return changed
