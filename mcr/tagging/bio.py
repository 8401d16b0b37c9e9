"""BIO tags: from the entities of a sample to a tag a word, and back. Words are what spaces part."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcr.records import Entity, Sample, collapse_space

OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class TaggedWords:
    """The words of a sentence with their tags.

    Attributes:
        words: of the sentence.
        tags: O, B-TYPE or I-TYPE, one a word.
        unplaced: texts of entities that do not begin and end with a word, or whose words another entity has: no tag stands for
            them.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    unplaced: tuple[str, ...] = ()


def words_of(sentence: str) -> tuple[str, ...]:
    """Return the words of a sentence. They are parted at spaces, tabs and line ends alone: a word may hold other white space.

    >>> words_of("Ann  Lee\\u00a0x\\n")
    ('Ann', 'Lee\\xa0x')
    """
    return tuple(word for word in sentence.replace("\t", " ").replace("\n", " ").replace("\r", " ").split(" ") if word)


def tag_sample(sample: Sample) -> TaggedWords:
    """Return the tags of a sample. An entity takes the first place of its words that no entity before it has.

    So the second of two mentions is tagged where the first one is none (15 of 16,772 entities of Twitter-GMNER).
    """
    words = words_of(sample.sentence)
    tags, unplaced = [OUTSIDE] * len(words), []
    for entity in sample.entities:
        wanted = words_of(entity.text)
        starts = range(len(words) - len(wanted) + 1)
        free = (at for at in starts if words[at : at + len(wanted)] == wanted and {*tags[at : at + len(wanted)]} == {OUTSIDE})
        start = next(free, None) if wanted else None
        if start is None:
            unplaced.append(entity.text)
            continue
        tags[start : start + len(wanted)] = [f"B-{entity.type}"] + [f"I-{entity.type}"] * (len(wanted) - 1)
    return TaggedWords(words, tuple(tags), tuple(unplaced))


def spans_of(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return [start, end) and type of each entity. An I- that continues nothing begins an entity.

    >>> spans_of(["B-PER", "I-PER", "O", "I-LOC"])
    [(0, 2, 'PER'), (3, 4, 'LOC')]
    """
    spans: list[tuple[int, int, str]] = []
    for index, tag in enumerate(tags):
        if tag == OUTSIDE:
            continue
        prefix, _, label = tag.partition("-")
        if prefix == "I" and spans and spans[-1][1:] == (index, label):
            spans[-1] = (spans[-1][0], index + 1, label)
        else:
            spans.append((index, index + 1, label))
    return spans


def entities_of(words: Sequence[str], tags: Sequence[str]) -> tuple[Entity, ...]:
    """Return the entities that tags say, without a place in the image; their texts have white space collapsed."""
    return tuple(Entity(collapse_space(" ".join(words[start:end])), label) for start, end, label in spans_of(tags))


def tags_of_types(types: Sequence[str]) -> tuple[str, ...]:
    """Return all tags of some types.

    >>> tags_of_types(["PER"])
    ('O', 'B-PER', 'I-PER')
    """
    return (OUTSIDE, *(f"{prefix}-{one}" for one in types for prefix in "BI"))
