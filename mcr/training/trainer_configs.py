"""The settings of the two trainers: TRL's, with the defaults of the MCR paper where TRL has others (docs/configs.md)."""

from dataclasses import dataclass, field

from transformers import SchedulerType, TrainingArguments
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.sft_config import SFTConfig

from mcr.errors import ConfigError

# Keys of generation_kwargs that have a setting of their own, which rewards, losses and samplers go by.
OWN_SETTINGS = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "max_tokens": "max_completion_length",
    "max_new_tokens": "max_completion_length",
    "max_length": "max_completion_length",
    "n": "num_generations",
    "num_return_sequences": "num_generations",
    "do_sample": "temperature",
}


def check_no_evaluation(config: TrainingArguments) -> None:
    """Refuse TRL's evaluation, for which the recipes have no set: TRL would raise after the model is loaded.

    Raises:
        ConfigError: some is asked for.
    """
    asked = {
        "eval_strategy": str(getattr(config.eval_strategy, "value", config.eval_strategy)) != "no",
        "do_eval": config.do_eval,
        "eval_on_start": config.eval_on_start,
        "load_best_model_at_end": config.load_best_model_at_end,
    }
    wrong = [f"{name} {getattr(config, name)}" for name, is_asked in asked.items() if is_asked]
    if wrong:
        raise ConfigError(
            f"{', '.join(wrong)}: expected none, since there is no set that TRL could evaluate. Unset it; held_out scores dev "
            "samples while training and keeps the best checkpoint."
        )


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
        check_no_evaluation(self)
        super().__post_init__()


@dataclass
class CvoConfig(GRPOConfig):
    """TRL's GRPOConfig with the settings of CVO (MCR E.4, Eqs. 11 and 12).

    Raises:
        ConfigError: greedy sampling, an evaluation without a set, or keys of generation_kwargs that have a setting of their own.
    """

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

    def __post_init__(self) -> None:
        check_no_evaluation(self)
        if not self.temperature > 0 or not 0 < self.top_p <= 1:
            raise ConfigError(
                f"temperature {self.temperature}, top_p {self.top_p}: expected a temperature above 0 and 0 < top_p <= 1. Greedy "
                "completions of one prompt are all the same, and GRPO learns from their differences."
            )
        super().__post_init__()
        given = self.generation_kwargs if isinstance(self.generation_kwargs, dict) else {}
        wrong = [f"{key} (set {OWN_SETTINGS[key]})" for key in given if key in OWN_SETTINGS]
        if wrong:
            raise ConfigError(f"generation_kwargs: got {', '.join(wrong)}, which have settings of their own. Use those.")
