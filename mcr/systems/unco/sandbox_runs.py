"""UnCo's stages in the sandbox: a tiny pointer model, its uncertainty, and the scripted LLM or the base model as corrector."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mcr.systems.datasets import SANDBOX_BASE, SANDBOX_CLIP
from mcr.systems.stages import PACKAGES, Stage, make_stage
from mcr.systems.tables import RowPlan, TableRun

CONFIGS = Path(__file__).parent / "configs"
TUNING = PACKAGES / "recipes" / "configs" / "mcr" / "sandbox_sft.yaml"
FAMILY, LLM = "qwen3_vl", "sandbox-llm"
SIZES = {
    "train": 4000,  # scenes
    "dev": 150,
    "test": 200,
    "epochs": 20,  # of the small model
    "steps": 300,  # of the fine-tuned vision-language model
    "passes": 10,  # with dropout
    "error_rate": 0.1,  # of the scripted LLM on spans
    "type_error_rate": 0.2,
    "region_error_rate": 0.3,
}
WRITTEN = ("train", "dev", "test")
RECIPES = {"correct": "correct", "choose-thresholds": "choose_thresholds"}  # commands that a stage runs as they are


@dataclass(frozen=True, slots=True)
class Small:
    """A small model with its estimate of uncertainty.

    Attributes:
        gamma: weight of the debiasing loss; 0: without it.
        margin: lambda of that loss.
        estimate: "mc_dropout", "confidence" or "temperature".
    """

    gamma: float = 0.6
    margin: float = 0.5
    estimate: str = "mc_dropout"

    @property
    def run(self) -> str:
        """What its training is called."""
        return f"small_{self.gamma:g}_{self.margin:g}"

    @property
    def name(self) -> str:
        """What its predictions are called."""
        return f"{self.run}_{self.estimate}"


@dataclass(frozen=True, slots=True)
class Tuned:
    """A vision-language model that is fine-tuned on answers alone, and unsure where answers that it draws disagree.

    Attributes:
        drawn: answers a sample.
    """

    drawn: int = 8

    @property
    def name(self) -> str:
        """What its predictions are called."""
        return f"tuned_{self.drawn}"


@dataclass(frozen=True, slots=True)
class Other:
    """Any other system whose entities have uncertainties.

    Attributes:
        name: what its predictions are called.
        data: the folder of its world, with dev.jsonl, test.jsonl and images.
        predict: returns the evaluation of the system on a split, and its stages.
    """

    name: str
    data: Callable[[TableRun], Path]
    predict: Callable[[TableRun, str], tuple[Path, list[Stage]]]


@dataclass(frozen=True, slots=True)
class Correction:
    """A way to correct.

    Attributes:
        key: of its row.
        small: whose predictions.
        mode: of mcr correct.
        without: what its prompts leave out.
        corrector: LLM, the scripted one, or "base": the sandbox's base model.
        threshold: of every part; None: chosen on dev.
    """

    key: str
    small: Small | Tuned | Other = Small()
    mode: str = "hierarchical"
    without: str = ""
    corrector: str = LLM
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class UncoRuns:
    """The stages of one seed; all lie in one folder."""

    run: TableRun

    @property
    def out(self) -> Path:
        """The folder of UnCo's runs."""
        return self.run.folder / "unco"

    @property
    def data(self) -> Path:
        """The folder of the world."""
        return self.out / "data"

    def _stage(self, name: str, title: str, program: str, *flags: object, reads: list[Path], makes: list[Path]) -> Stage:
        return make_stage(self.run.name(f"unco/{name}"), title, program, *flags, reads=reads, makes=makes)

    def _regions(self, split: str) -> Path:
        return self.data / "regions" / f"{split}.jsonl"

    def world(self) -> Stage:
        """Return the stage of the world; half of the names of dev and test are in no training scene."""
        sizes = [word for split in WRITTEN for word in (f"--{split}", self.run.sizes[split])]
        makes = [self.data, *(self.data / f"{split}.jsonl" for split in WRITTEN), *map(self._regions, WRITTEN)]
        flags = ("--output_dir", self.data, *sizes, "--seed", self.run.seed)
        return self._stage("data", "a world of gmner samples", "data_prep.make_sandbox", *flags, reads=[], makes=makes)

    def train(self, small: Small) -> tuple[Path, list[Stage]]:
        """Return the folder of a small model, and the stages that make it."""
        out = self.out / small.run
        files = {
            "--train_samples": self.data / "train.jsonl",
            "--dev_samples": self.data / "dev.jsonl",
            "--regions": self._regions("train"),
            "--dev_regions": self._regions("dev"),
        }
        flags = ("--config", CONFIGS / "sandbox_pointer.yaml", *(word for pair in files.items() for word in pair))
        flags = (*flags, "--image_root", self.data, "--vision_encoder", SANDBOX_CLIP, "--output_dir", out)
        flags = (*flags, "--gamma", small.gamma, "--margin", small.margin, "--num_train_epochs", self.run.sizes["epochs"])
        title = f"a small model: gamma {small.gamma:g}, lambda {small.margin:g}"
        reads, makes = [*files.values(), self.data], [out / "model"]
        stage = self._stage(small.run, title, "pointer", *flags, "--seed", self.run.seed, reads=reads, makes=makes)
        return out / "model", [self.world(), stage]

    def tune(self) -> tuple[Path, list[Stage]]:
        """Return the folder of the fine-tuned vision-language model, and the stages that make it of the base model."""
        out, train = self.out / "tuned", self.data / "train.jsonl"
        d1, module = out / "schemas" / "d1.parquet", "data_prep.write_schemas"
        asked = ("--samples", train, "--output_dir", d1.parent, "--family", FAMILY, "--single_style", "answer_only")
        asked = (*asked, "--d2_share", 0, "--seed", self.run.seed)
        schemas = self._stage("tuned/schemas", "answers of the training scenes", module, *asked, reads=[train], makes=[d1])
        flags = ("--config", TUNING, "--model_name_or_path", SANDBOX_BASE, "--train_set", d1, "--image_root", self.data)
        flags = (*flags, "--output_dir", out / "sft", "--max_steps", self.run.sizes["steps"], "--seed", self.run.seed)
        reads, makes, title = [SANDBOX_BASE, d1, self.data], [out / "sft" / "model"], "fine-tuning of the base model"
        return makes[0], [self.world(), schemas, self._stage("tuned/sft", title, "sft", *flags, reads=reads, makes=makes)]

    def predict_tuned(self, tuned: Tuned, split: str) -> tuple[Path, list[Stage]]:
        """Return the evaluation of the fine-tuned model on a split, with uncertainties by agreement, and its stages."""
        model, stages = self.tune()
        out, gold, train = self.out / "tuned" / tuned.name / split, self.data / f"{split}.jsonl", self.data / "train.jsonl"
        flags = ("--model_name_or_path", model, "--gold", gold, "--train_samples", train, "--image_root", self.data)
        flags = (*flags, "--output_dir", out, "--uncertainty_samples", tuned.drawn, "--max_new_tokens", 220)
        flags = (*flags, "--batch_size", 50, "--dtype", "float32", "--seed", self.run.seed)
        makes = [out / "metrics.json", out / "counts.json", out / "predictions-000.jsonl"]
        title, reads = f"evaluation: the fine-tuned model on {split}", [model, gold, train, self.data]
        stage = self._stage(f"tuned/{tuned.name}/{split}", title, "evaluate", *flags, reads=reads, makes=makes)
        return out, [*stages, stage]

    def data_of(self, small: Small | Tuned | Other) -> Path:
        """Return the folder of the world that a model predicts on."""
        return small.data(self.run) if isinstance(small, Other) else self.data

    def predict(self, small: Small | Tuned | Other, split: str) -> tuple[Path, list[Stage]]:
        """Return the evaluation of a model on a split, and its stages."""
        if isinstance(small, Other):
            return small.predict(self.run, split)
        if isinstance(small, Tuned):
            return self.predict_tuned(small, split)
        model, stages = self.train(small)
        out, gold = self.out / "small" / small.name / split, self.data / f"{split}.jsonl"
        flags = ("--system", "unco", "--unco_model", model, "--unco_regions", self._regions(split))
        flags = (*flags, "--unco_vision_encoder", SANDBOX_CLIP, "--unco_estimate", small.estimate)
        flags = (
            *flags,
            "--unco_passes",
            self.run.sizes["passes"],
            "--gold",
            gold,
            "--image_root",
            self.data,
            "--output_dir",
            out,
        )
        flags = (*flags, "--train_samples", self.data / "train.jsonl", "--seed", self.run.seed)
        makes = [out / "metrics.json", out / "counts.json", out / "predictions-000.jsonl"]
        reads = [model, gold, self._regions(split), self.data / "train.jsonl", self.data]
        title = f"evaluation: the small model on {split} ({small.name})"
        return out, [*stages, self._stage(f"small/{small.name}/{split}", title, "evaluate", *flags, reads=reads, makes=makes)]

    def alone(self) -> tuple[Path, list[Stage]]:
        """Return the evaluation of the large model alone with three demonstrations (UnCo Table 2), and its stages."""
        out, gold, train = self.out / "alone", self.data / "test.jsonl", self.data / "train.jsonl"
        flags = ("--model_name_or_path", SANDBOX_BASE, "--prompting", "cot_demonstrations", "--family", FAMILY)
        flags = (*flags, "--train_samples", train, "--gold", gold, "--image_root", self.data, "--output_dir", out)
        flags = (*flags, "--max_new_tokens", 220, "--batch_size", 20, "--dtype", "float32", "--seed", self.run.seed)
        makes = [out / "metrics.json", out / "counts.json", out / "predictions-000.jsonl"]
        title, reads = "evaluation: the base model, asked with three demonstrations", [gold, train, self.data, SANDBOX_BASE]
        return out, [self.world(), self._stage("alone", title, "evaluate", *flags, reads=reads, makes=makes)]

    def _beside_llm(self, name: str, title: str, command: str, *flags: object, reads: list[Path], makes: list[Path]) -> Stage:
        """Return a stage that runs a command of mcr beside the scripted LLM."""
        sizes = self.run.sizes
        type_rate, region_rate = sizes["type_error_rate"], sizes["region_error_rate"]
        mean = (sizes["error_rate"] + type_rate + region_rate) / 3  # a wrong reply about all parts has each of them wrong
        rates = (f"correct_type={type_rate}", f"correct_region={region_rate}", f"correct_all={mean:g}")
        served = ("--error_rate", sizes["error_rate"], "--error_rates", *rates, "--seed", self.run.seed, "--", command)
        asked = ("--base_url", "URL", "--corrector", LLM, "--family", FAMILY)
        return self._stage(name, title, "mcr.commands.with_sandbox_llm", *served, *asked, *flags, reads=reads, makes=makes)

    def thresholds(self, small: Small | Tuned | Other, corrector: str) -> tuple[Path, list[Stage]]:
        """Return the file of the thresholds that a corrector's corrections on dev choose, and its stages."""
        found, stages = self.predict(small, "dev")
        name, data = f"{small.name}/{corrector}", self.data_of(small)
        predictions, out = found / "predictions-000.jsonl", self.out / "thresholds" / name
        dev, test = data / "dev.jsonl", data / "test.jsonl"
        flags = ("--predictions", predictions, "--samples", dev, "--evaluated", test, "--image_root", data)
        flags, reads = (*flags, "--output_dir", out), [predictions, dev, test, data]
        stage = self._asking(
            corrector, f"thresholds/{name}", "choose-thresholds", *flags, reads=reads, makes=[out / "thresholds.json"]
        )
        return out / "thresholds.json", [*stages, stage]

    def _asking(self, corrector: str, name: str, command: str, *flags: object, reads: list[Path], makes: list[Path]) -> Stage:
        """Return a stage of a command that asks the scripted LLM or the base model."""
        title = name.replace("/", ": ", 1)
        if corrector == LLM:
            return self._beside_llm(name, title, command, *flags, reads=reads, makes=makes)
        asked = ("--corrector", SANDBOX_BASE, "--family", FAMILY, "--prompt_style", "brief", "--max_new_tokens", 40)
        return self._stage(name, title, RECIPES[command], *flags, *asked, reads=[*reads, SANDBOX_BASE], makes=makes)

    def corrected(self, how: Correction) -> tuple[Path, list[Stage]]:
        """Return the folder of corrected predictions, and the stages that make them."""
        found, stages = self.predict(how.small, "test")
        predictions, out, data = found / "predictions-000.jsonl", self.out / "corrected" / how.key, self.data_of(how.small)
        gold = data / "test.jsonl"
        flags = ("--predictions", predictions, "--samples", gold, "--image_root", data, "--output_dir", out)
        flags = (*flags, "--mode", how.mode, *(("--without", how.without) if how.without else ()), "--seed", self.run.seed)
        reads, makes = [predictions, gold, data], [out / "predictions.jsonl", out / "summary.json"]
        if how.threshold is not None:
            flags = (*flags, "--thresholds", *(f"{part}={how.threshold:g}" for part in ("span", "type", "region")))
        elif how.mode != "direct":
            chosen, more = self.thresholds(how.small, how.corrector)
            stages, flags, reads = [*stages, *more], (*flags, "--thresholds_file", chosen), [*reads, chosen]
        if how.mode != "generation":
            flags = (*flags, "--gold", gold)
        else:
            alone, more = self.alone()
            generated = alone / "predictions-000.jsonl"
            stages, flags, reads = [*stages, *more], (*flags, "--generated", generated), [*reads, generated]
        stage = self._asking(how.corrector, f"corrected/{how.key}", "correct", *flags, reads=reads, makes=makes)
        return out, [*dict.fromkeys(stages), stage]

    def evaluation(self, how: Correction) -> tuple[Path, list[Stage]]:
        """Return the evaluation of corrected predictions, and its stages."""
        (found, stages), data = self.corrected(how), self.data_of(how.small)
        out, gold, train = self.out / "eval" / how.key, data / "test.jsonl", data / "train.jsonl"
        predictions = found / "predictions.jsonl"
        flags = ("--gold", gold, "--predictions", predictions, "--train_samples", train, "--output_dir", out)
        makes, title = [out / "metrics.json", out / "counts.json"], f"evaluation: {how.key}"
        stage = self._stage(f"eval/{how.key}", title, "evaluate", *flags, reads=[gold, predictions, train], makes=makes)
        return out, [*stages, stage]


def plan_small(small: Small | Tuned | Other, run: TableRun) -> RowPlan:
    """Return the plan of a small model alone."""
    out, stages = UncoRuns(run).predict(small, "test")
    return RowPlan(tuple(dict.fromkeys(stages)), {"gmner": out})


def plan_alone(run: TableRun) -> RowPlan:
    """Return the plan of the large model alone."""
    out, stages = UncoRuns(run).alone()
    return RowPlan(tuple(stages), {"gmner": out})


def plan_corrected(how: Correction, run: TableRun) -> RowPlan:
    """Return the plan of corrected predictions."""
    runs = UncoRuns(run)
    out, stages = runs.evaluation(how)
    return RowPlan(tuple(stages), {"gmner": out}, figures={"correction": runs.corrected(how)[0] / "summary.json"})
