"""The flags of UnCo's first stage: the small model, the regions it chooses from, and how its uncertainty is estimated."""

from dataclasses import dataclass, field

from mcr.errors import ConfigError, closest

ESTIMATES = ("mc_dropout", "confidence", "temperature")
SPAN_READINGS = ("mean", "sum")


@dataclass
class UncoSettings:
    """UnCo's small model. Its second stage, mcr correct, takes what this one predicts."""

    unco_model: str = field(default="", metadata={"help": "folder of a pointer model (mcr train-pointer)"})
    unco_regions: str = field(default="", metadata={"help": "regions.jsonl of the samples; none: the model looks at no image"})
    unco_vision_encoder: str = field(default="", metadata={"help": "CLIP or SigLIP that the model was trained with"})
    unco_top_k: int = field(default=28, metadata={"help": "K, regions an image (UnCo B.1)"})
    unco_estimate: str = field(
        default="mc_dropout", metadata={"help": f"of uncertainty: {', '.join(ESTIMATES)} (confidence at dev's temperature)"}
    )
    unco_passes: int = field(default=10, metadata={"help": "T, passes with dropout (UnCo B.1)"})
    unco_span: str = field(default="mean", metadata={"help": "mean or sum over the words of a span (UnCo Eq. 7)"})
    unco_batch_size: int = field(default=32, metadata={"help": "samples at a time"})

    def __post_init__(self) -> None:
        faults = []
        if self.unco_estimate not in ESTIMATES:
            told = f"{self.unco_estimate!r}{closest(self.unco_estimate, ESTIMATES)}"
            faults.append(f"unco_estimate: got {told}, expected one of {', '.join(ESTIMATES)}")
        if self.unco_span not in SPAN_READINGS:
            faults.append(f"unco_span: got {self.unco_span!r}, expected one of {', '.join(SPAN_READINGS)}")
        if bool(self.unco_regions) != bool(self.unco_vision_encoder):
            faults.append("unco_regions and unco_vision_encoder belong together")
        if min(self.unco_top_k, self.unco_passes, self.unco_batch_size) < 1:
            faults.append("unco_top_k, unco_passes and unco_batch_size: expected at least 1")
        if faults:
            raise ConfigError(f"unco: {'; '.join(faults)}.")
