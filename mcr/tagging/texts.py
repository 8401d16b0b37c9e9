"""What a tagger reads: the words of a sentence, the words of knowledge about it, and in training the tags."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcr.errors import DataError, raise_faults
from mcr.knowledge.known_texts import Knowledge
from mcr.records import Sample
from mcr.tagging.bio import OUTSIDE, TaggedWords, tag_sample, words_of


@dataclass(frozen=True, slots=True)
class TaggedText:
    """One sentence with one piece of knowledge.

    Attributes:
        id: of the sample.
        words: of the sentence.
        knowledge: its words; they carry no tag.
        tags: of the words; none where they are to be predicted.
    """

    id: str
    words: tuple[str, ...]
    knowledge: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingTexts:
    """Texts to train on.

    Attributes:
        texts: each sample once for each of its sources of knowledge, once where it has none (RiVEG's Mix).
        types: of their entities, sorted.
        unplaced: (sample id, entity text) of entities that no tag stands for.
    """

    texts: tuple[TaggedText, ...]
    types: tuple[str, ...]
    unplaced: tuple[tuple[str, str], ...]


def training_texts(samples: Sequence[Sample], knowledge: Mapping[str, Sequence[Knowledge]]) -> TrainingTexts:
    """Return the texts of samples, tagged.

    Args:
        samples: with their gold entities.
        knowledge: on the whole sample, by its id.

    Raises:
        DataError: no sample has an entity, so there is nothing to learn.
    """
    tagged = [(sample, tag_sample(sample)) for sample in samples if words_of(sample.sentence)]
    types = sorted({tag[2:] for _, one in tagged for tag in one.tags if tag != OUTSIDE})
    if not types:
        raise DataError("tagger: no training sample names an entity. Give samples with entities.")
    texts = tuple(text for sample, one in tagged for text in _texts_of(sample, one, knowledge))
    return TrainingTexts(texts, tuple(types), tuple((sample.id, text) for sample, one in tagged for text in one.unplaced))


def _texts_of(sample: Sample, tagged: TaggedWords, knowledge: Mapping[str, Sequence[Knowledge]]) -> Iterator[TaggedText]:
    for known in [words_of(one.text) for one in knowledge.get(sample.id, ())] or [()]:
        yield TaggedText(sample.id, tagged.words, known, tagged.tags)


def texts_to_tag(samples: Sequence[Sample], knowledge: Mapping[str, Sequence[Knowledge]]) -> list[TaggedText]:
    """Return the texts of samples without tags; a sample without words has none.

    Raises:
        DataError: lists the samples with knowledge of several sources: which one should be read?
    """
    faults = [
        f"sample {sample.id}: {', '.join(one.source for one in found)}"
        for sample in samples
        if len(found := knowledge.get(sample.id, ())) > 1
    ]
    raise_faults("knowledge: several sources speak of one sample. Use one source for dev and test", faults)
    return [
        TaggedText(sample.id, words, words_of(found[0].text) if (found := knowledge.get(sample.id, ())) else ())
        for sample in samples
        if (words := words_of(sample.sentence))
    ]
