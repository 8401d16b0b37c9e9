"""Scores on held-out samples while a run trains: what loss and rewards do not show, GMNER F1 and the two biases."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from transformers import Trainer, TrainerCallback
from trl.models.utils import unwrap_model_for_generation

from mcr.errors import ConfigError
from mcr.io.images import check_images, given_sizes, open_image
from mcr.io.predictions import Prediction
from mcr.io.samples import load_samples
from mcr.metrics.evaluate import evaluate
from mcr.models.image_rules import fits_processor
from mcr.prompts.baselines import Prompter
from mcr.records import Sample
from mcr.report.figures import draw_sample, tile
from mcr.rollouts import SamplingSettings
from mcr.rollouts.predictors import SamplerPredictor
from mcr.rollouts.transformers_sampler import TransformersSampler
from mcr.shared_prefix.support import inner_model
from mcr.systems.base import Predictor
from mcr.training.callbacks.log_images import log_picture, save_picture

NUM_DRAWN = 8
DECISIVE = {  # what a task asks for -> its score, the most telling first
    ("text", "type", "location"): "held_out/gmner_f1",
    ("text", "type"): "held_out/mner_f1",
    ("text", "location"): "held_out/eeg_f1",
    ("location",): "held_out/grec_pr",
    ("verdict",): "held_out/verdict_accuracy",
}


class HeldOutScores(TrainerCallback):
    """Decodes held-out samples greedily before the first step, every `every` steps and at each checkpoint; logs held_out/*.

    The step of the best checkpoint is noted in `trainer.best`, and the trainer does not remove that checkpoint. The first of
    these scores decides that a task of the set has: GMNER F1, MNER F1, EEG F1, Pr@(F1=1).

    The first samples are drawn with their boxes, in the run folder's held_out/ and where the trainer reports to.
    Decoding uses transformers, on all processes, each its share.

    Attributes:
        trainer: set by `run.train_and_save` once it exists.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        make_predictor: Callable[[Any, Any], Predictor],
        image_root: Path | None,
        *,
        every: int,
    ) -> None:
        """Keep what is scored and how.

        Args:
            samples: to score.
            make_predictor: returns a predictor of (the model as it is now, its processor).
            image_root: the folder that image paths start from; None draws nothing.
            every: number of steps between scores.
        """
        self.samples, self.make_predictor, self.image_root = samples, make_predictor, image_root
        self.every = every
        self.trainer: Any = None
        self.decisive = decisive_score(samples)
        self.last_step, self.last_score = -1, 0.0

    @classmethod
    def greedy(
        cls, samples: Sequence[Sample], prompts: Prompter, image_root: Path, *, every: int, max_new_tokens: int
    ) -> "HeldOutScores":
        """Return the callback that decodes greedily through transformers."""
        settings = SamplingSettings(num_generations=1, temperature=0.0, max_new_tokens=max_new_tokens)

        def make_predictor(model: Any, processor: Any) -> Predictor:
            return SamplerPredictor(TransformersSampler(model, processor), prompts, settings, image_root)

        return cls(samples, make_predictor, image_root, every=every)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Score before the first step."""
        if state.global_step == 0:
            self._score(0)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Score every N steps and what is about to be saved."""
        if state.global_step % self.every == 0 or control.should_save:
            self._score(state.global_step)
        self._note_best(state, control)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Score what is about to be saved, where checkpoints are written by epochs; not after SIGTERM, when time is short."""
        if control.should_training_stop and state.global_step < state.max_steps:
            return
        if control.should_save and state.global_step != self.last_step:
            self._score(state.global_step)
        self._note_best(state, control)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Score the model that is saved at the end; a run that was stopped before has not the time."""
        if state.global_step >= state.max_steps and state.global_step != self.last_step:
            self._score(state.global_step)

    def _note_best(self, state: Any, control: Any) -> None:
        best = self.trainer.best
        name = self.decisive
        is_better = best is None or self.last_score > best.get(name, -1.0)
        if control.should_save and state.global_step == self.last_step and is_better:
            self.trainer.best = {"step": state.global_step, name: self.last_score}

    def _score(self, step: int) -> None:
        self.last_step = step
        accelerator = self.trainer.accelerator
        mine = list(self.samples[accelerator.process_index :: accelerator.num_processes])
        if len(mine) * accelerator.num_processes < len(self.samples) or not mine:
            mine.append(self.samples[0])  # every process decodes as many: under ZeRO-3 they go step by step together
        was_training = self.trainer.model.training
        with (
            torch.random.fork_rng(),  # decoding seeds; the run's own draws must not change by being watched
            unwrap_model_for_generation(self.trainer.model_wrapped, accelerator) as model,
        ):
            predictor = self.make_predictor(inner_model(model), self.trainer.processing_class)
            predictions = list(predictor.predict(mine))
        self.trainer.model.train(was_training)
        predictions = gather_object(predictions)
        scores = held_out_scores(self.samples, predictions)
        self._log(scores)
        if accelerator.is_main_process:
            self._draw(step, predictions)
        self.last_score = scores[self.decisive]

    def _draw(self, step: int, predictions: Sequence[Prediction]) -> None:
        root = self.image_root
        if root is None:
            return
        by_id = {prediction.id: prediction for prediction in predictions}
        drawn = [sample for sample in self.samples if sample.images and not sample.images[0].is_missing][:NUM_DRAWN]
        panels = [
            draw_sample(open_image(root, sample.images[0].path), sample.entities, by_id[sample.id].entities) for sample in drawn
        ]
        if panels:
            picture = tile(panels)
            save_picture(Path(self.trainer.args.output_dir), step, picture)
            log_picture(self.trainer, step, picture)

    def _log(self, scores: dict[str, float]) -> None:
        """Log a row of its own: neither through TRL's log, which empties the trainer's metrics, nor in place of its row."""
        is_due = self.trainer.control.should_log
        Trainer.log(self.trainer, scores)
        self.trainer.control.should_log = is_due


def make_held_out_scores(
    path: str | None,
    prompts: Prompter,
    image_root: Path,
    *,
    size: int,
    every: int,
    max_new_tokens: int | None,
    processor: Any,
) -> HeldOutScores | None:
    """Return the callback that scores the first `size` samples of a file, their images checked; None without a file.

    Raises:
        ConfigError: no sample is left to score, or completions have no limit.
    """
    if path is None:
        return None
    if max_new_tokens is None:
        raise ConfigError("max_completion_length: got null, expected a number of tokens: held_out is decoded up to it.")
    samples = load_samples(Path(path))[:size]
    if not samples:
        raise ConfigError(f"held_out: {path} and held_out_size {size} leave no sample to score.")
    images = [image for sample in samples for image in sample.images]
    check_images(image_root, [image.path for image in images], [given_sizes(images), fits_processor(processor)])
    return HeldOutScores.greedy(samples, prompts, image_root, every=every, max_new_tokens=max_new_tokens)


def held_out_scores(samples: Sequence[Sample], predictions: Sequence[Prediction]) -> dict[str, float]:
    """Return what is logged, as fractions: the scores of the tasks among the samples and the share of unreadable completions."""
    by_id = {prediction.id: prediction for prediction in predictions}
    metrics = evaluate(samples, list(by_id.values()))
    tasks = {sample.task for sample in samples}
    asked = {task.asked for task in tasks}
    scores = {"held_out/unreadable": sum(not by_id[sample.id].is_readable for sample in samples) / max(1, len(samples))}
    measures = {
        "held_out/gmner_f1": metrics.gmner.f1,
        "held_out/mner_f1": metrics.mner.f1,
        "held_out/eeg_f1": metrics.eeg.f1,
        "held_out/grec_pr": metrics.grec and metrics.grec.exact,
        "held_out/verdict_accuracy": metrics.measures.get("verdict accuracy"),
    }
    scores |= {name: measures[name] for parts, name in DECISIVE.items() if parts in asked}
    if any(task.has_text and task.has_location for task in tasks):
        scores["held_out/n_f1"] = metrics.no_target.f1
    if any(task.has_text for task in tasks):
        scores["held_out/n_rate"] = metrics.n_rate
    return scores


def decisive_score(samples: Sequence[Sample]) -> str:
    """Return the score that decides which checkpoint is the best: the first of DECISIVE that a task of the samples has.

    Raises:
        ConfigError: none of their tasks has a score.
    """
    asked = {sample.task.asked for sample in samples}
    found = [score for parts, score in DECISIVE.items() if parts in asked]
    if not found:
        tasks = ", ".join(sorted({sample.task.name for sample in samples}))
        raise ConfigError(f"held_out: got samples of task {tasks}, for which no score is defined. Give samples of another task.")
    return found[0]
