"""What the model writes: for each entity a mark, its words, a mark for the region, its type (UnCo 2.2).

A sequence is numbers. Special tokens come first: START, END, ENTITY, REGION, then one a type, then one a word of the sentence.
So a span is always in the sentence. "Differs:": the paper generates words of BART's vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mcr.errors import DataError
from mcr.pointer.entropies import EntitySteps
from mcr.records import Entity, Sample, collapse_space
from mcr.tagging.bio import OUTSIDE, tag_sample

START, END, ENTITY, REGION = range(4)
NUM_MARKS = 4


@dataclass(frozen=True, slots=True)
class Grammar:
    """Which number means what, and what may follow what.

    Attributes:
        types: in the order of their numbers.
    """

    types: tuple[str, ...]

    @property
    def num_special(self) -> int:
        """How many numbers come before the words."""
        return NUM_MARKS + len(self.types)

    def word(self, index: int) -> int:
        """Return the number of a word of the sentence."""
        return self.num_special + index

    def follow(self, written: Sequence[int], num_words: int) -> list[int]:
        """Return what may be written next; entities do not overlap and are in the order of the sentence.

        Args:
            written: so far, from START on.
            num_words: of the sentence.
        """
        last = written[-1]
        if last >= self.num_special:
            following = [last + 1] if last + 1 < self.word(num_words) else []
            return [*following, REGION]
        if last == ENTITY:
            return list(range(self._first_free(written), self.word(num_words)))
        if last == REGION:
            return list(range(NUM_MARKS, self.num_special))
        return [END, ENTITY] if last != END and self._first_free(written) < self.word(num_words) else [END]

    def _first_free(self, written: Sequence[int]) -> int:
        return max((number + 1 for number in written if number >= self.num_special), default=self.num_special)

    def write(self, spans: Sequence[tuple[int, int, str]]) -> list[int]:
        """Return the sequence of entities, from START to END.

        Args:
            spans: [start, end) over the words and the type of each, in the order of the sentence.
        """
        written = [START]
        for start, end, label in spans:
            written += [ENTITY, *map(self.word, range(start, end)), REGION, NUM_MARKS + self.types.index(label)]
        return [*written, END]

    def read(self, written: Sequence[int]) -> list[tuple[int, int, str, EntitySteps]]:
        """Return the entities of a sequence, each with the steps that write it; one that is not finished is left out.

        Step i writes `written[i + 1]`.
        """
        found = []
        for at, number in enumerate(written):
            if number != ENTITY:
                continue
            end = next((index for index in range(at + 1, len(written)) if written[index] < self.num_special), len(written))
            if end == at + 1 or end + 1 >= len(written) or written[end] != REGION:
                continue
            words, label = written[at + 1 : end], self.types[written[end + 1] - NUM_MARKS]
            steps = EntitySteps(tuple(range(at, end - 1)), end)
            found.append((words[0] - self.num_special, words[-1] - self.num_special + 1, label, steps))
        return found


@dataclass(frozen=True, slots=True)
class PlacedEntity:
    """An entity of a sample with its place among the words.

    Attributes:
        start: of its words.
        end: of its words, exclusive.
        entity: with its gold boxes.
    """

    start: int
    end: int
    entity: Entity


@dataclass(frozen=True, slots=True)
class PlacedSample:
    """A sample whose entities are runs of words.

    Attributes:
        words: of the sentence.
        placed: in the order of the sentence.
        unplaced: texts of entities that are no run of whole words, or whose words another entity has.
    """

    sample: Sample
    words: tuple[str, ...]
    placed: tuple[PlacedEntity, ...]
    unplaced: tuple[str, ...]


def place_entities(sample: Sample) -> PlacedSample:
    """Return a sample with the places of its entities."""
    tagged = tag_sample(sample)
    left, placed = list(sample.entities), []
    start = 0
    while start < len(tagged.tags):
        if tagged.tags[start] == OUTSIDE:
            start += 1
            continue
        end = start + 1
        while end < len(tagged.tags) and tagged.tags[end].startswith("I-"):
            end += 1
        text, label = collapse_space(" ".join(tagged.words[start:end])), tagged.tags[start][2:]
        entity = next(one for one in left if collapse_space(one.text) == text and one.type == label)
        left.remove(entity)
        placed.append(PlacedEntity(start, end, entity))
        start = end
    return PlacedSample(sample, tagged.words, tuple(placed), tagged.unplaced)


def types_of(samples: Sequence[PlacedSample]) -> tuple[str, ...]:
    """Return the types of placed entities, sorted.

    Raises:
        DataError: there is none, so there is nothing to learn.
    """
    types = sorted({one.entity.type for sample in samples for one in sample.placed})
    if not types:
        raise DataError("pointer: no training sample names an entity. Give samples with entities.")
    return tuple(types)
