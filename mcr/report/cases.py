"""A page of the cases that a method mends and breaks (MCR Figs. 6-8): two systems' predictions, compared error by error.

An error of the first system is mended when the second one does not make it; broken is the other way round. The kinds are those of
mcr.metrics.error_kinds; the two biases come first.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from mcr.io.atomic_write import write_whole
from mcr.io.predictions import Prediction
from mcr.metrics.conventions import DEFAULT, Conventions
from mcr.metrics.error_kinds import KINDS, Verdict
from mcr.metrics.evaluate import HEADLINES
from mcr.records import Sample, ScoredSample, collapse_space
from mcr.report.evaluation import Evaluation, evaluate_system
from mcr.report.markdown import escape, percent, table
from mcr.report.page import image_chunks, image_note, page_data, render_page
from mcr.report.thumbnails import embed_images

NOT_PREDICTED = "not predicted"
FINE = {"right", NOT_PREDICTED}
BIASES = {"should be None": "textual bias", "invented": "visual bias"}
ORDER = (*BIASES, "span", "type", "box off", "should have a box", "missed", "extra", "unreadable")


@dataclass(frozen=True, slots=True)
class Change:
    """What two systems made of one gold entity, or of one prediction that is not gold's.

    Attributes:
        text: of the entity.
        before: what the first system made of it: a kind of error, "right" or "not predicted".
        after: what the second one made of it.
    """

    text: str
    before: str
    after: str

    @property
    def is_mended(self) -> bool:
        """Whether the first system alone is wrong."""
        return self.before in KINDS and self.after in FINE

    @property
    def is_broken(self) -> bool:
        """Whether the second system alone is wrong."""
        return self.before in FINE and self.after in KINDS


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many errors of one kind there are: before, of these mended, newly broken, after.

    The rest of the difference are errors that became errors of another kind.
    """

    before: int
    mended: int
    broken: int
    after: int


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Samples in which errors of one kind were mended, or broken.

    Attributes:
        kind: of the errors.
        is_mended: or broken.
        num_errors: in all samples.
        num_samples: that hold them.
        cases: for each sample that was drawn its index, and what changed in it.
    """

    kind: str
    is_mended: bool
    num_errors: int
    num_samples: int
    cases: Mapping[int, Sequence[Change]]

    def title(self, names: Sequence[str]) -> str:
        """Return a heading."""
        return f"{'Mended' if self.is_mended else 'Broken'} by {names[1]}: {_named(self.kind)}"

    def summary(self) -> str:
        """Return how many there are, how many are shown, and what the error is."""
        shown = "all shown" if len(self.cases) == self.num_samples else f"{len(self.cases)} of the samples shown"
        errors, samples = _plural(self.num_errors, "error"), _plural(self.num_samples, "sample")
        return f"{errors} in {samples}, {shown}. The error: {KINDS[self.kind]}."


def _named(kind: str) -> str:
    return f"{kind} ({BIASES[kind]})" if kind in BIASES else kind


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def find_changes(
    before: ScoredSample, after: ScoredSample, verdicts_before: Sequence[Verdict], verdicts_after: Sequence[Verdict]
) -> list[Change]:
    """Return what differs between two systems' verdicts on one sample, gold entities first.

    A gold entity is compared with itself. A prediction that is not gold's is compared with those of the same text. Where the same
    entity or text occurs several times, what both systems made of it cancels out.
    """
    kinds_before, kinds_after = _kinds(before, verdicts_before), _kinds(after, verdicts_after)
    changes = []
    for key in dict.fromkeys((*kinds_before, *kinds_after)):
        was, became = Counter(kinds_before.get(key, ())), Counter(kinds_after.get(key, ()))
        common = was & became
        rests = (sorted((kinds - common).elements()) for kinds in (was, became))
        changes += [Change(key[1], *pair) for pair in zip_longest(*rests, fillvalue=NOT_PREDICTED)]
    return [change for change in changes if not {change.before, change.after} <= FINE]


def _kinds(row: ScoredSample, verdicts: Sequence[Verdict]) -> dict[tuple[Hashable, str], list[str]]:
    """Return the kinds of verdicts by what they are about: (a gold entity or None, its text), in gold's order."""
    kinds: defaultdict[tuple[Hashable, str], list[str]] = defaultdict(list)
    for verdict in sorted(verdicts, key=lambda one: (one.gold_index is None, one.gold_index or 0)):
        if verdict.gold_index is not None:
            entity = row.gold[verdict.gold_index]
            kinds[entity, entity.text].append(verdict.kind)
        elif verdict.predicted_index is not None:
            kinds[None, collapse_space(row.predicted[verdict.predicted_index].text)].append(verdict.kind)
    return kinds


def group_cases(changes: Sequence[Sequence[Change]], *, max_cases: int, seed: int) -> list[CaseGroup]:
    """Return the cases by direction and kind, mended first, the biases first; kinds without cases are left out.

    Args:
        changes: of each sample.
        max_cases: samples of one group, drawn by `seed` where there are more.
        seed: of the drawing.
    """
    groups = []
    for is_mended in (True, False):
        for kind in ORDER:
            found = {index: _of_kind(of_sample, kind, is_mended) for index, of_sample in enumerate(changes)}
            found = {index: some for index, some in found.items() if some}
            drawn = random.Random(f"{seed} {is_mended} {kind}").sample(sorted(found), min(max_cases, len(found)))
            if found:
                cases = {index: found[index] for index in sorted(drawn)}
                groups.append(CaseGroup(kind, is_mended, sum(map(len, found.values())), len(found), cases))
    return groups


def _of_kind(changes: Sequence[Change], kind: str, is_mended: bool) -> list[Change]:
    if is_mended:
        return [change for change in changes if change.is_mended and change.before == kind]
    return [change for change in changes if change.is_broken and change.after == kind]


@dataclass(frozen=True, slots=True)
class CaseStudy:
    """What two systems make of the same samples.

    Attributes:
        systems: the first one and the method.
        groups: of cases.
        num_changed: errors that became errors of another kind.
    """

    systems: Sequence[Evaluation]
    groups: Sequence[CaseGroup]
    num_changed: int

    @property
    def names(self) -> list[str]:
        """The names of both systems."""
        return [system.name for system in self.systems]

    def counts(self) -> dict[str, KindCount]:
        """Return the counts of each kind of error, the biases first."""
        numbers = {(group.kind, group.is_mended): group.num_errors for group in self.groups}
        before, after = (system.errors for system in self.systems)
        return {
            kind: KindCount(before[kind], numbers.get((kind, True), 0), numbers.get((kind, False), 0), after[kind])
            for kind in ORDER
        }

    def count_table(self) -> dict[str, Sequence]:
        """Return the counts as a table, with their sums."""
        rows = [[_named(kind), one.before, one.mended, one.broken, one.after] for kind, one in self.counts().items()]
        totals = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)]
        return {"header": ["errors", "before", "mended", "broken", "after"], "rows": [*rows, ["all", *totals]]}

    def score_table(self) -> dict[str, Sequence]:
        """Return the main scores of both."""
        measures = [system.metrics.measures for system in self.systems]
        rows = [
            [name, *(percent(some[name]) if name in some else "\u2013" for some in measures)]
            for name in HEADLINES
            if any(name in some for some in measures)
        ]
        return {"header": ["score (%)", *self.names], "rows": rows}


def compare_cases(systems: Sequence[Evaluation], *, max_cases: int, seed: int) -> CaseStudy:
    """Return the cases of two systems that were evaluated on the same samples."""
    first, second = systems
    cells = zip(first.rows, second.rows, first.verdicts, second.verdicts, strict=True)
    changes = [find_changes(*cell) for cell in cells]
    num_changed = sum(not (change.is_mended or change.is_broken) for of_sample in changes for change in of_sample)
    return CaseStudy(systems, group_cases(changes, max_cases=max_cases, seed=seed), num_changed)


def write_cases_page(
    path: Path,
    samples: Sequence[Sample],
    before: Sequence[Prediction],
    after: Sequence[Prediction],
    *,
    names: tuple[str, str],
    image_root: Path | None,
    title: str = "Cases",
    max_cases: int = 5,
    seed: int = 0,
    conventions: Conventions = DEFAULT,
    max_image_mb: float = 40.0,
) -> dict[str, KindCount]:
    """Write a self-contained page of cases, and a Markdown file of the same name beside it, and return the counts.

    Args:
        path: of the HTML file.
        samples: gold.
        before: predictions of the system that is compared with; a missing one counts as empty.
        after: those of the method.
        names: of both systems.
        image_root: the folder that image paths start from; None shows no images.
        title: of the page.
        max_cases: samples shown of each kind, mended and broken each; drawn by `seed`.
        seed: of the drawing.
        conventions: how hits are counted.
        max_image_mb: bound on the images embedded in the page.

    Raises:
        DataError: predictions for samples that gold does not have.
    """
    systems = [
        evaluate_system(name, samples, predictions, conventions=conventions, num_resamples=0)
        for name, predictions in zip(names, (before, after), strict=True)
    ]
    study = compare_cases(systems, max_cases=max_cases, seed=seed)
    write_whole(path, _page(title, study, image_root, int(max_image_mb * 1e6)))
    write_whole(path.with_suffix(".md"), _markdown(title, study))
    return study.counts()


def _page(title: str, study: CaseStudy, image_root: Path | None, max_bytes: int) -> str:
    shown = sorted({index for group in study.groups for index in group.cases})
    place = {index: number for number, index in enumerate(shown)}
    systems = [_only(system, shown) for system in study.systems]
    images = embed_images(systems[0].samples, range(len(shown)), image_root, max_bytes=max_bytes)
    cases = [
        [
            {"sample": place[index], "changes": [(one.text, one.before, one.after) for one in changes]}
            for index, changes in group.cases.items()
        ]
        for group in study.groups
    ]
    return render_page(
        "cases.html",
        ("sample.js", "cases.js"),
        title=title,
        names=study.names,
        num_samples=len(study.systems[0].samples),
        conventions=systems[0].metrics.conventions.in_words(),
        warnings=[f"{system.name}: {warning}" for system in systems for warning in system.warnings()],
        counts=study.count_table(),
        scores=study.score_table(),
        num_changed=study.num_changed,
        image_note=image_note(images),
        groups=[{"title": group.title(study.names), "summary": group.summary()} for group in study.groups],
        data=page_data(systems, images, [[None] * len(shown)] * 2) | {"groups": cases},
        image_chunks=image_chunks(images),
    )


def _only(system: Evaluation, indices: Sequence[int]) -> Evaluation:
    """Return an evaluation with the lists of some samples; its scores stay those of all."""
    lists = {name: getattr(system, name) for name in ("samples", "predictions", "rows", "counts", "verdicts")}
    return replace(system, **{name: [values[index] for index in indices] for name, values in lists.items()})


def _markdown(title: str, study: CaseStudy) -> str:
    samples, (first, second) = study.systems[0].samples, map(escape, study.names)
    parts = [
        f"# {escape(title)}",
        f"{len(samples)} samples. A case is an error that {first} makes and {second} does not (mended), or the other way round "
        f"(broken). {study.num_changed} further errors became errors of another kind.",
    ]
    for one in (study.count_table(), study.score_table()):
        parts.append(table([escape(cell) for cell in one["header"]], one["rows"]))
    for group in study.groups:
        parts += [f"## {escape(group.title(study.names))}", group.summary()]
        lines = []
        for index, changes in group.cases.items():
            said = "; ".join(f"**{escape(one.text)}** {one.before} \u2192 {one.after}" for one in changes)
            lines.append(f"- {escape(samples[index].id)}: {escape(samples[index].sentence)}\n  - {said}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
