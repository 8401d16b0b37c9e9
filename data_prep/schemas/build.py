"""One schema: facts, style, phrasing and answer format by seed, checked before it is given out."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from data_prep.schemas.ask import ASKED_STYLES
from data_prep.schemas.facts import Facts, collect_facts
from data_prep.schemas.styles import STYLES, Voice, visible_first, write_completion
from mcr.boxes import Frame
from mcr.errors import ConfigError, DataError
from mcr.formats.answers import ANSWER_FORMATS, ORDERS, fitting_formats, write_answer
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Entity, Sample
from mcr.tasks import Task
from rewards import RewardBreakdown, RewardOptions, score_completion


@dataclass(frozen=True, slots=True)
class SchemaOptions:
    """What may vary from schema to schema.

    Attributes:
        styles: which styles to write, of templates and of those that models are asked for.
        answer_formats: which formats answers may have.
        orders: which orders the three parts of an entity may have.
        num_phrasings: how many phrasings of each step are used, shortest first.
        shuffle_entities: write entities in any order rather than in the sentence's.
        all_boxes: write all gold boxes of an entity rather than the largest.
        shares: how often each style is drawn, relative to the others; empty: all alike.
        labels: the label set of gold, which answers are read back with.
    """

    styles: tuple[str, ...]
    answer_formats: tuple[str, ...] = tuple(ANSWER_FORMATS)
    orders: tuple[str, ...] = ORDERS
    num_phrasings: int = 3
    shuffle_entities: bool = True
    all_boxes: bool = False
    shares: tuple[float, ...] = ()
    labels: LabelSet = DEFAULT_LABELS

    def __post_init__(self) -> None:
        for name, known in (("styles", (*STYLES, *ASKED_STYLES)), ("answer_formats", tuple(ANSWER_FORMATS)), ("orders", ORDERS)):
            wrong = [value for value in getattr(self, name) if value not in known]
            if wrong or not getattr(self, name):
                raise ConfigError(f"{name}: got {getattr(self, name)}, expected some of {known}. Remove {wrong}.")
        if self.shares and (len(self.shares) != len(self.styles) or min(self.shares) <= 0):
            raise ConfigError(f"shares: got {self.shares}, expected one positive number for each of {self.styles}.")
        if self.num_phrasings < 1:
            raise ConfigError(f"num_phrasings: got {self.num_phrasings}, expected at least 1.")


@dataclass(frozen=True, slots=True)
class Schema:
    """A chain of reasoning in one style that ends in the gold answer, in the model's frame."""

    sample_id: str
    style: str
    completion: str


def check_per_sample(per_sample: int, options: SchemaOptions) -> None:
    """Raise ConfigError where more schemas a sample are wanted than there are styles."""
    if per_sample > len(options.styles):
        raise ConfigError(f"per_sample: got {per_sample}, expected 1 to {len(options.styles)}, the number of styles. Lower it.")


def draw_styles(options: SchemaOptions, per_sample: int, rng: Random) -> list[str]:
    """Draw `per_sample` different styles, in proportion to their shares."""
    styles, shares = list(options.styles), list(options.shares or [1.0] * len(options.styles))
    drawn = []
    for _ in range(per_sample):
        index = rng.choices(range(len(styles)), weights=shares)[0]
        drawn.append(styles.pop(index))
        shares.pop(index)
    return drawn


def make_schema(sample: Sample, style: str, frame: Frame | None, options: SchemaOptions, seed: int) -> Schema:
    """Return one checked schema, the same for the same sample, style, options and seed.

    Raises:
        DataError: in none of the answer formats and orders allowed does the answer earn a total of 1.0 when read back (text
            that looks like markup, for example). They are tried in an order drawn by seed.
    """
    rng = Random(f"{seed}/{sample.id}/{style}")
    facts = draw_facts(sample, frame, options, rng)
    gold = rounded_gold(sample.entities, frame)
    all_rules = (RewardOptions(labels=options.labels), RewardOptions(labels=options.labels, formats=tuple(ANSWER_FORMATS)))
    last: RewardBreakdown | None = None
    for answer_format, order in draw_forms(options, sample.task, rng):
        answer = write_answer(facts.entities, answer_format, order=order, task=sample.task)
        completion = write_completion(style, facts, Voice(rng, options.num_phrasings), answer)
        scores = [score_completion(completion, gold, frame=frame, task=sample.task, options=rules) for rules in all_rules]
        last = min(scores, key=lambda score: score.total)  # as other systems' answers are read, and as training reads
        if last.total == 1.0:
            return Schema(sample.id, style, completion)
    earned = f"last {last.total} ({'; '.join(last.problems) or 'read otherwise than written'})" if last else "none was tried"
    raise DataError(
        f"schema of sample {sample.id} in style {style}: in no format allowed does its answer earn 1.0, {earned}. Leave "
        "the sample out or correct its text."
    )


def draw_facts(sample: Sample, frame: Frame | None, options: SchemaOptions, rng: Random) -> Facts:
    """Return what a schema may say of a sample, its entities in an order drawn by `rng` unless the options fix it (MCR C.2)."""
    facts = collect_facts(sample, frame, all_boxes=options.all_boxes)
    if not options.shuffle_entities:
        return facts
    return facts.reordered(rng.sample(range(len(facts.entities)), len(facts.entities)))


def draw_forms(options: SchemaOptions, task: Task, rng: Random) -> list[tuple[str, str]]:
    """Return the (answer format, order of the parts) that are allowed, in an order drawn by `rng` (MCR C.2)."""
    formats = fitting_formats(options.answer_formats, task)
    forms = [(answer_format, order) for answer_format in formats for order in options.orders]
    return rng.sample(forms, len(forms))


def has_coinciding_routes(sample: Sample, frame: Frame | None) -> bool:
    """Whether nothing is known of the image that the image-first route could begin with."""
    return not visible_first(collect_facts(sample, frame), Voice(Random(0), 1))


def rounded_gold(entities: Sequence[Entity], frame: Frame | None) -> tuple[Entity, ...]:
    """Return gold in pixels, with every box rounded as the frame writes it."""
    return tuple(entity.in_frame(frame).to_px() for entity in entities)
