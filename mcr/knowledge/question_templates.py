"""What a language model is asked for knowledge: RiVEG's two templates (IV-B), quoted from the paper; the heads are ours."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcr.records import Sample

HEAD = (
    "Named entity recognition finds the names in a text and says of which type each is: person, location, organization or other."
)
AS_SHOWN = "Here are some examples, then a new text. Answer as the examples do."
# RiVEG IV-B 1 c.
REFINED = (
    "Text: {sentence}\n"
    "Image: {caption}\n"
    "Question: Comprehensively analyze the Text and the Image, which named entities and their corresponding types are included "
    "in the Text? Explain the reason for your judgment.\n"
    "Answer: {answer}"
)
# RiVEG IV-B 2.
EXPANSION = (
    "Background: {caption}\n"
    "Text: {sentence}\n"
    "Question: In the context of the provided information, tell me briefly what is the {entity} in the Text?\n"
    "Answer: {answer}"
)
NO_CAPTION = "not described"
FORMS = ("name", "expansion", "expression")  # of a phrase: RiVEG Table X's three text inputs


@dataclass(frozen=True, slots=True)
class AnnotatedSample:
    """An example: a sample with what a person wrote about it."""

    sample: Sample
    answer: str


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A fixed example of an expansion: the paper has one set for all questions."""

    caption: str
    sentence: str
    entity: str
    answer: str


DEMONSTRATIONS = (  # ours: the paper's are not published
    Demonstration(
        "A man in a red jersey dribbles past two defenders.",
        "What a game by LeBron James tonight !",
        "LeBron James",
        "a basketball player in a jersey",
    ),
    Demonstration(
        "A wide river with a bridge at dusk.",
        "Good evening from Budapest",
        "Budapest",
        "a city on a river",
    ),
    Demonstration(
        "A crowd holds up phones in front of a lit stage.",
        "Coldplay are back on the road",
        "Coldplay",
        "a band on a stage",
    ),
)


def caption_of(sample: Sample) -> str:
    """Return the first caption of a sample, or that there is none."""
    return sample.captions[0] if sample.captions else NO_CAPTION


def ask_for_knowledge(sample: Sample, examples: Sequence[AnnotatedSample]) -> str:
    """Return the request for refined knowledge of a sample: head, examples if any, the sample with its answer left open.

    Args:
        sample: that is asked about; its gold is not read.
        examples: the most similar one comes last, next to the question (our choice).
    """
    shown = [
        REFINED.format(sentence=one.sample.sentence, caption=caption_of(one.sample), answer=one.answer)
        for one in reversed(examples)
    ]
    asked = REFINED.format(sentence=sample.sentence, caption=caption_of(sample), answer="").rstrip()
    return "\n\n".join([f"{HEAD} {AS_SHOWN}" if shown else HEAD, *shown, asked])


def ask_for_expansion(sample: Sample, entity: str) -> str:
    """Return the request for an expansion expression: fixed demonstrations, then the entity with its answer left open."""
    shown = [
        EXPANSION.format(sentence=one.sentence, caption=one.caption, entity=one.entity, answer=one.answer)
        for one in DEMONSTRATIONS
    ]
    asked = EXPANSION.format(sentence=sample.sentence, caption=caption_of(sample), entity=entity, answer="").rstrip()
    return "\n\n".join([*shown, asked])


def expression_of(entity: str, type_: str, expansion: str) -> str:
    """Return a named entity referring expression: Named Entity (Entity Type) - Entity Expansion Expression (RiVEG IV-B 2).

    >>> expression_of("CP3", "PER", "a basketball player")
    'CP3 (PER) - a basketball player'
    """
    return f"{entity} ({type_}) - {expansion}" if expansion else f"{entity} ({type_})"
