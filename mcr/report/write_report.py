"""The folder of a report: metrics.json, counts.json, report.md, report.html and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from mcr.errors import DataError
from mcr.io.atomic_write import whole_file, write_json, write_whole
from mcr.io.images import open_image
from mcr.io.sample_counts import SampleCounts, gold_hash
from mcr.metrics.counts import total
from mcr.metrics.intervals import Difference, keys_of
from mcr.metrics.scores import has_fine_types, measures_of
from mcr.records import ImageRef
from mcr.report.densities import draw_densities
from mcr.report.evaluation import Evaluation
from mcr.report.figures import draw_confusion, draw_iou_curve, draw_sample, draw_scores, tile
from mcr.report.markdown import write_report
from mcr.report.page import Rewards, write_page
from mcr.report.thumbnails import Thumbnails, embed_images

NUM_DRAWN = 12
MAX_BLANK_PX = 4000


def write_evaluation(
    out: Path, title: str, system: Evaluation, rewards: Rewards, *, image_root: Path | None, max_image_mb: float
) -> None:
    """Write everything about one system.

    Args:
        out: the folder.
        title: of the report.
        system: what was found.
        rewards: reward parts of each sample's completion, or None.
        image_root: the folder that image paths start from, where the images are at hand.
        max_image_mb: bound on the images embedded in the page.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "metrics.json", system.to_dict())
    write_json(out / "counts.json", measured_counts(system).to_dict())
    draw_figures(out, [system])
    draw_samples(out / "samples.png", system, image_root)
    images = _images([system], image_root, max_image_mb)
    write_page(out / "report.html", title, [system], images=images, rewards=[rewards])
    write_whole(out / "report.md", write_report(system, title))


def measured_counts(system: Evaluation) -> SampleCounts:
    """Return the counts of each sample that the measures with intervals are made of, FMNERG's by coarse type, and the curves'."""
    sums = total(system.counts)
    by_type = [key for key in sums if key[0] == "per_coarse_type"] if has_fine_types(sums) else []
    curves = [key for key in sums if key[0] in ("iou_curve", "smner_curve")]
    keys = [*keys_of(measures_of(sums)), *by_type, *curves]
    rows = [{key: row[key] for key in keys if row.get(key)} for row in system.counts]
    return SampleCounts(gold_hash([sample.id for sample in system.samples]), rows)


def write_comparison(
    out: Path,
    title: str,
    systems: Sequence[Evaluation],
    rewards: Sequence[Rewards],
    differences: Mapping[str, Difference],
    *,
    image_root: Path | None,
    max_image_mb: float,
) -> None:
    """Write the page of two systems side by side, with its figures."""
    out.mkdir(parents=True, exist_ok=True)
    draw_figures(out, systems)
    images = _images(systems, image_root, max_image_mb)
    write_page(out / "report.html", title, systems, images=images, rewards=rewards, differences=differences)


def _images(systems: Sequence[Evaluation], image_root: Path | None, max_image_mb: float) -> Thumbnails:
    samples = systems[0].samples
    order = sorted(range(len(samples)), key=lambda index: all(system.is_right(index) for system in systems))
    return embed_images(samples, order, image_root, max_bytes=int(max_image_mb * 1e6))


def draw_figures(out: Path, systems: Sequence[Evaluation]) -> None:
    """Draw the figures that a paper would hold."""
    metrics = {system.name: system.metrics for system in systems}
    draw_scores(out / "scores.png", metrics)
    draw_iou_curve(out / "iou_curve.png", metrics)
    if len(systems) == 1:
        draw_confusion(out / "confusion.png", systems[0].confusion)
        if systems[0].judged_parts:
            draw_densities(out / "uncertainty.png", systems[0].judged_parts)


def draw_samples(path: Path, system: Evaluation, image_root: Path | None) -> None:
    """Draw the first samples that have an image; a blank of the right size stands in for a missing one."""
    panels = []
    for sample, row in zip(system.samples, system.rows, strict=True):
        if len(panels) == NUM_DRAWN or not sample.images or sample.images[0].width is None:
            continue
        picture = picture_or_blank(sample.images[0], image_root)
        panels.append(draw_sample(picture, row.gold, row.predicted))
    with whole_file(path) as partial:
        (tile(panels) if panels else Image.new("RGB", (8, 8), "white")).save(partial)


def picture_or_blank(image: ImageRef, image_root: Path | None) -> Image.Image:
    """Return a sample's image, or a blank of its proportions where it is not at hand or cannot be read."""
    try:
        if image_root is not None:
            return open_image(image_root, image.path)
    except (DataError, OSError):
        pass
    blank = Image.new("RGB", (1, 1), "#dddddd")
    return blank.resize((min(image.width or 1, MAX_BLANK_PX), min(image.height or 1, MAX_BLANK_PX)))
