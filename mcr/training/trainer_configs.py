"""The settings of the two trainers: TRL's, with the defaults of the MCR paper where TRL has others (docs/configs.md)."""

from dataclasses import dataclass, field

from transformers import SchedulerType
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.sft_config import SFTConfig

from mcr.errors import ConfigError


@dataclass
class MrsiConfig(SFTConfig):
    """TRL's SFTConfig with the settings of MRSI (MCR E.4).

    Raises:
        ConfigError: a limit on tokens. Cutting a prompt cuts image tokens, and cutting a schema its answer.
    """

    learning_rate: float = field(default=1e-4, metadata={"help": "learning rate at its peak (MCR E.4)"})
    lr_scheduler_type: SchedulerType | str = field(default="cosine", metadata={"help": "schedule of the learning rate (MCR E.4)"})
    num_train_epochs: float = field(default=2.0, metadata={"help": "epochs (MCR E.4: 2, for MiMo-VL 5)"})
    max_length: int | None = field(
        default=None, metadata={"help": "has to stay null: samples are not cut; max_sample_tokens leaves long ones out"}
    )

    def __post_init__(self) -> None:
        if self.max_length is not None:
            raise ConfigError(
                f"max_length: got {self.max_length}, expected null: samples must not be cut. Set it to null; max_sample_tokens "
                "leaves long samples out."
            )
        super().__post_init__()


@dataclass
class CvoConfig(GRPOConfig):
    """TRL's GRPOConfig with the settings of CVO (MCR E.4, Eqs. 11 and 12)."""

    learning_rate: float = field(default=5e-6, metadata={"help": "learning rate at its peak (MCR E.4)"})
    lr_scheduler_type: SchedulerType | str = field(
        default="cosine", metadata={"help": "schedule of the learning rate (our choice)"}
    )
    num_train_epochs: float = field(default=2.0, metadata={"help": "epochs (MCR E.4)"})
    warmup_steps: float = field(default=0.05, metadata={"help": "steps of warm-up; below 1 a share of all steps (MCR E.4)"})
    num_generations: int | None = field(default=8, metadata={"help": "G, completions a prompt (MCR E.4)"})
    temperature: float = field(default=1.5, metadata={"help": "sampling temperature (MCR E.4)"})
    top_k: int = field(default=200, metadata={"help": "sampling top-k, 0 for all tokens (MCR E.4)"})
    top_p: float = field(default=0.95, metadata={"help": "sampling top-p (MCR E.4)"})
    epsilon: float = field(default=0.15, metadata={"help": "the ratio is clipped at 1 - epsilon (MCR Eq. 12, E.4)"})
    epsilon_high: float | None = field(
        default=0.25, metadata={"help": "the ratio is clipped at 1 + epsilon_high (MCR Eq. 12, E.4)"}
    )
    beta: float = field(default=0.005, metadata={"help": "weight of the KL term; 0 loads no reference model (MCR E.4)"})
    loss_type: str = field(default="grpo", metadata={"help": "grpo is the mean over each completion's tokens (MCR Eq. 12)"})
    scale_rewards: str = field(
        default="group", metadata={"help": "group divides advantages by the group's deviation (MCR Eq. 11)"}
    )
    vllm_importance_sampling_correction: bool = field(
        default=False,
        metadata={
            "help": "multiply the loss by the ratio of the trainer's probabilities to vLLM's, a factor that Eq. 12 does not have"
        },
    )
    use_bias_correction_kl: bool = field(
        default=False,
        metadata={"help": "multiply the KL term by the importance ratio; false is GRPO's plain estimator (our choice)"},
    )
