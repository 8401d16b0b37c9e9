"""UnCo's Algorithm 1: what is above its threshold is corrected, span before type before region, each seeing the earlier ones."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from mcr.correction.correction_files import Correction
from mcr.correction.corrector_prompts import ALL, Doubted, PromptParts, write_corrector_prompt
from mcr.correction.corrector_replies import GENERATED, Outcome, read_correction, write_value
from mcr.errors import ConfigError
from mcr.families import FrameSettings
from mcr.io.images import open_image
from mcr.io.predictions import Prediction
from mcr.labels import LabelSet
from mcr.records import Entity, Sample
from mcr.rollouts import RolloutRequest
from mcr.uncertainties import PARTS, PartUncertainties, is_number

Ask = Callable[[Sequence[RolloutRequest]], list[str]]  # the reply to each request, "" for one that is refused
SEEING = ("type", "region", ALL)  # the span corrector reads the text alone (Fig. 7)
PAPER_THRESHOLDS: Mapping[str, float] = {"span": 0.4, "type": 0.3, "region": 0.5}  # on GMNER (UnCo 3.4)
MODES = ("hierarchical", "one_step", "direct")
AT_ONCE = 256  # questions whose images are in memory


@dataclass(frozen=True, slots=True)
class CorrectionOptions:
    """What is corrected, and how it is asked.

    Attributes:
        labels: that types are taken from.
        frame: how the model writes boxes.
        thresholds: by part, in [0, 1]: a part is asked about where its uncertainty is above (Algorithm 1); -1 asks about all.
        mode: of MODES: part by part; all parts of an entity at once (Table 3, without UHC); or part by part, whatever the
            uncertainty ("Direct Correction", Table 2).
        prompt: the parts of the prompts.

    Raises:
        ConfigError: an unknown mode or part, or a threshold outside [0, 1].
    """

    labels: LabelSet
    frame: FrameSettings
    thresholds: Mapping[str, float] = field(default_factory=lambda: PAPER_THRESHOLDS)
    mode: str = "hierarchical"
    prompt: PromptParts = field(default_factory=PromptParts)

    def __post_init__(self) -> None:
        wrong = {part: value for part, value in self.thresholds.items() if part not in PARTS or not -1 <= value <= 1}
        if self.mode not in MODES or wrong:
            raise ConfigError(
                f"correction: got mode {self.mode!r} and thresholds {dict(self.thresholds)}, expected one of {', '.join(MODES)} "
                f"and numbers in [0, 1], or -1 for all, for {', '.join(PARTS)}."
            )


@dataclass(frozen=True, slots=True)
class Corrected:
    """What correction made.

    Attributes:
        predictions: with corrected entities; the uncertainties are as they were.
        corrections: one a part that was asked about, in the order of asking.
        num_questions: requests; one asks about all parts of an entity in mode "one_step".
    """

    predictions: list[Prediction]
    corrections: list[Correction]
    num_questions: int

    def summary(self) -> dict[str, int]:
        """Return how many questions had each part and status."""
        return dict(Counter(f"{one.part} {one.status}" for one in self.corrections))


def correct(
    predictions: Sequence[Prediction], samples: Mapping[str, Sample], image_root: Path, ask: Ask, options: CorrectionOptions
) -> Corrected:
    """Return predictions with their uncertain parts corrected.

    Args:
        predictions: of any system; entities without an uncertainty are asked about in mode "direct" alone.
        samples: by id; their gold is not looked at.
        image_root: the folder that image paths start from.
        ask: the model.
        options: of the correction.
    """
    entities = {one.id: list(one.entities) for one in predictions}
    corrections: list[Correction] = []
    num_questions = 0
    for part in (ALL,) if options.mode == "one_step" else PARTS:
        asked = [
            (prediction.id, number, doubted)
            for prediction in predictions
            for number, entity in enumerate(entities[prediction.id])
            if (doubted := _doubt(prediction, number, entity, part, samples[prediction.id], options)) is not None
        ]
        num_questions += len(asked)
        replies = _replies([doubted for _, _, doubted in asked], part, image_root, ask, options)
        for (sample_id, number, doubted), reply in zip(asked, replies, strict=True):
            made = _corrections(sample_id, number, doubted, reply, options)
            entities[sample_id][number] = made[-1][1]
            corrections += [one for one, _ in made]
    done = [replace(one, entities=tuple(entities[one.id]), completion=None) for one in predictions]
    return Corrected(done, corrections, num_questions)


def _replies(asked: Sequence[Doubted], part: str, image_root: Path, ask: Ask, options: CorrectionOptions) -> list[str]:
    """Return the reply to each question; the images of a few questions at a time are in memory."""
    replies: list[str] = []
    with tqdm(total=len(asked), desc=f"correcting: {part}", unit="question", disable=not asked) as bar:
        for start in range(0, len(asked), AT_ONCE):
            batch = asked[start : start + AT_ONCE]
            replies += ask([_request(doubted, image_root, options) for doubted in batch])
            bar.update(len(batch))
    return replies


def replace_uncertain(
    predictions: Sequence[Prediction],
    generated: Sequence[Prediction],
    samples: Mapping[str, Sample],
    options: CorrectionOptions,
) -> Corrected:
    """Return predictions in which each sample with an uncertain part has a large model's own answer (UnCo Table 1).

    Args:
        predictions: of any system.
        generated: the large model's own, of these samples at least.
        samples: by id.
        options: whose thresholds are used.

    Raises:
        ConfigError: the large model has no answer to one of them.
    """
    answers = {one.id: one for one in generated}
    uncertain = [one for one in predictions if _is_uncertain(one, samples[one.id], options)]
    lacking = [one.id for one in uncertain if one.id not in answers]
    if lacking:
        raise ConfigError(
            f"generated: lacks {len(lacking)} of {len(uncertain)} uncertain samples, {lacking[0]} first. Make them."
        )
    ids = {one.id for one in uncertain}
    made = [Correction(one.id, 0, ALL, "", "", None, GENERATED) for one in uncertain]
    return Corrected([answers[one.id] if one.id in ids else one for one in predictions], made, len(made))


def _is_uncertain(prediction: Prediction, sample: Sample, options: CorrectionOptions) -> bool:
    return any(_exceeded(prediction, number, sample, options) for number in range(len(prediction.entities)))


def _exceeded(prediction: Prediction, number: int, sample: Sample, options: CorrectionOptions) -> list[str]:
    """Return the parts of an entity that are not sure enough; without an image its region is not asked about."""
    values = {part: uncertainty_of(prediction, number, part) for part in PARTS if part != "region" or _has_image(sample)}
    return [part for part, value in values.items() if value is not None and value > _threshold(part, options)]


def _has_image(sample: Sample) -> bool:
    return bool(sample.images) and not sample.images[0].is_missing


def uncertainty_of(prediction: Prediction, number: int, part: str) -> float | None:
    """Return the uncertainty of an entity's part in [0, 1]; of ALL the largest. One number an entity counts for every part."""
    if number >= len(prediction.uncertainties):
        return None
    given = prediction.uncertainties[number]
    if isinstance(given, PartUncertainties):
        values = [given.normalized(one) for one in (PARTS if part == ALL else (part,))]
        return max((value for value in values if value is not None), default=None)
    return float(given) if given is not None and is_number(given) else None


def _doubt(
    prediction: Prediction, number: int, entity: Entity, part: str, sample: Sample, options: CorrectionOptions
) -> Doubted | None:
    """Return what to ask about a part of an entity; None where it is sure enough."""
    if part == "region" and not _has_image(sample):
        return None
    value = uncertainty_of(prediction, number, part)
    if part == ALL:
        exceeded = _exceeded(prediction, number, sample, options)
        return Doubted(sample, entity, part, value, min(_threshold(one, options) for one in exceeded)) if exceeded else None
    threshold = _threshold(part, options)
    if options.mode == "direct" or (value is not None and value > threshold):
        return Doubted(sample, entity, part, value, threshold)
    return None


def _threshold(part: str, options: CorrectionOptions) -> float:
    return options.thresholds.get(part, 1.0)


def _request(doubted: Doubted, image_root: Path, options: CorrectionOptions) -> RolloutRequest:
    sees = doubted.part in SEEING and _has_image(doubted.sample)
    frame = options.frame.frame_of(doubted.sample) if sees else None
    prompt = write_corrector_prompt(doubted, options.prompt, options.labels, frame, sees=sees)
    images: list[Image.Image] = [open_image(image_root, doubted.sample.images[0].path)] if sees else []
    return RolloutRequest(doubted.sample.id, prompt, images)


def _corrections(
    sample_id: str, number: int, doubted: Doubted, reply: str, options: CorrectionOptions
) -> list[tuple[Correction, Entity]]:
    """Return each corrected part with the entity after it."""
    sees = doubted.part in SEEING and _has_image(doubted.sample)
    frame = options.frame.frame_of(doubted.sample) if sees else None
    entity, made = doubted.entity, []
    for part in doubted.parts:
        outcome: Outcome = read_correction(reply, part, doubted.sample, entity, options.labels, frame)
        before, entity = entity, outcome.entity
        row = Correction(
            sample_id,
            number,
            part,
            write_value(before, part),
            write_value(entity, part),
            doubted.uncertainty,
            outcome.status,
        )
        made.append((row, entity))
    return made
