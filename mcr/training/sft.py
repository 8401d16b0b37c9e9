"""MRSI's trainer: TRL's SFTTrainer with checkpoints that are whole or ignored."""

from typing import Any

from trl.trainer.sft_trainer import SFTTrainer

from mcr.models.vision_tower import AlwaysRunVision, keep_frozen_vision_out_of_backward
from mcr.shared_prefix.support import inner_model
from mcr.training.checkpoints.checkpoint import SafeCheckpoints
from mcr.training.data import NamingCollator, mixes_images


class MrsiTrainer(SafeCheckpoints, SFTTrainer):
    """SFTTrainer that can be killed at any time, and whose loss is the mean over the tokens of the whole global batch.

    The Qwen models say that they take no count of tokens; with that, transformers averages means of micro-batches and processes,
    and the loss would depend on how a batch is cut up. TRL computes the loss itself and needs nothing of the model for it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True
        self.data_collator = NamingCollator(self.data_collator)
        model = inner_model(self.model)
        keep_frozen_vision_out_of_backward(model)
        if self.accelerator.num_processes > 1 and mixes_images(self.train_dataset):
            AlwaysRunVision(model, self.processing_class)
