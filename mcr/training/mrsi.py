"""MRSI's trainer: TRL's SFTTrainer with checkpoints that are whole or ignored."""

from trl import SFTTrainer

from mcr.training.checkpoint import SafeCheckpoints


class MrsiTrainer(SafeCheckpoints, SFTTrainer):
    """SFTTrainer that can be killed at any time."""
