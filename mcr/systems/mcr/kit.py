"""The parts that MCR's rows are made of: a platform has its own data, models and settings, the method is the same.

`sandbox_kit.py` and `twitter_kit.py` say what each part is on their platform; `methods.py` puts rows together from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mcr.systems.stages import PACKAGES, Stage

CONFIGS = PACKAGES / "recipes" / "configs" / "mcr"


@dataclass(frozen=True, slots=True)
class TrainingSets:
    """D1 and D2 of one way to write schemas.

    Attributes:
        d1: for MRSI.
        d2: for CVO.
        images: the folder that their image paths start from.
        image_folders: that hold the images.
        held_out: samples of the same kind to watch while a model trains.
        stages: that write them.
    """

    d1: Path
    d2: Path
    images: Path
    image_folders: tuple[Path, ...]
    held_out: Path
    stages: tuple[Stage, ...]


def made_sets(d1: Path, d2: Path, d2_share: float | None) -> list[Path]:
    """Return which of both sets there is."""
    return [d2] if d2_share == 1 else [d1] if d2_share == 0 else [d1, d2]


@dataclass(frozen=True, slots=True)
class Model:
    """A model to begin with or to evaluate.

    Attributes:
        path: of a saved model, or its name on the hub.
        stages: that make it; none for one of the hub.
        run: the folder of the training run that made it.
    """

    path: Path | str
    stages: tuple[Stage, ...] = ()
    run: Path | None = None

    def reads(self) -> tuple[Path, ...]:
        """Return what a stage that uses it reads."""
        return (self.path,) if isinstance(self.path, Path) else ()


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A model's evaluations: the stages, those of the model among them, and the folders by name."""

    stages: tuple[Stage, ...]
    folders: Mapping[str, Path] = field(default_factory=dict)


class Kit(Protocol):
    """What a platform offers. A variant is a name such as "mcr" or "single_style": of its folder, its stages and its configs."""

    @property
    def base(self) -> Model:
        """The model before any training."""
        ...

    @property
    def style(self) -> str:
        """The one style of the rows of a single style."""
        ...

    def schemas(self, variant: str, *flags: object, d2_share: float | None = None, source: str = "mix") -> TrainingSets:
        """Return the training sets of schemas.

        Args:
            variant: the name of the sets.
            flags: further flags of mcr write-schemas.
            d2_share: of D_R that is D2, of 0 and 1 one set alone; None: the usual one.
            source: of the samples: "mix", or "gmner" for GMNER's alone.
        """
        ...

    def sft(self, variant: str, sets: TrainingSets) -> Model:
        """Return the base model fine-tuned on D1."""
        ...

    def sft_again(self, variant: str, start: Model, sets: TrainingSets) -> Model:
        """Return a model that D2 fine-tunes further (w/o CVO)."""
        ...

    def cvo(self, variant: str, start: Model, sets: TrainingSets, *flags: object, is_filtered: bool = True) -> Model:
        """Return a model after CVO.

        Args:
            variant: the name of the run.
            start: what it begins with.
            sets: with the prompts.
            flags: further flags of recipes/grpo.py.
            is_filtered: on the prompts of D2 that the filter keeps, or on all of them.
        """
        ...

    def evaluate(self, variant: str, model: Model, *datasets: str, prompting: str = "") -> Evaluated:
        """Return the evaluations of a model on datasets by name: gmner, mner_mi, grec_testA, grec_testB.

        Args:
            variant: the name of the evaluation.
            model: to evaluate.
            datasets: their names.
            prompting: how a model that was not trained is asked; "" asks as in training.
        """
        ...

    def images(self) -> Path:
        """Return the folder of the GMNER images."""
        ...

    def test(self) -> Path:
        """Return the GMNER test samples."""
        ...
