"""The flags of VKEL's predictor: the adapter of each stage, and what the second stage is shown."""

from dataclasses import dataclass, field

from mcr.errors import ConfigError


@dataclass
class VkelSettings:
    """VKEL's two stages. Both adapters are on one base."""

    vkel_names: str = field(
        default="",
        metadata={"help": "adapter of stage 1, which names entities with coarse types, or one that learned both stages"},
    )
    vkel_named: str = field(default="", metadata={"help": "predictions.jsonl whose names replace those of stage 1"})
    vkel_places: str = field(
        default="", metadata={"help": "adapter of stage 2, for fine types and boxes; without it stage 1 alone answers"}
    )
    vkel_knowledge: str = field(
        default="", metadata={"help": "knowledge.jsonl on the named entities (mcr ask-appearance --predictions)"}
    )
    vkel_regions: str = field(default="", metadata={"help": "regions.jsonl of the images (mcr propose-regions)"})
    vkel_top_k: int = field(default=5, metadata={"help": "objects of an image that are shown (Eq. 8, Fig. 8)"})
    vkel_max_new_tokens: int = field(default=512, metadata={"help": "tokens an answer"})
    vkel_batch_size: int = field(default=32, metadata={"help": "samples at a time"})
    vkel_dtype: str = field(default="auto", metadata={"help": "of the weights"})

    def __post_init__(self) -> None:
        faults = []
        if self.vkel_names and self.vkel_named:
            faults.append("vkel_names and vkel_named exclude each other")
        if not self.vkel_places and any((self.vkel_named, self.vkel_knowledge, self.vkel_regions)):
            faults.append("vkel_named, vkel_knowledge and vkel_regions are for stage 2: give vkel_places")
        for name in ("vkel_top_k", "vkel_max_new_tokens", "vkel_batch_size"):
            if getattr(self, name) < 1:
                faults.append(f"{name}: got {getattr(self, name)}, expected at least 1")
        if faults:
            raise ConfigError(f"vkel: {'; '.join(faults)}.")
