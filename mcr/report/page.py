"""report.html: one self-contained page of one or two systems; Jinja2 with autoescape, every word of the data as text.

The page's policy allows no script and no style but our own, by their hashes, and no address outside the file.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mcr.io.atomic_write import write_whole
from mcr.masks import Mask
from mcr.metrics.error_kinds import KINDS
from mcr.metrics.evaluate import HEADLINES, Metrics
from mcr.metrics.intervals import Difference, Estimate
from mcr.metrics.scores import PrecisionRecallF1
from mcr.records import Entity
from mcr.report.evaluation import Evaluation
from mcr.report.markdown import percent, rate_cells
from mcr.report.thumbnails import GOLD_RGB, PREDICTED_RGB, Thumbnails, mask_uri

PER_CHUNK = 100
BAR_PX = 120
TILES = (*HEADLINES, "Acc@0.5")
FIGURES = {
    "iou_curve.png": "GMNER F1 by IoU threshold",
    "scores.png": "F1 by task and by type",
    "confusion.png": "types confused",
    "uncertainty.png": "uncertainty of right and of wrong parts",
}

Rewards = Sequence[Mapping[str, float] | None]


def write_page(
    path: Path,
    title: str,
    systems: Sequence[Evaluation],
    *,
    images: Thumbnails,
    rewards: Sequence[Rewards],
    differences: Mapping[str, Difference] | None = None,
) -> None:
    """Write the page, complete or not at all; figures named in FIGURES that lie beside it are embedded.

    Args:
        path: of report.html.
        title: of the page.
        systems: one or two, on the same samples.
        images: of the samples.
        rewards: for each system and sample, reward parts by name, or None.
        differences: second minus first system, by measure.
    """
    first = systems[0].metrics
    text = render_page(
        "report.html",
        ("sample.js", "report.js"),
        title=title,
        num_samples=first.num_samples,
        conventions=first.conventions.in_words(),
        systems=[_system(system, index) for index, system in enumerate(systems)],
        warnings=[f"{system.name}: {warning}" for system in systems for warning in system.warnings()],
        scores=score_table(systems, differences),
        extras=[one for system in systems for one in extra_tables(system)],
        per_type=per_type_table(systems),
        figures=_figures(path.parent),
        image_note=image_note(images),
        footer="Boxes in original pixels. Written by the MCR toolkit; metrics.json beside this page holds every number.",
        data=page_data(systems, images, rewards),
        image_chunks=image_chunks(images),
    )
    write_whole(path, text)


def render_page(template: str, scripts: Sequence[str] = (), **values: Any) -> str:
    """Return a page made of a template, our style and scripts, which alone may run on it; values are escaped.

    Args:
        template: its name in the folder of templates.
        scripts: names of the scripts, which become one function in this order.
        values: of the template.
    """
    loader = PackageLoader("mcr.report")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    style, *parts = (loader.get_source(environment, name)[0].replace("\r\n", "\n") for name in ("report.css", *scripts))
    script = '"use strict";\n(() => {\n' + "".join(parts) + "})();\n" if parts else ""
    return environment.get_template(template).render(
        style=Markup(style),  # noqa: S704 our own file # nosec B704
        script=Markup(script),  # noqa: S704 our own files # nosec B704
        style_hash=csp_hash(style),
        script_hash=csp_hash(script),
        **values,
    )


def image_chunks(images: Thumbnails) -> list[list[str]]:
    """Return the images in the pieces that a page embeds, so that it decodes only those that it shows."""
    return [images.sources[start : start + PER_CHUNK] for start in range(0, len(images.sources), PER_CHUNK)]


def csp_hash(text: str) -> str:
    """Return the source by which a content security policy allows one inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _system(system: Evaluation, index: int) -> dict[str, Any]:
    counts = system.errors
    largest = max(counts.values(), default=0) or 1
    return {
        "name": system.name,
        "index": index,
        "tiles": [_tile(name, system.intervals[name]) for name in TILES if name in system.intervals],
        "biases": bias_sentences(system.metrics),
        "num_errors": sum(counts.values()),
        "errors": [
            {"kind": kind, "count": counts[kind], "width": round(BAR_PX * counts[kind] / largest), "meaning": KINDS[kind]}
            for kind in KINDS
        ],
    }


def _tile(name: str, one: Estimate) -> dict[str, str]:
    return {"name": name, "value": percent(one.value), "interval": f"{percent(one.low)} to {percent(one.high)}"}


def bias_sentences(metrics: Metrics) -> list[str]:
    """Return what the two biases' numbers say, a sentence each."""
    no_target = metrics.no_target
    wrongly = no_target.num_gold - no_target.num_correct
    return [
        f"Visual bias: {metrics.n_count} of {metrics.num_named} predictions name something that does not occur in the sentence "
        f"(N-Rate {percent(metrics.n_rate)}). 0 means that nothing is made up from the image.",
        f"Textual bias: the image does not show {no_target.num_gold} of the gold entities; {no_target.num_correct} of them "
        f"were found and left without a box, {wrongly} were given one or missed. Of the {no_target.num_predicted} entities that "
        f"the system says are not shown, {no_target.num_correct} are right (N-Pre {percent(no_target.precision)}, N-Rec "
        f"{percent(no_target.recall)}, N-F1 {percent(no_target.f1)}). 100 means that nothing absent is grounded.",
    ]


def score_table(systems: Sequence[Evaluation], differences: Mapping[str, Difference] | None) -> dict[str, Any]:
    """Return every measure with its interval, a column a system, and the difference of two."""
    header = ["measure", *(system.name for system in systems)]
    rows = []
    for name in dict.fromkeys(name for system in systems for name in system.intervals):
        cells = [_interval_cell(system.intervals.get(name)) for system in systems]
        if differences:
            change = differences[name]
            cells.append(f"{100 * change.value:+.2f} ({100 * change.low:+.2f} to {100 * change.high:+.2f})")
            cells.append(f"{change.p:.4f}")
        rows.append([name, *cells])
    return {"header": [*header, "difference", "p"] if differences else header, "rows": rows}


def _interval_cell(one: Estimate | None) -> str:
    return "\u2013" if one is None else f"{percent(one.value)} ({percent(one.low)}\u2013{percent(one.high)})"


def per_type_table(systems: Sequence[Evaluation]) -> dict[str, Any]:
    """Return GMNER scores by type: all of one system's, F1 alone of two."""
    names = sorted({name for system in systems for name in system.metrics.per_type})
    scores = {name: [system.metrics.per_type.get(name, PrecisionRecallF1()) for system in systems] for name in names}
    if len(systems) == 1:
        header = ["type", "precision", "recall", "F1", "correct", "predicted", "gold"]
        return {"header": header, "rows": [[name, *_score_cells(of_type[0])] for name, of_type in scores.items()]}
    header = ["type", *(f"F1 of {system.name}" for system in systems), "gold"]
    rows = [
        [name, *(percent(one.f1) for one in of_type), max(one.num_gold for one in of_type)] for name, of_type in scores.items()
    ]
    return {"header": header, "rows": rows}


def _score_cells(scores: PrecisionRecallF1) -> list[str]:
    return rate_cells(scores) + [str(count) for count in (scores.num_correct, scores.num_predicted, scores.num_gold)]


def extra_tables(system: Evaluation) -> list[dict[str, Any]]:
    """Return what only some datasets have: fine types, masks, seen entities, GREC, uncertainty, types folded by aliases."""
    metrics = system.metrics
    named = {
        "FMNERG, fine types": metrics.fmnerg and metrics.fmnerg.fine,
        "FMNERG, coarse types": metrics.fmnerg and metrics.fmnerg.coarse,
        "FMNER, fine types": metrics.fmner and metrics.fmner.fine,
        "FMNER, coarse types": metrics.fmner and metrics.fmner.coarse,
        "SMNER": metrics.smner,
        "EES": metrics.ees,
        "seen in training": metrics.seen and metrics.seen.seen,
        "unseen in training": metrics.seen and metrics.seen.unseen,
    }
    header = ["measure", "precision", "recall", "F1", "correct", "predicted", "gold"]
    rows = [[name, *_score_cells(scores)] for name, scores in named.items() if scores]
    tables = [{"title": f"Fine types, masks, seen entities: {system.name}", "header": header, "rows": rows}] if rows else []
    shares = {} if metrics.grec is None else {f"GREC {name}": value for name, value in metrics.grec.shares().items()}
    if metrics.uncertainty_auroc is not None:
        shares["AUROC of uncertainty"] = metrics.uncertainty_auroc
    shares |= {f"AUROC of {part} uncertainty": value for part, value in metrics.part_aurocs.items()}
    if shares:
        cells = [[name, percent(value)] for name, value in shares.items()]
        tables.append({"title": f"Further measures: {system.name}", "header": ["measure", "score"], "rows": cells})
    if metrics.folded_types:
        folded = [[str(one), one.num_gold, one.num_predicted] for one in metrics.folded_types]
        header = ["written -> counted as", "in gold", "in predictions"]
        tables.append({"title": f"Types folded by aliases: {system.name}", "header": header, "rows": folded})
        tables[-1]["note"] = metrics.aliases_in_words()
    return tables


def _figures(folder: Path) -> list[dict[str, Any]]:
    found = []
    for name, alt in FIGURES.items():
        if (folder / name).is_file():
            code = base64.b64encode((folder / name).read_bytes()).decode("ascii")
            found.append({"source": f"data:image/png;base64,{code}", "alt": alt, "width": 740 if name == "scores.png" else 400})
    return found


def image_note(images: Thumbnails) -> str:
    """Return which images the page lacks, and why."""
    notes = []
    if images.num_unavailable:
        notes.append(f"{images.num_unavailable} images are not at hand; a blank of their size stands in.")
    if images.num_left_out:
        notes.append(f"{images.num_left_out} images are left out to keep this file small (wrong samples come first).")
    return " ".join(notes)


def page_data(systems: Sequence[Evaluation], images: Thumbnails, rewards: Sequence[Rewards]) -> dict[str, Any]:
    """Return what the page's script reads."""
    masks = MaskBudget(images.bytes_left)
    types = {entity.type for system in systems for row in system.rows for entity in (*row.gold, *row.predicted)}
    samples = []
    for index, sample in enumerate(systems[0].samples):
        image = sample.images[0] if sample.images else None
        row = {
            "id": sample.id,
            "sentence": systems[0].rows[index].sentence,
            "width": image.width if image else None,
            "height": image.height if image else None,
            "image": images.place[index],
            "gold": [_entity(entity, masks, GOLD_RGB) for entity in systems[0].rows[index].gold],
            "systems": [_answer(system, index, masks, rewards[number][index]) for number, system in enumerate(systems)],
        }
        samples.append(row)
    names = [system.name for system in systems]
    return {"systems": names, "kinds": list(KINDS), "types": sorted(types - {""}), "per_chunk": PER_CHUNK, "samples": samples}


class MaskBudget:
    """Draws masks as long as they fit beside the images under one bound."""

    def __init__(self, bytes_left: int) -> None:
        self.bytes_left = bytes_left

    def draw(self, masks: Sequence[Mask], rgb: tuple[int, int, int]) -> list[str]:
        """Return data URIs; none once the bound is reached."""
        found = []
        for mask in masks if self.bytes_left > 0 else ():
            found.append(mask_uri(mask, rgb))
            self.bytes_left -= len(found[-1])
        return found


def _entity(entity: Entity, masks: MaskBudget, rgb: tuple[int, int, int]) -> dict[str, Any]:
    boxes = None if entity.boxes is None else [[_finite(value) for value in box] for box in entity.boxes]
    row = {"text": entity.text, "type": entity.type, "boxes": boxes}
    return row | {"masks": masks.draw(entity.masks, rgb)} if entity.masks else row


def _finite(value: float) -> float:
    """Return a coordinate that JSON can hold; what a model wrote may be anything."""
    return round(min(max(value, -1e9), 1e9), 2) if value == value else 0.0


def _answer(system: Evaluation, index: int, masks: MaskBudget, rewards: Mapping[str, float] | None) -> dict[str, Any]:
    prediction = system.predictions[index]
    return {
        "predicted": [_entity(entity, masks, PREDICTED_RGB) for entity in system.rows[index].predicted],
        "verdicts": [[verdict.kind, verdict.predicted_index, verdict.gold_index] for verdict in system.verdicts[index]],
        "completion": prediction.completion if prediction else None,
        "is_readable": prediction is None or prediction.is_readable,
        "is_missing": prediction is None,
        "problems": list(prediction.problems) if prediction else [],
        "rewards": rewards,
    }
