"""VKEL's run steps in the sandbox: three scripted LLMs supply knowledge, two adapters predict names, then types and boxes."""

from dataclasses import dataclass
from pathlib import Path

from mcr.systems.datasets import SANDBOX_BASE, SANDBOX_CLIP
from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import RowPlan, TableRun

CONFIG = Path(__file__).parent / "configs" / "sandbox_stage_sft.yaml"
FAMILY = "qwen3_vl"
LABELS = "twitter-fmnerg"
SIZES = {
    "train": 3200,  # scenes
    "minor_names": 0.75,  # share of the names of training scenes and of texts that the base model has never seen
    "dev": 60,
    "test": 200,
    "unseen": 200,  # scenes whose names no other split has
    "texts": 800,  # sentences that synthetic pairs are made of
    "min_cosine": 0.3,  # of a synthetic pair (Eq. 2)
    "error_rate": 0.2,  # of each scripted LLM's attributes; votes and summaries have no errors of their own
    "names_steps": 400,
    "places_steps": 1000,  # an adapter for both stages has the sum
    "tokens": 300,  # of an answer
}
LLMS = ("sandbox-llm-1", "sandbox-llm-2", "sandbox-llm-3")
WRITTEN = ("train", "dev", "test", "unseen")
HELD_OUT = ("dev", "test", "unseen")
EXCEEDED = ("--iou_must_exceed", "true")  # VKEL Eq. 13


@dataclass(frozen=True, slots=True)
class Variant:
    """VKEL, whole or with something changed (Tables VI and X, Figs. 8 to 10).

    Attributes:
        base: the model of both adapters.
        family: of the base.
        synthetic: the share of synthetic pairs in stage 1; 0: none.
        llms: the models that are asked; nobody: without knowledge.
        top_k: objects that are shown; 0: none.
        noise: the share of names that are disturbed in stage 2's training.
        is_joint: whether one adapter learns both stages.
    """

    base: Path = SANDBOX_BASE
    family: str = FAMILY
    synthetic: float = 1.0
    llms: tuple[str, ...] = LLMS
    top_k: int = 5
    noise: float = 0.1
    is_joint: bool = False

    @property
    def known(self) -> str:
        """What its knowledge is called."""
        return "all" if self.llms == LLMS else "_".join(self.llms) or "nobody"

    @property
    def first(self) -> str:
        """What its first stage is called."""
        return f"{self.family}-{self.synthetic:g}"

    @property
    def second(self) -> str:
        """What its second stage is called."""
        return f"{self.family}-{self.known}-{self.top_k}-{self.noise:g}"

    @property
    def name(self) -> str:
        """What the whole is called."""
        return f"{'joint' if self.is_joint else 'staged'}-{self.synthetic:g}-{self.second}"


@dataclass(frozen=True, slots=True)
class VkelRuns:
    """The stages of one seed; all lie in one folder."""

    run: TableRun

    @property
    def out(self) -> Path:
        """The folder of VKEL's runs."""
        return self.run.folder / "vkel"

    @property
    def data(self) -> Path:
        """The folder of the world."""
        return self.out / "data"

    @property
    def pairs(self) -> Path:
        """The synthetic pairs."""
        return self.data / "synthetic.jsonl"

    def _stage(self, name: str, title: str, program: str, *flags: object, reads: list[Path], makes: list[Path]) -> Stage:
        return make_stage(self.run.name(f"vkel/{name}"), title, program, *flags, reads=reads, makes=makes)

    def _samples(self, split: str) -> Path:
        return self.data / f"{split}.jsonl"

    def _objects(self, split: str) -> Path:
        return self.data / "objects" / f"{split}.jsonl"

    def world(self) -> Stage:
        """Return the stage of the world with fine types, and a split of unseen names."""
        sizes = [word for split in WRITTEN for word in (f"--{split}", self.run.sizes[split])]
        flags = ("--output_dir", self.data, *sizes, *self._detail(), "--seed", self.run.seed)
        makes = [self.data, *map(self._samples, WRITTEN), *map(self._objects, WRITTEN)]
        return self._stage("data", "a world with fine types", "data_prep.make_sandbox", *flags, reads=[], makes=makes)

    def _detail(self) -> tuple[object, ...]:
        return "--fine_types", "--minor_names", self.run.sizes["minor_names"]

    def synthetic(self) -> list[Stage]:
        """Return the stages of the synthetic pairs: sentences of another world, images of this one that CLIP finds fitting."""
        texts, index, train = self.out / "texts", self.data / "candidates.jsonl", self._samples("train")
        sizes = ("--train", self.run.sizes["texts"], "--dev", 1, "--test", 1, *self._detail(), "--seed", self.run.seed + 1000)
        written = texts / "train.jsonl"
        made = self._stage(
            "texts",
            "sentences without images",
            "data_prep.make_sandbox",
            "--output_dir",
            texts,
            *sizes,
            reads=[],
            makes=[written],
        )
        flags = ("--texts", written, "--pool", train, "--output", index, "--seed", self.run.seed)
        module = "mcr.systems.vkel.candidates"
        found = self._stage("candidates", "images that a search finds", module, *flags, reads=[written, train], makes=[index])
        flags = ("--samples", written, "--images", self.data, "--index", index, "--clip", SANDBOX_CLIP, "--output", self.pairs)
        flags = (*flags, "--min_cosine", self.run.sizes["min_cosine"])
        reads = [written, self.data, index, SANDBOX_CLIP]
        paired = self._stage(
            "pairs", "synthetic pairs of text and image", "data_prep.pair_images", *flags, reads=reads, makes=[self.pairs]
        )
        return [made, found, paired]

    def train(self, name: str, base: Path, train_set: Path, steps: int) -> tuple[Path, Stage]:
        """Return the folder of an adapter that learns one stage or both, and the stage that trains it."""
        out = self.out / name / "sft"
        flags = ("--config", CONFIG, "--model_name_or_path", base, "--train_set", train_set, "--image_root", self.data)
        flags = (*flags, "--output_dir", out, "--max_steps", steps, "--seed", self.run.seed)
        reads, makes = [base, train_set, self.data], [out / "model"]
        return out / "model", self._stage(f"{name}/sft", f"fine-tuning: {name}", "sft", *flags, reads=reads, makes=makes)

    def write(self, stage: str, name: str, system: Variant) -> tuple[Path, list[Stage]]:
        """Return the training set of a VKEL stage (mcr write-staged), and the run steps that make it."""
        out, train, before = self.out / name / "rows", self._samples("train"), [self.world()]
        flags: tuple[object, ...] = ("--samples", train, "--family", system.family, "--labels", LABELS, "--detail", "brief")
        flags, reads = (*flags, "--output_dir", out, "--seed", self.run.seed), [train]
        if stage in ("names", "joint") and system.synthetic:
            flags = (*flags, "--synthetic", self.pairs, "--synthetic_share", system.synthetic)
            before, reads = [*before, *self.synthetic()], [*reads, self.pairs]
        if stage in ("places", "joint"):
            flags = (*flags, "--noise_ratio", system.noise, "--held_out", *map(self._samples, HELD_OUT))
            reads = [*reads, *map(self._samples, HELD_OUT)]
            if system.llms:
                known, asked = self.knowledge(system, "train")
                flags, before, reads = (*flags, "--knowledge", known), [*before, asked], [*reads, known]
            if system.top_k:
                found = self._objects("train")
                flags, reads = (*flags, "--regions", found, "--top_k", system.top_k), [*reads, found]
        d1, title = out / "d1.parquet", f"prompts and answers: {name}"
        made = self._stage(f"{name}/rows", title, "data_prep.staged_sets", stage, *flags, reads=reads, makes=[d1])
        return d1, [*before, made]

    def adapter(self, stage: str, system: Variant) -> tuple[Path, list[Stage]]:
        """Return the adapter of a stage, and the stages that make it."""
        called = {"names": system.first, "places": system.second, "direct": system.family, "joint": system.name}[stage]
        name = f"{stage}/{called}"
        d1, before = self.write(stage, name, system)
        model, stage_of_it = self.train(name, system.base, d1, self._steps(stage))
        return model, [*before, stage_of_it]

    def _steps(self, stage: str) -> int:
        names, places = int(self.run.sizes["names_steps"]), int(self.run.sizes["places_steps"])
        return {"names": names, "joint": names + places}.get(stage, places)

    def knowledge(self, system: Variant, split: str, named: Path | None = None) -> tuple[Path, Stage]:
        """Return the knowledge of a split's entities (gold's, or those of a file of names), and the run step that asks for it."""
        folder = self.out / "knowledge" / system.known if named is None else named.parent / "knowledge" / system.known
        samples, made = self._samples(split), folder / f"{split}.jsonl"
        served = ("--error_rates", f"attributes={self.run.sizes['error_rate']}", "--seed", self.run.seed, "--", "ask-appearance")
        flags = (*served, "--samples", samples, "--output", made, "--labels", LABELS)
        flags = (*flags, "--llms", *(f"{llm}@URL" for llm in system.llms))
        flags = (*flags, *(("--predictions", named) if named else ()))
        name = made.relative_to(self.out).with_suffix("").as_posix()
        title, reads = f"what the entities of {split} look like", [samples, *([named] if named else [])]
        module = "mcr.commands.with_sandbox_llm"
        return made, self._stage(name, title, module, *flags, reads=reads, makes=[made])

    def _evaluate(self, name: str, title: str, out: Path, split: str, *flags: object, reads: list[Path]) -> Stage:
        gold, train = self._samples(split), self._samples("train")
        asked = ("--gold", gold, "--train_samples", train, "--image_root", self.data, "--output_dir", out)
        asked = (*asked, *EXCEEDED)
        makes = [out / "metrics.json", out / "counts.json", out / "predictions-000.jsonl"]
        reads = [*reads, gold, train, self.data]
        return self._stage(name, title, "evaluate", *flags, *asked, "--seed", self.run.seed, reads=reads, makes=makes)

    def named(self, system: Variant, split: str) -> tuple[Path, list[Stage]]:
        """Return the predictions of stage 1 on a split, and their stages."""
        model, before = self.adapter("joint" if system.is_joint else "names", system)
        called = system.name if system.is_joint else system.first
        out = self.out / "named" / called / split
        flags = ("--system", "vkel", "--vkel_names", model, "--vkel_dtype", "float32")
        flags = (*flags, "--vkel_max_new_tokens", self.run.sizes["tokens"])
        title = f"evaluation: stage 1 on {split} ({called})"
        scored = self._evaluate(f"named/{called}/{split}", title, out, split, *flags, reads=[model])
        return out / "predictions-000.jsonl", [*before, scored]

    def whole(self, system: Variant, split: str = "test") -> tuple[Path, list[Stage]]:
        """Return the evaluation of a whole system on a split, and its stages."""
        named, stages = self.named(system, split)
        model, more = self.adapter("joint" if system.is_joint else "places", system)
        stages, reads = [*stages, *more], [named, model]
        flags: tuple[object, ...] = ("--system", "vkel", "--vkel_places", model, "--vkel_dtype", "float32")
        flags = (*flags, "--vkel_named", named, "--vkel_max_new_tokens", self.run.sizes["tokens"])
        if system.llms:
            known, asked = self.knowledge(system, split, named)
            stages, reads, flags = [*stages, asked], [*reads, known], (*flags, "--vkel_knowledge", known)
        if system.top_k:
            regions = self._objects(split)
            reads, flags = [*reads, regions], (*flags, "--vkel_regions", regions, "--vkel_top_k", system.top_k)
        out, title = self.out / "whole" / system.name / split, f"evaluation: {system.name} on {split}"
        scored = self._evaluate(f"whole/{system.name}/{split}", title, out, split, *flags, reads=reads)
        return out, [*stages, scored]

    def direct(self, system: Variant, split: str) -> tuple[Path, list[Stage]]:
        """Return the evaluation of a model that is tuned on text and image directly (VKEL IV-B 2), and its stages."""
        model, before = self.adapter("direct", system)
        out = self.out / "direct" / system.family / split
        flags = ("--model_name_or_path", model, "--dtype", "float32", "--max_new_tokens", self.run.sizes["tokens"])
        title = f"evaluation: tuned directly, {system.family}, on {split}"
        scored = self._evaluate(f"direct/{system.family}/{split}", title, out, split, *flags, reads=[model])
        return out, [*before, scored]

    def at_threshold(self, system: Variant, threshold: float) -> tuple[Path, list[Stage]]:
        """Return the score of a whole system's predictions at another IoU threshold (VKEL Table IX), and its stages."""
        found, before = self.whole(system)
        out, predictions = self.out / "iou" / f"{threshold:g}", found / "predictions-000.jsonl"
        gold, makes = self._samples("test"), [out / "metrics.json", out / "counts.json"]
        rule = EXCEEDED if threshold < 1 else ()  # no IoU exceeds 1: there a perfect box is right (IV-J 2)
        flags = ("--predictions", predictions, "--gold", gold, "--iou_threshold", threshold, *rule, "--output_dir", out)
        name, title = f"iou/{threshold:g}", f"evaluation: IoU {threshold:g}"
        return out, [*before, self._stage(name, title, "evaluate", *flags, reads=[predictions, gold], makes=makes)]


def plan_whole(system: Variant, run: TableRun) -> RowPlan:
    """Return the plan of a system, scored on known and on unseen names."""
    runs = VkelRuns(run)
    (test, stages), (unseen, more) = runs.whole(system), runs.whole(system, "unseen")
    return RowPlan(tuple(dict.fromkeys([*stages, *more])), {"test": test, "unseen": unseen})


def plan_direct(system: Variant, run: TableRun) -> RowPlan:
    """Return the plan of a model that is tuned directly, scored on known and on unseen names."""
    runs = VkelRuns(run)
    (test, stages), (unseen, more) = runs.direct(system, "test"), runs.direct(system, "unseen")
    return RowPlan(tuple(dict.fromkeys([*stages, *more])), {"test": test, "unseen": unseen})


def plan_thresholds(system: Variant, thresholds: tuple[float, ...], run: TableRun) -> RowPlan:
    """Return the plan of a system that is scored at several IoU thresholds."""
    runs = VkelRuns(run)
    scored = {f"{threshold:g}": runs.at_threshold(system, threshold) for threshold in thresholds}
    stages = [stage for _, planned in scored.values() for stage in planned]
    return RowPlan(tuple(dict.fromkeys(stages)), {name: folder for name, (folder, _) in scored.items()})
