"""Training a tagger with transformers' Trainer: RiVEG's settings, checkpoints that are whole or ignored, the best one by dev."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch.utils.data import Dataset
from transformers import SchedulerType, Trainer, TrainerCallback, TrainingArguments

from mcr.tagging.tagger import Tagger
from mcr.tagging.texts import TaggedText
from mcr.training.checkpoints.checkpoint import SafeCheckpoints
from mcr.training.trainer_configs import check_no_evaluation


@dataclass
class TaggerConfig(TrainingArguments):
    """The settings of a tagger's training (RiVEG V-A 3 a: BERT's).

    Raises:
        ConfigError: an evaluation of the Trainer's own, for which it has no set.
    """

    learning_rate: float = field(default=5e-5, metadata={"help": "of the encoder, at its peak (RiVEG V-A 3 a)"})
    head_learning_rate: float | None = field(
        default=None, metadata={"help": "of the layer and the CRF on top, at its peak (default: learning_rate, as the paper)"}
    )
    lr_scheduler_type: SchedulerType | str = field(default="linear", metadata={"help": "schedule (RiVEG V-A 3 a)"})
    warmup_steps: float = field(default=0.1, metadata={"help": "steps of warm-up; below 1 a share of all steps (our choice)"})
    num_train_epochs: float = field(default=20.0, metadata={"help": "epochs at most (RiVEG V-A 3 a)"})
    per_device_train_batch_size: int = field(default=16, metadata={"help": "texts a step (RiVEG V-A 3 a)"})
    save_strategy: str = field(default="epoch", metadata={"help": "dev is scored, and a checkpoint written, as often"})
    save_total_limit: int | None = field(default=1, metadata={"help": "checkpoints kept beside the best one"})
    remove_unused_columns: bool = field(default=False, metadata={"help": "has to stay false: texts are no table"})

    def __post_init__(self) -> None:
        check_no_evaluation(self)
        super().__post_init__()


class Texts(Dataset[TaggedText]):
    """Texts as a dataset."""

    def __init__(self, texts: Sequence[TaggedText]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> TaggedText:
        return self.texts[index]


class TaggerTrainer(SafeCheckpoints, Trainer):
    """Trainer of a `Tagger`: what is pretrained learns at `learning_rate`, the rest at `head_learning_rate`."""

    def __init__(self, tagger: Tagger, config: TaggerConfig, texts: Sequence[TaggedText], callbacks: Any) -> None:
        super().__init__(
            model=tagger,
            args=config,
            train_dataset=Texts(texts),
            data_collator=tagger.read,  # pyright: ignore[reportArgumentType]
            callbacks=callbacks,
        )

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return the optimizer that the settings name, over two groups of weights."""
        if self.optimizer is None:
            tagger, config = cast(Tagger, self.model), cast(TaggerConfig, self.args)
            pretrained = list(tagger.encoder.parameters()) if tagger.kind == "transformer" else []
            known = {id(weight) for weight in pretrained}
            new = [weight for weight in tagger.parameters() if id(weight) not in known]
            rate = config.learning_rate if config.head_learning_rate is None else config.head_learning_rate
            groups = [{"params": pretrained, "lr": config.learning_rate}, {"params": new, "lr": rate}]
            optimizer, settings = self.get_optimizer_cls_and_kwargs(config, cast(Any, tagger))
            settings = settings | {"weight_decay": config.weight_decay}
            self.optimizer = optimizer([one for one in groups if one["params"]], **settings)
        return self.optimizer

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        cast(Tagger, self.model).save(Path(output_dir or str(self.args.output_dir)))


class StopWithoutGain(TrainerCallback):
    """Ends training once the best dev score is `patience` steps old.

    Attributes:
        trainer: whose best checkpoint is looked at.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.trainer: Any = None

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Compare the best checkpoint's step with this one."""
        best = self.trainer.best
        if best is not None and state.global_step - best["step"] >= self.patience:
            control.should_training_stop = True
