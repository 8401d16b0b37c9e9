"""Tweets in blocks: a line `IMGID:ID`, then `token TAB tag [TAB fine tag]` a line, then a blank line; BIO tags."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.readers.reading import Reject


@dataclass(frozen=True, slots=True)
class Tweet:
    """One block. `tags` has one row of tags a column of the file."""

    line: int
    id: str
    tokens: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]


def iter_tweets(path: Path, num_tags: int, known: Sequence[Collection[str]]) -> Iterator[Tweet | Reject]:
    """Yield tweets as they come; a tweet with a line that cannot be used is rejected whole.

    Lines are split at LF and TAB alone: tokens may hold other Unicode white space.

    Args:
        path: of the file.
        num_tags: columns of tags behind the token.
        known: for each column, the tags that may stand there.
    """
    tweet_id, start, rows, fault = None, 0, [], None
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError as error:
                fault = fault or Reject(f"{path.name}:{number}", f"not UTF-8 ({error}). Convert the file.", "encoding")
                continue
            if line.startswith("IMGID:"):
                if tweet_id is not None or fault:
                    yield fault or _tweet(start, tweet_id, rows, num_tags)
                tweet_id, start, rows, fault = line.removeprefix("IMGID:").strip(), number, [], None
            elif line:
                cells = line.split("\t")
                is_row = len(cells) == num_tags + 1 and all(tag in tags for tag, tags in zip(cells[1:], known, strict=True))
                if tweet_id is None or not is_row:
                    wanted = " TAB ".join(["token", *["tag"] * num_tags])
                    reason = f"got {line[:80]!r}, expected {wanted!r} after an IMGID line, with a known tag. Correct the line."
                    fault = fault or Reject(f"{path.name}:{number} ({tweet_id})", reason, "broken line")
                    continue
                rows.append(cells)
    if tweet_id is not None or fault:
        yield fault or _tweet(start, tweet_id, rows, num_tags)


def _tweet(start: int, tweet_id: str, rows: Sequence[Sequence[str]], num_tags: int) -> Tweet:
    columns = tuple(zip(*rows, strict=True)) if rows else ((),) * (num_tags + 1)
    return Tweet(start, tweet_id, columns[0], columns[1:])


def bio_tags(labels: Collection[str]) -> frozenset[str]:
    """Return O and the B- and I- tags of labels."""
    return frozenset({"O"} | {f"{prefix}-{label}" for prefix in "BI" for label in labels})


def spans_of(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return [start, end) and type of each entity. An I- that continues nothing (v1 has a few) begins an entity.

    >>> spans_of(["B-PER", "I-PER", "O", "I-LOC"])
    [(0, 2, 'PER'), (3, 4, 'LOC')]
    """
    spans: list[tuple[int, int, str]] = []
    for index, tag in enumerate(tags):
        if tag == "O":
            continue
        prefix, _, label = tag.partition("-")
        if prefix == "I" and spans and spans[-1][1:] == (index, label):
            spans[-1] = (spans[-1][0], index + 1, label)
        else:
            spans.append((index, index + 1, label))
    return spans
