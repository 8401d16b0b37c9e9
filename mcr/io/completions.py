"""Predictions files that hold completions alone: `{"id", "completion"}`, read by the same parser as a model's answers.

A completion writes boxes in its model's frame. `--family` or `--frame` says which; boxes in pixels of the original image are
`--frame pixels`.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from mcr.boxes import FRAMES
from mcr.errors import ConfigError, DataError, raise_faults
from mcr.families import FAMILIES, FrameSettings, frame_settings
from mcr.io.predictions import Prediction, RawCompletion, check_ids, load_lines, predict_from_completion
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Sample

PIXELS: Literal["pixels"] = "pixels"
FRAME_CHOICES = (PIXELS, *FRAMES)


@dataclass(frozen=True, slots=True)
class CompletionForm:
    """How the completions of a file are written.

    Attributes:
        boxes: the frame of their boxes, pixels for those of the original image; None: not stated.
        labels: that were asked for.
    """

    boxes: FrameSettings | Literal["pixels"] | None = None
    labels: LabelSet = DEFAULT_LABELS

    def read(self, sample: Sample, line: RawCompletion) -> Prediction:
        """Return the prediction of a completion.

        Raises:
            DataError: it has boxes, and they cannot be converted because the size of the sample's image is not known.
        """
        frame = self.boxes.frame_of(sample) if isinstance(self.boxes, FrameSettings) else None
        prediction = predict_from_completion(sample, line.text, frame, self.labels)
        if isinstance(self.boxes, FrameSettings) and frame is None and any(entity.boxes for entity in prediction.entities):
            raise DataError(
                f"sample {sample.id}: gold does not say the size of its image. Add images: "
                '[{"path", "width", "height"}] to gold, or give --frame pixels if boxes are in pixels.'
            )
        return prediction


NOT_STATED = CompletionForm()


@dataclass
class FrameFlags:
    """How completions write boxes, for predictions files that hold completions alone."""

    frame: str = field(
        default="",
        metadata={"help": f"that completions without entities write boxes in: {', '.join(FRAME_CHOICES)}; or --family"},
    )
    min_pixels: int = field(default=0, metadata={"help": "of the processor, for absolute boxes (0: the family's)"})
    max_pixels: int = field(default=0, metadata={"help": "likewise"})

    def __post_init__(self) -> None:
        if self.frame and self.frame not in FRAME_CHOICES:
            raise ConfigError(f"frame: got {self.frame!r}, expected one of {', '.join(FRAME_CHOICES)}, or --family.")

    def form(self, family: str | None, labels: LabelSet) -> CompletionForm:
        """Return how completions are written.

        Args:
            family: of the model that wrote them, where it is given instead of a frame.
            labels: that were asked for.

        Raises:
            ConfigError: a frame and a family, a family that is not known, or bounds of pixels without absolute boxes.
        """
        if self.frame and family:
            raise ConfigError(f"frame: got --frame {self.frame} and --family {family}, expected one of them. Leave one out.")
        boxes = PIXELS if self.frame == PIXELS else FrameSettings(self.frame) if self.frame else None
        boxes = frame_settings(family) if family else boxes
        bounds = {name: value for name in ("min_pixels", "max_pixels") if (value := getattr(self, name))}
        if bounds and not (isinstance(boxes, FrameSettings) and boxes.kind == "absolute"):
            raise ConfigError("frame: min_pixels and max_pixels are of absolute boxes. Give --frame absolute or such a family.")
        return CompletionForm(replace(boxes, **bounds) if isinstance(boxes, FrameSettings) else boxes, labels)


def add_frame_flags(parser: ArgumentParser) -> None:
    """Give a command line the flags that say how completions write boxes."""
    parser.add_argument("--family", choices=list(FAMILIES), help="of the model whose completions the predictions file holds")
    for one in fields(FrameFlags):
        parser.add_argument(f"--{one.name}", type=type(one.default), default=one.default, help=one.metadata["help"])


def read_frame_flags(args: Namespace, labels: LabelSet) -> CompletionForm:
    """Return how completions are written by a parsed command line."""
    return FrameFlags(**{one.name: getattr(args, one.name) for one in fields(FrameFlags)}).form(args.family, labels)


def read_predictions(path: str | Path, samples: Sequence[Sample], form: CompletionForm = NOT_STATED) -> list[Prediction]:
    """Return all predictions of a file for the samples of gold; see `read_prediction_files`."""
    return read_prediction_files([path], samples, form)[0]


def read_prediction_files(
    paths: Sequence[str | Path], samples: Sequence[Sample], form: CompletionForm = NOT_STATED
) -> list[list[Prediction]]:
    """Return all predictions of each file for the samples of gold; completions without entities are read by the parser.

    Args:
        paths: of predictions.jsonl, plain or gzip.
        samples: of gold.
        form: of completions without entities, in all files alike.

    Raises:
        DataError: lists every line that cannot be used, every id that gold does not have, completions whose form is not stated,
            and completions with boxes for samples whose image's size is not known.
        ConfigError: a frame of boxes for files whose lines all have entities, which are in pixels.
    """
    by_id = {sample.id: sample for sample in samples}
    files = [load_lines(path) for path in paths]
    lines = [line for of_file in files for line in of_file]
    if form.boxes is not None and lines and not any(isinstance(line, RawCompletion) for line in lines):
        raise ConfigError(
            f"frame: each line of {' and '.join(map(str, paths))} has entities, and their boxes are in pixels of the image. "
            "Leave --frame and --family out; or remove the key entities, to have the completions read."
        )
    return [_read_lines(path, lines, by_id, form) for path, lines in zip(paths, files, strict=True)]


def _read_lines(
    path: str | Path, lines: Sequence[Prediction | RawCompletion], by_id: Mapping[str, Sample], form: CompletionForm
) -> list[Prediction]:
    check_ids(list(by_id), [line.id for line in lines])
    if form.boxes is None:
        faults = [f"sample {one.id}" for one in lines if isinstance(one, RawCompletion) and by_id[one.id].task.has_location]
        advice = f"Give --family, or --frame {'|'.join(FRAME_CHOICES)}, which says how boxes are written"
        raise_faults(f"{len(faults)} lines of {path} hold a completion without entities. {advice}", faults)
    predictions, faults = [], []
    for line in lines:
        try:
            predictions.append(form.read(by_id[line.id], line) if isinstance(line, RawCompletion) else line)
        except DataError as error:
            faults.append(str(error))
    raise_faults(f"{len(faults)} completions of {path} have boxes that cannot be converted to pixels", faults)
    return predictions
