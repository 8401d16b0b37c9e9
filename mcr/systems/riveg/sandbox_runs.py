"""RiVEG's stages in the sandbox: a BiLSTM names, the scripted LLM knows, the base model entails and grounds."""

from dataclasses import dataclass
from pathlib import Path

from mcr.systems.datasets import SANDBOX_BASE, SANDBOX_CLIP
from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import RowPlan, TableRun

CONFIGS = Path(__file__).parent / "configs"
FAMILY = "qwen3_vl"
SIZES = {
    "train": 1600,  # scenes
    "dev": 200,
    "test": 200,
    "unseen": 200,  # scenes whose names no other split has
    "annotated": 120,  # training scenes with an example of knowledge (RiVEG IV-B 1 a: 120 to 200)
    "error_rate": 0.1,  # of the scripted LLM
    "epochs": 12,  # of the tagger
    "steps": 200,  # of the entailer and of the grounder
}
LLM, ASK = "mcr.commands.with_sandbox_llm", "ask-knowledge"
SOURCE = "sandbox-llm"
PHRASE_SETS = ("ve", "vg", "vg_all")
EXCEEDED = ("--iou_must_exceed", "true")  # RiVEG IV-A
WRITTEN = ("train", "dev", "test", "unseen")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """How a sentence's knowledge is asked for (RiVEG Table VII).

    Attributes:
        num_examples: in a request; 0: none are shown.
        choice: "nearest" (MSEA) or "fixed".
    """

    num_examples: int = 5
    choice: str = "nearest"

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.choice}_{self.num_examples}" if self.num_examples else "no_examples"


MSEA = Knowledge()


@dataclass(frozen=True, slots=True)
class Whole:
    """One whole system (RiVEG Tables VI and VIII).

    Attributes:
        knowledge: that the tagger reads; None: sentences alone.
        is_entailed: whether only entailed entities are grounded.
        grounder: the set that the grounder is trained on: "vg", entities that are shown, or "vg_all", all of them, with None for
            those that are not (RiVEG's baseline, footnote 3, where the box of these is four zeros).
        form: of the phrases.
    """

    knowledge: Knowledge | None = MSEA
    is_entailed: bool = True
    grounder: str = "vg"
    form: str = "expression"

    @property
    def name(self) -> str:
        """What its runs are called."""
        known = self.knowledge.name if self.knowledge else "text"
        return f"{known}-{'ve' if self.is_entailed else 'all'}-{self.grounder}-{self.form}"


@dataclass(frozen=True, slots=True)
class SandboxRuns:
    """The stages of one seed; all lie in one folder."""

    run: TableRun

    @property
    def out(self) -> Path:
        """The folder of RiVEG's runs."""
        return self.run.folder / "riveg"

    @property
    def data(self) -> Path:
        """The folder of the world."""
        return self.out / "data"

    def _stage(self, name: str, title: str, program: str, *flags: object, reads: list[Path], makes: list[Path]) -> Stage:
        return make_stage(self.run.name(f"riveg/{name}"), title, program, *flags, reads=reads, makes=makes)

    def world(self) -> Stage:
        """Return the stage of the world, with masks and a split of unseen names."""
        sizes = [word for split in WRITTEN for word in (f"--{split}", self.run.sizes[split])]
        flags = ("--output_dir", self.data, *sizes, "--masks", "--seed", self.run.seed)
        makes = [self.data, *(self.data / f"{split}.jsonl" for split in WRITTEN)]
        return self._stage("data", "a world of gmner samples", "data_prep.make_sandbox", *flags, reads=[], makes=makes)

    def _asked(self, name: str, title: str, made: Path, kind: str, *flags: object, reads: list[Path], rate: float) -> Stage:
        """Return a stage that asks the scripted LLM."""
        served = ("--error_rate", rate, "--seed", self.run.seed, "--", ASK, kind, "--base_url", "URL", "--model", SOURCE)
        cache = made.with_suffix(".sqlite")
        files = ("--source", SOURCE, "--output", made, "--cache", cache)
        return self._stage(name, title, LLM, *served, *files, *flags, reads=reads, makes=[made, cache])

    def knowledge_path(self, knowledge: Knowledge, split: str) -> Path:
        """Return the file of a split's knowledge."""
        return self.out / "knowledge" / knowledge.name / f"{split}.jsonl"

    def knowledge(self, knowledge: Knowledge) -> list[Stage]:
        """Return the stages that ask for the knowledge on every split; without errors the LLM plays the annotators."""
        train, examples = self.data / "train.jsonl", self.out / "knowledge" / "examples.jsonl"
        asked = ("--samples", train, "--num_examples", 0, "--limit", self.run.sizes["annotated"])
        stages = [self._asked("examples", "annotated samples", examples, "refined", *asked, reads=[train], rate=0)]
        pool = ("--train_samples", train, "--examples", examples, "--choice", knowledge.choice, "--seed", self.run.seed)
        pool = (*pool, "--embedder", "clip", "--embedder_name_or_path", SANDBOX_CLIP, "--image_root", self.data)
        for split in WRITTEN:
            samples, made = self.data / f"{split}.jsonl", self.knowledge_path(knowledge, split)
            shown = pool if knowledge.num_examples else ()
            flags = ("--samples", samples, "--num_examples", knowledge.num_examples, *shown)
            reads = [samples, *([train, examples, self.data] if shown else [])]
            name, rate = f"knowledge/{knowledge.name}/{split}", self.run.sizes["error_rate"]
            stages.append(self._asked(name, f"knowledge on {split}", made, "refined", *flags, reads=reads, rate=rate))
        return stages

    def tagger(self, knowledge: Knowledge | None) -> tuple[Path, list[Stage]]:
        """Return the folder of a tagger and the stages that make it."""
        name = knowledge.name if knowledge else "text"
        out = self.out / "tagger" / name
        train, dev = (self.data / f"{split}.jsonl" for split in ("train", "dev"))
        known = [self.knowledge_path(knowledge, split) for split in ("train", "dev")] if knowledge else []
        flags = ("--config", CONFIGS / "sandbox_bilstm_tagger.yaml", "--train_samples", train, "--dev_samples", dev)
        flags = (*flags, *(("--knowledge", known[0], "--dev_knowledge", known[1]) if known else ()))
        flags = (*flags, "--num_train_epochs", self.run.sizes["epochs"], "--output_dir", out, "--seed", self.run.seed)
        stage = self._stage(
            f"tagger/{name}", f"a tagger: {name}", "tagger", *flags, reads=[train, dev, *known], makes=[out / "model"]
        )
        return out / "model", [self.world(), *(self.knowledge(knowledge) if knowledge else []), stage]

    def expansions(self, split: str) -> tuple[Path, Stage]:
        """Return the file of what the gold entities of a split are, and the stage that asks for it."""
        samples, made = self.data / f"{split}.jsonl", self.out / "expansions" / f"{split}.jsonl"
        title, rate = f"what the entities of {split} are", self.run.sizes["error_rate"]
        return made, self._asked(
            f"expansions/{split}", title, made, "expansions", "--samples", samples, reads=[samples], rate=rate
        )

    def phrases(self, form: str, split: str) -> tuple[Path, list[Stage]]:
        """Return the folder of a split's phrases, and the stages that make them."""
        known, asked = self.expansions(split)
        samples, out = self.data / f"{split}.jsonl", self.out / "phrases" / form
        flags = ("--samples", samples, "--output_dir", out, "--split", split, "--form", form, "--expansions", known)
        flags = (*flags, *(("--largest_box",) if split == "train" else ()))
        makes = [out / task / f"{split}.jsonl" for task in PHRASE_SETS]
        title, module = f"phrases of {split}: {form}", "data_prep.build_phrases"
        made = self._stage(f"phrases/{form}/{split}", title, module, *flags, reads=[samples, known], makes=makes)
        return out, [self.world(), asked, made]

    def model(self, task: str, form: str) -> tuple[Path, list[Stage]]:
        """Return the folder of a model that is trained on one of PHRASE_SETS, and the stages that make it of the base model."""
        folder, before = self.phrases(form, "train")
        train, out = folder / task / "train.jsonl", self.out / task / form
        asked = ("--samples", train, "--single_style", "answer_only", "--d2_share", 0, "--family", FAMILY)
        asked = (*asked, "--output_dir", out / "schemas", "--seed", self.run.seed)
        d1, module = out / "schemas" / "d1.parquet", "data_prep.write_schemas"
        schemas = self._stage(f"{task}/{form}/schemas", f"answers: {task}, {form}", module, *asked, reads=[train], makes=[d1])
        flags = ("--config", CONFIGS / "sandbox_phrases_sft.yaml", "--model_name_or_path", SANDBOX_BASE, "--train_set", d1)
        flags = (*flags, "--image_root", self.data, "--max_steps", self.run.sizes["steps"], "--seed", self.run.seed)
        title, reads, makes = f"fine-tuning: {task}, {form}", [SANDBOX_BASE, d1, self.data], [out / "sft" / "model"]
        sft = self._stage(f"{task}/{form}/sft", title, "sft", *flags, "--output_dir", out / "sft", reads=reads, makes=makes)
        return makes[0], [*before, schemas, sft]

    def scored_phrases(
        self, task: str, form: str, split: str, segmenter: str = "", rule: Path | None = None
    ) -> tuple[Path, list[Stage]]:
        """Return the evaluation of an entailer or a grounder on the gold phrases of a split, and its stages.

        Args:
            task: ve or vg.
            form: of the phrases.
            split: of the world.
            segmenter: that makes masks of the boxes.
            rule: the calibration of an entailer.
        """
        model, stages = self.model(task, form)
        folder, before = self.phrases(form, split)
        name = f"{split}{f'_{segmenter}' if segmenter else ''}{'_calibrated' if rule else ''}"
        gold, out = folder / task / f"{split}.jsonl", self.out / task / form / f"eval_{name}"
        part = {"ve": "entailer", "vg": "grounder"}[task]
        flags = ("--system", "riveg", f"--riveg_{part}", "vlm", f"--riveg_{part}_model", model, "--riveg_dtype", "float32")
        flags = (*flags, *EXCEEDED, "--gold", gold, "--image_root", self.data, "--output_dir", out)
        flags = (*flags, *(("--riveg_segmenter", segmenter) if segmenter else ()))
        flags = (*flags, *(("--riveg_calibration", rule) if rule else ()))
        makes = [out / "metrics.json", out / "counts.json", out / "predictions-000.jsonl"]
        title = f"evaluation: {task}, {form}, on {name}"
        scored = self._stage(
            f"{task}/{form}/eval/{name}",
            title,
            "evaluate",
            *flags,
            reads=[model, gold, self.data, *([rule] if rule else [])],
            makes=makes,
        )
        return out, [*stages, *before, scored]

    def calibration(self, form: str) -> tuple[Path, list[Stage]]:
        """Return the calibration of an entailer from dev, and its stages."""
        scored, stages = self.scored_phrases("ve", form, "dev")
        gold, made = self.out / "phrases" / form / "ve" / "dev.jsonl", self.out / "ve" / form / "calibration.json"
        predictions = scored / "predictions-000.jsonl"
        flags = ("--gold", gold, "--predictions", predictions, "--output", made)
        title, module = f"probabilities of verdicts: {form}", "recipes.calibrate_verdicts"
        return made, [
            *stages,
            self._stage(f"ve/{form}/calibration", title, module, *flags, reads=[gold, predictions], makes=[made]),
        ]

    def names(self, knowledge: Knowledge | None, split: str) -> tuple[Path, list[Stage]]:
        """Return the evaluation of a tagger's names on a split, and its stages."""
        tagger, stages = self.tagger(knowledge)
        name = knowledge.name if knowledge else "text"
        gold, train = (self.data / f"{part}.jsonl" for part in (split, "train"))
        known, out = self.knowledge_path(knowledge, split) if knowledge else None, self.out / "names" / name / split
        flags = ("--system", "riveg", "--riveg_tagger", tagger, "--gold", gold, "--train_samples", train, "--output_dir", out)
        flags = (*flags, *(("--riveg_knowledge", known) if known else ()), "--riveg_uncertainty", "mc_dropout")
        makes = [out / "metrics.json", out / "counts.json", out / "predictions-000.jsonl"]
        reads, title = [tagger, gold, train, *([known] if known else [])], f"names of {split}: {name}"
        return out, [*stages, self._stage(f"names/{name}/{split}", title, "evaluate", *flags, reads=reads, makes=makes)]

    def whole(self, system: Whole, split: str = "test") -> tuple[Path, list[Stage]]:
        """Return the evaluation of a whole system on a split, and its stages."""
        named, stages = self.names(system.knowledge, split)
        found, gold, train = named / "predictions-000.jsonl", self.data / f"{split}.jsonl", self.data / "train.jsonl"
        folder, known = self.out / "whole" / system.name, named / "expansions.jsonl"
        out = folder / split
        asked = ("--samples", gold, "--predictions", found)
        title, rate, name = f"what the names of {split} are", self.run.sizes["error_rate"], f"{named.parent.name}/{split}"
        stages = [*stages, self._asked(
            f"expansions/{name}", title, known, "expansions", *asked, reads=[gold, found], rate=rate)]  # fmt: skip
        flags = ("--system", "riveg", "--riveg_names", found, "--riveg_expansions", known, "--riveg_form", system.form)
        flags, reads = (*flags, "--train_samples", train), [found, known, gold, train, self.data]
        if system.is_entailed:
            model, more = self.model("ve", system.form)
            rule, ruled = self.calibration(system.form)
            flags = (*flags, "--riveg_entailer", "vlm", "--riveg_entailer_model", model, "--riveg_calibration", rule)
            stages, reads = [*stages, *more, *ruled], [*reads, model, rule]
        model, more = self.model(system.grounder, system.form)
        flags = (*flags, "--riveg_grounder", "vlm", "--riveg_grounder_model", model, "--riveg_dtype", "float32")
        flags = (*flags, *EXCEEDED, "--riveg_segmenter", "color", "--gold", gold, "--image_root", self.data, "--output_dir", out)
        makes = [out / "metrics.json", out / "counts.json", out / "predictions-000.jsonl"]
        stages, reads = [*stages, *more], [*reads, model]
        name, title = f"whole/{system.name}/{split}", f"evaluation: {system.name} on {split}"
        return out, [*stages, self._stage(name, title, "evaluate", *flags, reads=reads, makes=makes)]


def plan_whole(system: Whole, run: TableRun) -> RowPlan:
    """Return the plan of a whole system, scored on known and on unseen names."""
    runs = SandboxRuns(run)
    (test, stages), (unseen, more) = runs.whole(system), runs.whole(system, "unseen")
    return RowPlan(tuple(dict.fromkeys([*stages, *more])), {"gmner": test, "mner": test, "unseen": unseen})


def plan_curve(system: Whole, run: TableRun) -> RowPlan:
    """Return the plan of a whole system's predictions, scored once more with what each sample adds to the curves (Fig. 9)."""
    runs = SandboxRuns(run)
    found, before = runs.whole(system)
    out, gold = runs.out / "curve" / system.name, runs.data / "test.jsonl"
    predictions, makes = found / "predictions-000.jsonl", [out / "metrics.json", out / "counts.json"]
    flags = ("--predictions", predictions, "--gold", gold, *EXCEEDED, "--output_dir", out)
    title, reads = f"evaluation: the curve of {system.name}", [predictions, gold]
    stage = make_stage(run.name(f"riveg/curve/{system.name}"), title, "evaluate", *flags, reads=reads, makes=makes)
    return RowPlan((*before, stage), {"gmner": out})


def plan_names(knowledge: Knowledge | None, run: TableRun) -> RowPlan:
    """Return the plan of a tagger (RiVEG Table VII)."""
    runs = SandboxRuns(run)
    (test, stages), (unseen, more) = runs.names(knowledge, "test"), runs.names(knowledge, "unseen")
    return RowPlan(tuple(dict.fromkeys([*stages, *more])), {"gmner": test, "mner": test, "unseen": unseen})


def plan_forms(form: str, run: TableRun) -> RowPlan:
    """Return the plan of a form of phrases (RiVEG Table X), on known and on unseen names; verdicts by dev's calibration."""
    runs = SandboxRuns(run)
    rule, stages = runs.calibration(form)
    folders = {}
    for split in ("test", "unseen"):
        folders[f"ve_{split}"], verdicts = runs.scored_phrases("ve", form, split, rule=rule)
        folders[f"vg_{split}"], places = runs.scored_phrases("vg", form, split)
        stages = [*stages, *verdicts, *places]
    return RowPlan(tuple(dict.fromkeys(stages)), folders)


def plan_masks(segmenter: str, run: TableRun) -> RowPlan:
    """Return the plan of a segmenter on the boxes that a grounder gives to gold's phrases (RiVEG Table XI)."""
    out, stages = SandboxRuns(run).scored_phrases("vg", "expression", "test", segmenter)
    return RowPlan(tuple(dict.fromkeys(stages)), {"phrases": out})
