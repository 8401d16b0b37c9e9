"""The flags of RiVEG's predictor: which model makes each stage, or which file replaces it."""

from dataclasses import dataclass, field

from mcr.errors import ConfigError
from mcr.knowledge.question_templates import FORMS

NONE = "none"
ESTIMATES = (NONE, "mc_dropout", "confidence")


@dataclass
class RivegSettings:
    """RiVEG's stages. Each is a model, or a file that was made before by any system."""

    riveg_tagger: str = field(default="", metadata={"help": "folder of a tagger, which finds the names (mcr train-tagger)"})
    riveg_knowledge: str = field(
        default="", metadata={"help": "knowledge.jsonl on the samples, which the tagger reads behind the sentence"}
    )
    riveg_uncertainty: str = field(
        default=NONE, metadata={"help": f"how unsure the tagger is of spans and types: {', '.join(ESTIMATES)} (for mcr correct)"}
    )
    riveg_names: str = field(default="", metadata={"help": "predictions.jsonl whose names and types replace the tagger's"})
    riveg_expansions: str = field(default="", metadata={"help": "knowledge.jsonl that says what each entity is"})
    riveg_expansions_url: str = field(
        default="", metadata={"help": "ask this OpenAI-compatible endpoint what each named entity is, in place of a file"}
    )
    riveg_expansions_model: str = field(default="", metadata={"help": "what that endpoint calls the model"})
    riveg_form: str = field(default="expression", metadata={"help": f"of a phrase: {', '.join(FORMS)} (RiVEG Table X)"})
    riveg_entailer: str = field(default=NONE, metadata={"help": "vlm, blip_itm, endpoint, or none: all entities are grounded"})
    riveg_entailer_model: str = field(default="", metadata={"help": "its folder, name of the hub, or name at the endpoint"})
    riveg_calibration: str = field(default="", metadata={"help": "calibration.json of the entailer (mcr calibrate-verdicts)"})
    riveg_verdicts: str = field(default="", metadata={"help": "predictions.jsonl of phrases that replace the entailer's"})
    riveg_grounder: str = field(
        default=NONE, metadata={"help": "vlm, florence_2, grounding_dino, endpoint, or none: names and types alone"}
    )
    riveg_grounder_model: str = field(default="", metadata={"help": "its folder, name of the hub, or name at the endpoint"})
    riveg_places: str = field(default="", metadata={"help": "predictions.jsonl of phrases that replace the grounder's"})
    riveg_family: str = field(default="", metadata={"help": "of a model that is asked as it is: how it writes boxes"})
    riveg_base_url: str = field(default="", metadata={"help": "of the endpoint that entails or grounds"})
    riveg_segmenter: str = field(default=NONE, metadata={"help": "sam, color, box (the whole box), or none: boxes alone (SMNER)"})
    riveg_segmenter_model: str = field(default="", metadata={"help": "of sam: a folder or a name of the hub"})
    riveg_batch_size: int = field(default=32, metadata={"help": "sentences or phrases at a time"})
    riveg_dtype: str = field(default="auto", metadata={"help": "of a vision-language model's weights"})

    def __post_init__(self) -> None:
        pairs = (("riveg_tagger", "riveg_names"), ("riveg_expansions", "riveg_expansions_url"))
        pairs += (("riveg_entailer_model", "riveg_verdicts"), ("riveg_grounder_model", "riveg_places"))
        faults = [f"{one} and {other} exclude each other" for one, other in pairs if getattr(self, one) and getattr(self, other)]
        if self.riveg_knowledge and not self.riveg_tagger:
            faults.append("riveg_knowledge is read by a tagger: give riveg_tagger")
        if bool(self.riveg_expansions_url) != bool(self.riveg_expansions_model):
            faults.append("riveg_expansions_url and riveg_expansions_model belong together")
        if self.riveg_calibration and self.riveg_entailer in (NONE, "endpoint"):
            faults.append("riveg_calibration is of an entailer with log odds: set riveg_entailer to vlm or blip_itm")
        if self.riveg_base_url and "endpoint" not in (self.riveg_entailer, self.riveg_grounder):
            faults.append("riveg_base_url is of an endpoint: set riveg_entailer or riveg_grounder to endpoint")
        if self.riveg_uncertainty not in ESTIMATES:
            faults.append(f"riveg_uncertainty: got {self.riveg_uncertainty!r}, expected one of {', '.join(ESTIMATES)}")
        if self.riveg_uncertainty != NONE and not self.riveg_tagger:
            faults.append("riveg_uncertainty is of a tagger: give riveg_tagger")
        if self.riveg_form not in FORMS:
            faults.append(f"riveg_form: got {self.riveg_form!r}, expected one of {', '.join(FORMS)}")
        if self.riveg_batch_size < 1:
            faults.append(f"riveg_batch_size: got {self.riveg_batch_size}, expected at least 1")
        if faults:
            raise ConfigError(f"riveg: {'; '.join(faults)}.")
