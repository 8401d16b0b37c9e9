"""Text with names and without images, for VKEL's synthetic pairs: FIGER's form, CoNLL's, and samples; coarse types of FMNERG."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_prep.readers.packed import open_packed
from mcr.errors import DataError, raise_faults
from mcr.io.samples import iter_json_lines, load_samples
from mcr.knowledge.appearance_templates import coarse_type
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity, Sample
from mcr.tagging.bio import spans_of
from mcr.tasks import MNER

DATASET = "synthetic"
DOCUMENT = "-DOCSTART-"  # a line of CoNLL-2003 that begins a document
# FIGER's types by their first part, to FMNERG's coarse types (our table: the paper says that it maps, not how).
FIGER_COARSE: Mapping[str, str] = {
    "person": "person",
    "location": "location",
    "geography": "location",
    "park": "location",
    "transportation": "location",
    "building": "building",
    "organization": "organization",
    "government": "organization",
    "government_agency": "organization",
    "news_agency": "organization",
    "newspaper": "organization",
    "broadcast": "organization",
    "broadcast_network": "organization",
    "product": "product",
    "game": "product",
    "software": "product",
    "train": "product",
    "art": "art",
    "music": "art",
    "play": "art",
    "written_work": "art",
    "broadcast_program": "art",
    "event": "event",
    "military": "organization",
}


def read_figer(path: Path) -> Iterator[Sample]:
    """Yield the sentences of a file in FIGER's form, `{"tokens", "mentions": [{"start", "end", "labels"}]}` a line.

    Of a mention's labels, such as /person/actor, the first part of the first one decides.

    Raises:
        DataError: lists the lines that are not of this form.
    """
    faults: list[str] = []
    for number, row in iter_json_lines(path):
        try:
            yield _figer_sample(row, number)
        except (DataError, KeyError, TypeError, IndexError, AttributeError) as error:
            faults.append(f"{path.name}:{number}: {type(error).__name__} {error}")
    raise_faults(f"{len(faults)} lines of {path} are not of FIGER's form", faults)


def _figer_sample(row: Any, number: int) -> Sample:
    if isinstance(row, DataError):
        raise row
    tokens = [str(token) for token in row["tokens"]]
    entities = [
        Entity(" ".join(tokens[mention["start"] : mention["end"]]), _figer_type(mention["labels"])) for mention in row["mentions"]
    ]
    return Sample(f"figer-{number:06d}", DATASET, MNER, " ".join(tokens), (), tuple(dict.fromkeys(entities)))


def _figer_type(labels: Sequence[str]) -> str:
    return FIGER_COARSE.get(labels[0].strip("/").split("/")[0], "other")


def read_texts(path: Path) -> Iterator[Sample]:
    """Yield the samples of samples.jsonl with their types mapped to FMNERG's coarse ones, without images."""
    for sample in load_samples(path):
        entities = tuple(Entity(one.text, coarse_type(one.type, DEFAULT_LABELS)) for one in sample.entities)
        yield Sample(sample.id, DATASET, MNER, sample.sentence, (), entities)


def read_conll(path: Path) -> Iterator[Sample]:
    """Yield the sentences of a file in CoNLL-2003's form: a token a line, its tag last, sentences divided by blank lines.

    Tags are B-, I- and O; an entity may begin with I- (IOB1). Sentences are conll-000001, conll-000002 and so on.

    Raises:
        DataError: lists the lines that are not of this form.
    """
    rows: list[tuple[str, str]] = []
    sentences, faults = [], []
    with open_packed(path) as file:
        for number, raw in enumerate(file, start=1):
            parts = raw.decode("utf-8-sig" if number == 1 else "utf-8", "replace").split()
            if not parts or parts[0] == DOCUMENT:
                sentences.append(rows)
                rows = []
            elif len(parts) < 2 or not (parts[-1] == "O" or parts[-1][:2] in ("B-", "I-")):
                faults.append(f"{path.name}:{number}: expected a token and, last, a tag O, B-TYPE or I-TYPE")
            else:
                rows.append((parts[0], parts[-1]))
    raise_faults(f"{len(faults)} lines of {path} are not of CoNLL's form", faults)
    for number, one in enumerate((one for one in (*sentences, rows) if one), start=1):
        yield _conll_sample(one, number)


def _conll_sample(rows: Sequence[tuple[str, str]], number: int) -> Sample:
    words, tags = [word for word, _ in rows], [tag for _, tag in rows]
    before = ["O", *tags]
    begun = [f"B-{tag[2:]}" if tag[0] == "I" and before[at][2:] != tag[2:] else tag for at, tag in enumerate(tags)]
    entities = [Entity(" ".join(words[start:end]), coarse_type(label, DEFAULT_LABELS)) for start, end, label in spans_of(begun)]
    return Sample(f"conll-{number:06d}", DATASET, MNER, " ".join(words), (), tuple(dict.fromkeys(entities)))
