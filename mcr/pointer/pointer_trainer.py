"""Training a pointer model with transformers' Trainer: UnCo's settings, whole checkpoints, the best one by dev."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from mcr.pointer.seq2seq import PointerModel, SeenSample
from mcr.training.checkpoints.checkpoint import SafeCheckpoints
from mcr.training.trainer_configs import check_no_evaluation


@dataclass
class PointerConfig(TrainingArguments):
    """The settings of a pointer model's training (UnCo B.1).

    Raises:
        ConfigError: an evaluation of the Trainer's own, for which it has no set.
    """

    learning_rate: float = field(default=3e-5, metadata={"help": "at its peak (UnCo B.1)"})
    warmup_steps: float = field(default=0.1, metadata={"help": "steps of warm-up; below 1 a share of all steps (our choice)"})
    num_train_epochs: float = field(default=30.0, metadata={"help": "epochs (UnCo B.1)"})
    per_device_train_batch_size: int = field(default=32, metadata={"help": "samples a step (UnCo B.1)"})
    save_strategy: str = field(default="epoch", metadata={"help": "dev is scored, and a checkpoint written, as often"})
    save_total_limit: int | None = field(default=1, metadata={"help": "checkpoints kept beside the best one"})
    remove_unused_columns: bool = field(default=False, metadata={"help": "has to stay false: samples are no table"})

    def __post_init__(self) -> None:
        check_no_evaluation(self)
        super().__post_init__()


class SeenSamples(Dataset[SeenSample]):
    """Samples as a dataset."""

    def __init__(self, samples: Sequence[SeenSample]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> SeenSample:
        return self.samples[index]


class PointerTrainer(SafeCheckpoints, Trainer):
    """Trainer of a `PointerModel`; it saves as the model does, weights that encoder and decoder share once."""

    def __init__(self, model: PointerModel, config: PointerConfig, samples: Sequence[SeenSample], callbacks: Any) -> None:
        super().__init__(
            model=model,
            args=config,
            train_dataset=SeenSamples(samples),
            data_collator=model.read,  # pyright: ignore[reportArgumentType]
            callbacks=callbacks,
        )

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        cast(PointerModel, self.model).save(Path(output_dir or str(self.args.output_dir)))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        cast(PointerModel, self.model).load_weights(Path(resume_from_checkpoint))
