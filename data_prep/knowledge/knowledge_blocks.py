"""Knowledge as RiVEG and PGIM publish it: blocks of `token TAB tag`, then `<EOS> TAB X`, then a word of knowledge a line, tag X.

A block may begin with a line `IMGID:ID`. Most files have none: then the k-th block belongs to the k-th sample.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.readers.packed import open_packed
from mcr.errors import DataError, raise_faults
from mcr.knowledge.known_texts import Knowledge
from mcr.records import Sample
from mcr.tagging.bio import words_of

END, KNOWLEDGE_TAG = "<EOS>", "X"
MAX_SHOWN = 60


@dataclass(slots=True)
class Block:
    """One tweet with its knowledge.

    Attributes:
        line: where it begins, from 1.
        id: of the tweet; "" where the file has none.
        tokens: of the sentence.
        knowledge: its words.
    """

    line: int
    id: str = ""
    tokens: list[str] = field(default_factory=list)
    knowledge: list[str] = field(default_factory=list)
    has_ended: bool = False

    def add(self, line: str) -> bool:
        """Add one line; return whether it is one of a block."""
        if line.startswith("IMGID:") and not self.tokens:
            self.id = line.removeprefix("IMGID:").strip()
            return True
        token, _, tag = line.rpartition("\t")
        if (token, tag) == (END, KNOWLEDGE_TAG) and not self.has_ended:
            self.has_ended = True
        elif self.has_ended:
            self.knowledge += [token] if token else []  # two spaces in the knowledge leave an empty word
        else:
            self.tokens.append(token)
        return (tag == KNOWLEDGE_TAG) == self.has_ended and bool(token or self.has_ended)


def iter_blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of a file.

    Raises:
        DataError: lists the lines that are in none of the forms.
    """
    block, faults = None, []
    with open_packed(path) as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise DataError(f"{path.name}:{number}: not UTF-8 ({error}). Convert the file.") from error
            if not line.strip(" \t"):
                if block is not None:
                    yield block
                block = None
                continue
            block = block or Block(number)
            if not block.add(line):
                faults.append(f"{path.name}:{number}: got {line[:MAX_SHOWN]!r}, expected TOKEN TAB TAG, after {END} with tag X")
    if block is not None:
        yield block
    raise_faults(f"knowledge of {path} cannot be read", faults)


def align_blocks(path: Path, samples: Sequence[Sample], source: str, *, missing_at_end: int = 0) -> list[Knowledge]:
    """Return the knowledge of a file for samples; a block without any is left out.

    Args:
        path: of the file.
        samples: of the same split: every block belongs to one, by its id or by its place.
        source: who wrote the knowledge.
        missing_at_end: how many of the last samples have no block.

    Raises:
        DataError: lists the blocks whose tokens are not their sample's words, or that belong to no sample; or their number is not
            that of the samples.
    """
    by_id = {sample.id: sample for sample in samples}
    records, faults, num = [], [], 0
    for num, block in enumerate(iter_blocks(path), start=1):
        sample = by_id.get(block.id) if block.id else samples[num - 1] if num <= len(samples) else None
        place = f"{path.name}:{block.line}"
        if sample is None:
            faults.append(f"{place}: block {num} belongs to no sample{f' ({block.id})' if block.id else ''}")
        elif tuple(block.tokens) != words_of(sample.sentence):
            told = f"{' '.join(block.tokens)[:MAX_SHOWN]!r}, expected {sample.sentence[:MAX_SHOWN]!r}"
            faults.append(f"{place}: block {num} has the tokens {told} (sample {sample.id})")
        elif block.knowledge:
            records.append(Knowledge(sample.id, " ".join(block.knowledge), source))
    if num != (wanted := len(samples) - missing_at_end):
        faults.append(f"{path.name}: holds {num} blocks, expected {wanted}, of {len(samples)} samples")
    raise_faults(f"{path} does not belong to these samples. Give the samples of its split, in the order of their files", faults)
    return records
