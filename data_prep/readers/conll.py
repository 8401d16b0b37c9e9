"""Tweets in blocks: a line `IMGID:ID`, then `token TAB tag [TAB fine tag]` a line, then a blank line; BIO tags."""

from codecs import BOM_UTF8
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.readers.packed import open_packed
from data_prep.readers.reading import Reject
from mcr.tagging.bio import spans_of


@dataclass(frozen=True, slots=True)
class Tweet:
    """One block. `tags` has one row of tags a column of the file."""

    line: int
    id: str
    tokens: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class _Block:
    """Lines up to the next IMGID; one after a blank line belongs to nobody for sure, so the tweet before it is not taken."""

    line: int
    id: str | None
    rows: list[list[str]] = field(default_factory=list)
    fault: Reject | None = None
    is_closed: bool = False

    def tweet(self, file_name: str) -> Tweet | Reject:
        """Return the tweet, or why it cannot be used."""
        if self.fault is not None:
            return self.fault
        if not self.rows:
            return Reject(f"{file_name}:{self.line} ({self.id})", "row: holds no token. Complete or remove the tweet.", "row")
        columns = tuple(zip(*self.rows, strict=True))
        return Tweet(self.line, self.id or "", columns[0], columns[1:])


def iter_tweets(path: Path, known: Sequence[Collection[str]]) -> Iterator[Tweet | Reject]:
    """Yield tweets as they come; a tweet with a line that cannot be used is rejected whole.

    Lines are split at LF and TAB alone: tokens may hold other Unicode white space.

    Args:
        path: of the file.
        known: for each column behind the token, the tags that may stand there.
    """
    block = None
    with open_packed(path) as file:
        for number, raw in enumerate(file, start=1):
            if number == 1:
                raw = raw.removeprefix(BOM_UTF8)
            is_blank, is_head = not raw.rstrip(b"\r\n"), raw.startswith(b"IMGID:")
            if is_head and block is not None:
                yield block.tweet(path.name)
                block = None
            if is_blank:
                if block is not None:
                    block.is_closed = bool(block.rows)
                continue
            block = block or _Block(number, None)
            _add_line(block, raw, path.name, number, known)
    if block is not None:
        yield block.tweet(path.name)


def _add_line(block: _Block, raw: bytes, file_name: str, number: int, known: Sequence[Collection[str]]) -> None:
    """Add one line to its block; the first that cannot be used is the block's fault."""
    try:
        line = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        block.fault = block.fault or Reject(f"{file_name}:{number}", f"not UTF-8 ({error}). Convert the file.", "encoding")
        return
    if line.startswith("IMGID:"):
        block.id = line.removeprefix("IMGID:").strip()
        return
    cells = line.split("\t")
    is_row = len(cells) == len(known) + 1 and all(tag in tags for tag, tags in zip(cells[1:], known, strict=True))
    if block.id is None or block.is_closed or not is_row:
        wanted = " TAB ".join(["token", *["tag"] * len(known)])
        reason = f"got {line[:80]!r}, expected {wanted!r} in one block after an IMGID line, with a known tag. Correct it."
        block.fault = block.fault or Reject(f"{file_name}:{number} ({block.id})", reason, "broken line")
        return
    block.rows.append(cells)


def bio_tags(labels: Collection[str]) -> frozenset[str]:
    """Return O and the B- and I- tags of labels."""
    return frozenset({"O"} | {f"{prefix}-{label}" for prefix in "BI" for label in labels})


def num_orphans(tags: Sequence[str]) -> int:
    """Return how many entities begin with an I- for want of a B-.

    >>> num_orphans(["B-PER", "I-PER", "O", "I-LOC"])
    1
    """
    return sum(tags[start].startswith("I") for start, _, _ in spans_of(tags))
