"""What looks wrong in a predictions file although every line can be read; told in the report, never mended in silence."""

import html
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mcr.boxes import is_empty_box
from mcr.io.predictions import Prediction
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Sample, collapse_space

MAX_EXAMPLES = 5
MAX_REASON_CHARS, MAX_PIECE_CHARS = 100, 200
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\\d+")
MIN_BOXES = 5
MANY, FEW = 0.2, 0.01
MAX_SHARE = 1.5  # pixels: no real box is as small, and shares of an image may lie a little outside it


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One kind of finding.

    Attributes:
        what: a sentence that says what was found and what to do.
        count: how often.
        examples: a few of them.
    """

    what: str
    count: int
    examples: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the form in metrics.json."""
        return asdict(self)

    def in_words(self) -> str:
        """Return it on one line."""
        return f"{self.count} x {self.what} For example: {'; '.join(self.examples)}."


def find_suspicions(
    samples: Sequence[Sample], predictions: Sequence[Prediction], labels: LabelSet = DEFAULT_LABELS
) -> list[Suspicion]:
    """Return what looks wrong: boxes in another frame or none, texts, types, sentences written otherwise than gold's, keys."""
    by_id = {sample.id: sample for sample in samples}
    pairs = [(by_id[prediction.id], prediction) for prediction in predictions if prediction.id in by_id]
    found = [
        *_frames(pairs),
        *_texts(pairs),
        _sentences(pairs),
        _keys(pairs),
        *_pieces(pairs),
        *_broken_boxes(pairs),
        _empty_boxes(pairs),
        _empty_lists(pairs),
        _types(pairs, labels),
    ]
    return [suspicion for suspicion in found if suspicion is not None]


def _make(what: str, examples: Sequence[str]) -> Suspicion | None:
    return Suspicion(what, len(examples), tuple(examples[:MAX_EXAMPLES])) if examples else None


def _frames(pairs: Sequence[tuple[Sample, Prediction]]) -> list[Suspicion | None]:
    boxes = [
        (sample, box)
        for sample, prediction in pairs
        for entity in prediction.entities
        for box in entity.boxes or ()
        if sample.images and sample.images[0].width is not None and all(map(math.isfinite, box))
    ]
    if len(boxes) < MIN_BOXES:
        return []
    texts = [f"{[round(v, 3) for v in box]} in {s.images[0].width}x{s.images[0].height} (sample {s.id})" for s, box in boxes]
    small = [text for text, (_, box) in zip(texts, boxes, strict=True) if max(map(abs, box)) <= MAX_SHARE]
    if len(small) > MANY * len(boxes):
        return [_make("box with no coordinate above 1: parts of the image, not pixels? Multiply by width and height.", small)]
    outside = [text for text, (sample, box) in zip(texts, boxes, strict=True) if _is_outside(sample, box)]
    num_larger = sum(max(box) > 1000 for _, box in boxes)
    if num_larger <= FEW * len(boxes) and len(outside) > MANY * len(boxes):
        return [_make("box outside its image, hardly any beyond 1000: thousandths, not pixels? Convert them.", outside)]
    return [_make("box outside its image; it is scored as it is.", outside)]


def _is_outside(sample: Sample, box: Sequence[float]) -> bool:
    width, height = sample.images[0].width or math.inf, sample.images[0].height or math.inf
    return box[2] > width + 1 or box[3] > height + 1 or min(box) < -1


def _texts(pairs: Sequence[tuple[Sample, Prediction]]) -> list[Suspicion | None]:
    escaped, composed = [], []
    for sample, prediction in pairs:
        sentence = collapse_space(sample.sentence)
        for entity in prediction.entities:
            text = collapse_space(entity.text)
            if text in sentence:
                continue
            if _is_composed_otherwise(text, sentence):
                composed.append(f"{entity.text!r} (sample {sample.id})")
            elif _is_unescaped(text, sentence):
                escaped.append(f"{entity.text!r} (sample {sample.id})")
    return [
        _make("text that stands in the sentence once HTML is unescaped on both: give texts as the sentence has them.", escaped),
        _make(
            "text that stands in the sentence once Unicode is composed alike (NFC): give texts as the sentence has them.",
            composed,
        ),
    ]


def _is_composed_otherwise(text: str, sentence: str) -> bool:
    return bool(text) and unicodedata.normalize("NFC", text) in unicodedata.normalize("NFC", sentence)


def _is_unescaped(text: str, sentence: str) -> bool:
    plain, whole = _plain(text), _plain(sentence)
    is_escaped = plain != _squeezed(text) or whole != _squeezed(sentence)
    return is_escaped and bool(plain) and plain in whole


def _plain(text: str) -> str:
    """Return text unescaped, without any white space: published tweets hold `&amp` and `;` as two tokens."""
    return _squeezed(html.unescape(_squeezed(text)))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _sentences(pairs: Sequence[tuple[Sample, Prediction]]) -> Suspicion | None:
    differing = [
        f"sample {sample.id}: {prediction.sentence[:60]!r}"
        for sample, prediction in pairs
        if prediction.sentence and collapse_space(prediction.sentence) != collapse_space(sample.sentence)
    ]
    return _make("prediction for another sentence than gold's: made on another version of the data?", differing)


def _keys(pairs: Sequence[tuple[Sample, Prediction]]) -> Suspicion | None:
    wrong = [f"{key} (sample {sample.id})" for sample, prediction in pairs for key in prediction.misspelled]
    return _make("key that is not read and is like one that is: misspelled? Rename or remove it.", wrong)


def _pieces(pairs: Sequence[tuple[Sample, Prediction]]) -> list[Suspicion | None]:
    """Return what of the completions was not read, or read with a doubt: one finding a reason, the most frequent first."""
    by_reason: dict[str, list[str]] = {}
    for sample, prediction in pairs:
        for problem in prediction.problems:
            reason = QUOTED.sub("...", problem.partition(": ")[0])[:MAX_REASON_CHARS]
            by_reason.setdefault(reason, []).append(f"{problem[:MAX_PIECE_CHARS]} (sample {sample.id})")
    reasons = sorted(by_reason, key=lambda reason: -len(by_reason[reason]))
    return [_make(f"piece of a completion: {reason}.", by_reason[reason]) for reason in reasons]


def _empty_boxes(pairs: Sequence[tuple[Sample, Prediction]]) -> Suspicion | None:
    empty = [
        f"{entity.text!r} (sample {sample.id})"
        for sample, prediction in pairs
        for entity in prediction.entities
        if is_empty_box(entity.boxes)
    ]
    return _make("empty box, [0, 0, 0, 0] or the like, which counts as None; with --empty_boxes wrong, as a wrong box.", empty)


def _broken_boxes(pairs: Sequence[tuple[Sample, Prediction]]) -> list[Suspicion | None]:
    boxes = [
        (f"{list(box)} (sample {sample.id})", box)
        for sample, prediction in pairs
        for entity in prediction.entities
        for box in entity.boxes or ()
        if not is_empty_box(entity.boxes)
    ]
    endless = [text for text, box in boxes if not all(map(math.isfinite, box))]
    flat = [text for text, box in boxes if all(map(math.isfinite, box)) and not (box[0] < box[2] and box[1] < box[3])]
    return [
        _make("box with a number that is not finite. Its IoU is 0.", endless),
        _make("box without an area: corners swapped, or [x, y, width, height] instead of corners? Its IoU is 0.", flat),
    ]


def _empty_lists(pairs: Sequence[tuple[Sample, Prediction]]) -> Suspicion | None:
    empty = [
        f"{entity.text!r} (sample {sample.id})"
        for sample, prediction in pairs
        if sample.task.has_text and sample.task.has_location and prediction.completion is None
        for entity in prediction.entities
        if entity.boxes == ()
    ]
    return _make(
        "empty list of boxes, which means a place that could not be read. Write null for what is not in the image.", empty
    )


def _types(pairs: Sequence[tuple[Sample, Prediction]], labels: LabelSet) -> Suspicion | None:
    gold = {labels.canonical(entity.type) for sample, _ in pairs for entity in sample.entities}
    lowered = {label.lower() for label in gold}
    otherwise = [
        f"{entity.type!r} (sample {sample.id})"
        for sample, prediction in pairs
        for entity in prediction.entities
        if (label := labels.canonical(entity.type)) not in gold and label.lower() in lowered
    ]
    return _make("type that gold writes in other letters. Types are compared as they are written.", otherwise)
