"""What looks wrong in a predictions file although every line can be read; reported, never mended in silence."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mcr.formats import parse_completion
from mcr.io.checks.box_checks import check_boxes
from mcr.io.checks.suspicion import MAX_EXAMPLES, Pairs, Suspicion, suspect
from mcr.io.checks.text_checks import check_texts
from mcr.io.predictions import Prediction
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Entity, Sample, collapse_space

MAX_REASON_CHARS, MAX_PIECE_CHARS = 100, 200
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


def find_suspicions(
    samples: Sequence[Sample],
    predictions: Sequence[Prediction],
    labels: LabelSet = DEFAULT_LABELS,
    *,
    is_case_sensitive: bool = True,
) -> list[Suspicion]:
    """Return what looks wrong: boxes in another frame or none, texts, types, sentences written otherwise than gold's, keys.

    Args:
        samples: of gold.
        predictions: those for other samples are passed over.
        labels: by which types are compared.
        is_case_sensitive: whether texts are compared with their case.
    """
    by_id = {sample.id: sample for sample in samples}
    pairs = [(by_id[prediction.id], prediction) for prediction in predictions if prediction.id in by_id]
    return [
        *check_boxes(pairs),
        *check_texts(pairs, is_case_sensitive=is_case_sensitive),
        *_sentences(pairs),
        *_keys(pairs),
        *_pieces(pairs),
        *_empty_lists(pairs, labels),
        *_unread_completions(pairs, labels),
        *_types(samples, pairs, labels),
    ]


def _sentences(pairs: Pairs) -> list[Suspicion]:
    differing = [
        f"sample {sample.id}: {prediction.sentence[:60]!r}"
        for sample, prediction in pairs
        if prediction.sentence and collapse_space(prediction.sentence) != collapse_space(sample.sentence)
    ]
    what = (
        "prediction for another sentence than gold's: made on another version of the data? Give the gold that they were made for."
    )
    return suspect(what, differing)


def _keys(pairs: Pairs) -> list[Suspicion]:
    wrong = [f"{key} (sample {sample.id})" for sample, prediction in pairs for key in prediction.misspelled]
    return suspect("key that is not read and is like one that is: misspelled? Rename or remove it.", wrong)


def _pieces(pairs: Pairs) -> list[Suspicion]:
    """Return what of the completions was not read, or read with a doubt: one finding a reason, the most frequent first."""
    by_reason: dict[str, list[str]] = {}
    for sample, prediction in pairs:
        for problem in prediction.problems:
            reason = QUOTED.sub("...", problem.partition(": ")[0])[:MAX_REASON_CHARS]
            by_reason.setdefault(reason, []).append(f"{problem[:MAX_PIECE_CHARS]} (sample {sample.id})")
    reasons = sorted(by_reason, key=lambda reason: -len(by_reason[reason]))
    return [found for reason in reasons for found in suspect(f"piece of a completion: {reason}.", by_reason[reason])]


def _empty_lists(pairs: Pairs, labels: LabelSet) -> list[Suspicion]:
    """Return empty lists of boxes, but for those of a completion whose location could not be read."""
    empty = [
        f"{entity.text!r} (sample {sample.id})"
        for sample, prediction in pairs
        if sample.task.has_text and sample.task.has_location
        for entity in prediction.entities
        if entity.boxes == () and not _is_unreadable(sample, prediction, labels)
    ]
    what = "empty list of boxes, which means a place that could not be read. Write null for what is not in the image."
    return suspect(what, empty)


def _is_unreadable(sample: Sample, prediction: Prediction, labels: LabelSet) -> bool:
    """Whether a completion says why an entity has no readable box."""
    return bool(prediction.problems) or any(entity.boxes == () for entity in _read_again(sample, prediction, labels))


def _unread_completions(pairs: Pairs, labels: LabelSet) -> list[Suspicion]:
    """Return the completions that name entities although the list of entities beside them is empty."""
    unread = [
        f"{', '.join(repr(entity.text) for entity in found[:3])} (sample {sample.id})"
        for sample, prediction in pairs
        if not prediction.entities and prediction.is_readable and not prediction.problems
        if (found := _read_again(sample, prediction, labels))
    ]
    what = (
        "empty list of entities beside a completion that names some. The list counts: remove the key entities, and give --family "
        "or --frame, to have the completions read."
    )
    return suspect(what, unread)


def _read_again(sample: Sample, prediction: Prediction, labels: LabelSet) -> tuple[Entity, ...]:
    if prediction.completion is None:
        return ()
    labels = replace(labels)  # which knows the spellings of its labels again
    return parse_completion(prediction.completion, sample.task, labels=labels, sentence=sample.sentence).entities


def _types(samples: Sequence[Sample], pairs: Pairs, labels: LabelSet) -> list[Suspicion]:
    """Return the types that no gold entity has; all predictions of one are wrong."""
    gold = {labels.canonical(entity.type) for sample in samples for entity in sample.entities if sample.task.has_type}
    lowered = {label.lower() for label in gold}
    unknown: Counter[str] = Counter()
    otherwise: list[str] = []
    for sample, prediction in pairs:
        for entity in prediction.entities if sample.task.has_type else ():
            label = labels.canonical(entity.type)
            if label not in gold and label.lower() in lowered:
                otherwise.append(f"{entity.type!r} (sample {sample.id})")
            elif label not in gold and gold:
                unknown[entity.type] += 1
    examples = tuple(f"{label!r} {count} times" for label, count in unknown.most_common(MAX_EXAMPLES))
    known = ", ".join([*sorted(gold)[:MAX_EXAMPLES], *(["..."] if len(gold) > MAX_EXAMPLES else [])])
    what = (
        f"type that no entity of gold has; gold has {known}. "
        "If it is another spelling, write gold's, or make it an alias in a label set (--labels FILE.yaml)."
    )
    return [
        *suspect("type that gold writes in other letters. Types are compared as they are written; write gold's.", otherwise),
        *([Suspicion(what, unknown.total(), examples)] if unknown else []),
    ]
