"""What a predictor is, and what a system is: one published method in one folder of `mcr/systems`.

A system imports no other system and none of `data_prep`, `rewards` and `recipes`: those read what it registers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mcr.io.predictions import Prediction
from mcr.records import Sample
from mcr.systems.stages import Plan
from mcr.systems.styles import AskedStyle, TemplateStyle
from mcr.systems.tables import Table


class Predictor(Protocol):
    """Anything that answers samples: a model, an endpoint, a predictions file, a whole system.

    `mcr.rollouts.resumable` writes its predictions as they come, so that a stopped run resumes, and shows the progress.
    """

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample, in the order of the samples, boxes in original pixels.

        A predictor that reads a file leaves out the samples that the file lacks. An answer that cannot be read is a prediction
        with `is_readable` False, not an error.
        """
        ...


class TargetTransform(Protocol):
    """Changes the completions of a training set, anew each epoch.

    Attributes:
        epoch: set before each epoch, before its data loader starts its workers.
    """

    epoch: int

    def __call__(self, row: Mapping[str, Any]) -> str:
        """Return the completion of a row with columns sample_id, style, gold, frame, completion."""
        ...


class TransformArguments(Protocol):
    """A dataclass whose fields are flags of recipes/sft.py; their names begin with the transform's, so that none clash."""

    def make_transform(self, seed: int) -> TargetTransform | None:
        """Return the transform, None where its flags leave it off."""
        ...


@dataclass(frozen=True, slots=True)
class PredictorInputs:
    """What recipes/evaluate.py hands to a system's predictor.

    Attributes:
        model_name_or_path: a saved model, where one was given.
        image_root: the folder that image paths start from, where one was given.
        train_samples: samples.jsonl of the training split, where one was given.
        seed: of everything random.
        output_dir: where it may keep what its stages make; a resumed run finds it there.
        settings: an instance of `System.predictor_settings`, where the system has any.
    """

    model_name_or_path: str | None = None
    image_root: Path | None = None
    train_samples: Path | None = None
    seed: int = 0
    output_dir: Path | None = None
    settings: Any = None


@dataclass(frozen=True, slots=True)
class System:
    """What a system registers: the constant SYSTEM of its package. Only the first four are needed.

    Attributes:
        name: of its folder, as flags spell it.
        title: as people read it.
        paper: where it was published.
        configs: the folder of its YAML files, one for each run.
        template_styles: styles of reasoning written by templates, by name.
        asked_styles: styles of reasoning that a model is asked for, by name.
        answer_formats: the formats of mcr.formats that its answers are written in, preferred first.
        transforms: the flags of its target transforms for recipes/sft.py.
        make_predictor: builds its predictor, where it is more than a trained model and its prompt.
        predictor_settings: the flags of its predictor for recipes/evaluate.py, a dataclass; their names begin with the system's,
            so that none clash.
        demo: returns the stages of its demo in the sandbox, for (output folder, seed, is_small).
        tables: the tables and figures of its paper for recipes/reproduce.py, by name.
    """

    name: str
    title: str
    paper: str
    configs: Path
    template_styles: Mapping[str, TemplateStyle] = field(default_factory=dict)
    asked_styles: Mapping[str, AskedStyle] = field(default_factory=dict)
    answer_formats: tuple[str, ...] = ()
    transforms: tuple[type[TransformArguments], ...] = ()
    make_predictor: Callable[[PredictorInputs], Predictor] | None = None
    predictor_settings: type | None = None
    demo: Callable[[Path, int, bool], Plan] | None = None
    tables: Mapping[str, Table] = field(default_factory=dict)
