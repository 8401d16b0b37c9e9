"""MCR's parts in the sandbox: worlds for the three tasks, the base model that ships, the sandbox's configs."""

from dataclasses import dataclass
from pathlib import Path

from mcr.systems.datasets import GMNER, GREFCOCO, MNER_MI, SANDBOX_BASE, Dataset, image_folder, samples_folder, sandbox_stage
from mcr.systems.mcr.kit import CONFIGS, Evaluated, Model, TrainingSets, made_sets
from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import TableRun

FAMILY = "qwen3_vl"
SIZES = {
    "gmner": 3200,  # training scenes of each task
    "mner": 800,
    "phrases": 800,
    "dev": 30,  # of each task, watched while CVO trains
    "test": 200,
    "sft_steps": 450,
    "more_steps": 32,  # of the row w/o CVO: two epochs of D2
    "filter_prompts": 128,
    "grpo_steps": 16,
    "grpo_groups": 8,
    "max_tokens": 220,
    "min_std": 0.05,  # of the filter's rule
    "min_max": 0.8,
    "min_median": 0.08,
}
NUM_SCORES = 4  # on held-out samples while CVO trains
NUM_COMPLETIONS, ACCUMULATED = 8, 4  # of a prompt, and micro-batches of a step, in sandbox_grpo.yaml
ROUTES = "steps_text_first,steps_image_first,question_answer,brief,narrative"
# All routes and the whole instruction, but one order, phrasing and format: what a tiny model learns in minutes.
SCHEMA_FLAGS = ("--styles", ROUTES, "--fixed_order", "--phrasings", 1, "--per_sample", 1, "--answer_formats", "rows")
EVALUATED = {"gmner": (GMNER, "test"), "mner_mi": (MNER_MI, "test"), "grec_testA": (GREFCOCO, "testA")}
EVALUATED |= {"grec_testB": (GREFCOCO, "testB")}
MIXED = {GMNER: "gmner", MNER_MI: "mner", GREFCOCO: "phrases"}  # with the names of their sizes


def merge_stage(name: str, title: str, run: Path) -> Stage:
    """Return the stage that makes one plain model of the adapter of a training run, in the run's folder."""
    flags = ("--model", run / "model", "--output_dir", run / "merged")
    return make_stage(name, f"one plain model: {title}", "merge", *flags, reads=[run / "model"], makes=[run / "merged"])


@dataclass(frozen=True, slots=True)
class SandboxKit:
    """A kit (`mcr.systems.mcr.kit.Kit`). Every seed has its world and its training."""

    run: TableRun
    style: str = "steps_text_first"

    @property
    def out(self) -> Path:
        """The folder of MCR's runs with this seed."""
        return self.run.folder / "mcr"

    def images(self) -> Path:
        """Return the folder of the GMNER images."""
        return image_folder(self.run, GMNER)

    def test(self) -> Path:
        """Return the GMNER test samples."""
        return samples_folder(self.run, GMNER) / "test.jsonl"

    def world(self, dataset: Dataset) -> Stage:
        """Return the stage of one of the three worlds."""
        sizes = self.run.sizes
        return sandbox_stage(self.run, dataset, sizes[MIXED[dataset]], sizes["dev"], sizes["test"])

    def _mix(self, split: str) -> Stage:
        """Return the stage that mixes the three worlds' samples of a split."""
        folders, out = [samples_folder(self.run, one) for one in MIXED], self.out / "mix"
        samples, names = [folder / f"{split}.jsonl" for folder in folders], [folder.name for folder in folders]
        flags = ("--samples", *samples, "--image_folders", *names, "--output_dir", out, "--split", split, "--seed", self.run.seed)
        name, title = self.run.name(f"mcr/mix/{split}"), f"one set of the three tasks: {split}"
        return make_stage(name, title, "data_prep.mix_samples", *flags, reads=samples, makes=[out / f"{split}.jsonl"])

    def schemas(self, variant: str, *flags: object, d2_share: float | None = None, source: str = "mix") -> TrainingSets:
        """Return the training sets of schemas; without a choice of styles among the flags, of several styles."""
        out, sizes = self.out / variant / "schemas", self.run.sizes
        if source == "mix":
            before = (*map(self.world, MIXED), self._mix("train"), self._mix("dev"))
            folder, images = self.out / "mix", self.run.folder / "data"
            image_folders = tuple(image_folder(self.run, dataset) for dataset in MIXED)
        else:
            before, folder, images = (self.world(GMNER),), samples_folder(self.run, GMNER), self.images()
            image_folders = (images,)
        samples, d1, d2 = folder / "train.jsonl", out / "d1.parquet", out / "d2.parquet"
        styles = () if "--single_style" in flags else SCHEMA_FLAGS
        usual = sizes["filter_prompts"] / sum(sizes[name] for name in MIXED.values())
        written = ("--samples", samples, "--output_dir", out, "--family", FAMILY, *styles, *flags)
        stage = make_stage(
            self.run.name(f"mcr/{variant}/schemas"),
            f"reasoning schemas: {variant}",
            "data_prep.write_schemas",
            *(*written, "--d2_share", usual if d2_share is None else d2_share, "--seed", self.run.seed),
            reads=[samples],
            makes=made_sets(d1, d2, d2_share),
        )
        return TrainingSets(d1, d2, images, image_folders, folder / "dev.jsonl", (*before, stage))

    @property
    def base(self) -> Model:
        """The sandbox's pretrained model; it is the same for all seeds."""
        return Model(SANDBOX_BASE)

    def sft(self, variant: str, sets: TrainingSets) -> Model:
        """Return the base model fine-tuned on D1."""
        steps = ("--max_steps", self.run.sizes["sft_steps"])
        return self._train(f"mcr/{variant}/mrsi", f"fine-tuning: {variant}", "sft", self.base, sets, sets.d1, *steps)

    def sft_again(self, variant: str, start: Model, sets: TrainingSets) -> Model:
        """Return a model that D2 fine-tunes further, at a quarter of the first learning rate (our choice)."""
        steps = ("--max_steps", self.run.sizes["more_steps"], "--learning_rate", 1.25e-3, "--warmup_steps", 5)
        return self._train(f"mcr/{variant}/mrsi", f"fine-tuning: {variant}", "sft", start, sets, sets.d2, *steps)

    def cvo(self, variant: str, start: Model, sets: TrainingSets, *flags: object, is_filtered: bool = True) -> Model:
        """Return a model after CVO, scored on held-out samples on the way."""
        sizes, train_set = self.run.sizes, sets.d2
        if is_filtered:
            start, train_set = self._filter(variant, start, sets)
        watched = ("--held_out", sets.held_out, "--held_out_size", len(MIXED) * int(sizes["dev"]))
        watched = (*watched, "--held_out_steps", max(1, int(sizes["grpo_steps"]) // NUM_SCORES))
        tokens = ("--max_completion_length", sizes["max_tokens"])
        rows = int(NUM_COMPLETIONS * sizes["grpo_groups"]) // ACCUMULATED
        steps = ("--max_steps", sizes["grpo_steps"], "--per_device_train_batch_size", rows)
        return self._train(
            f"mcr/{variant}/cvo", f"CVO: {variant}", "grpo", start, sets, train_set, *steps, *tokens, *watched, *flags
        )

    def _filter(self, variant: str, start: Model, sets: TrainingSets) -> tuple[Model, Path]:
        """Return the model with the filter's stage behind its own, and what the filter keeps."""
        sizes, out = self.run.sizes, self.out / variant / "filter"
        rule = ("--min_std", sizes["min_std"], "--min_max", sizes["min_max"], "--min_median", sizes["min_median"])
        stage = self._stage(
            f"mcr/{variant}/filter",
            f"sampling and filtering: {variant}",
            "filter",
            *("--model_name_or_path", start.path, "--train_set", sets.d2, "--image_root", sets.images, "--output_dir", out),
            *("--seed", self.run.seed, "--max_new_tokens", sizes["max_tokens"], *rule),
            reads=[*start.reads(), sets.d2, *sets.image_folders],
            makes=[out / "kept.parquet"],
        )
        return Model(start.path, (*start.stages, stage)), out / "kept.parquet"

    def evaluate(self, variant: str, model: Model, *datasets: str, prompting: str = "") -> Evaluated:
        """Return the evaluations of a model; a model that is asked as it is has its family named."""
        asked = ("--prompting", prompting, "--family", FAMILY) if prompting else ()
        folders = {name: self.out / "eval" / variant / name for name in datasets}
        stages = list(model.stages)
        for name, out in folders.items():
            dataset, split = EVALUATED[name]
            stages.append(self.world(dataset))
            gold, train = (samples_folder(self.run, dataset) / f"{part}.jsonl" for part in (split, "train"))
            shown = ("--train_samples", train) if prompting == "cot_demonstrations" else ()
            files = ("--gold", gold, "--image_root", image_folder(self.run, dataset), "--output_dir", out)
            stage = self._stage(
                f"mcr/eval/{variant}/{name}",
                f"evaluation: {variant} on {name}",
                "evaluate",
                *("--model_name_or_path", model.path, *files, "--max_new_tokens", self.run.sizes["max_tokens"], *asked, *shown),
                reads=[*model.reads(), gold, image_folder(self.run, dataset), *([train] if shown else [])],
                makes=[out / "metrics.json", out / "counts.json"],
            )
            stages.append(stage)
        return Evaluated(tuple(dict.fromkeys(stages)), folders)

    def _train(
        self, name: str, title: str, program: str, start: Model, sets: TrainingSets, train_set: Path, *flags: object
    ) -> Model:
        """Return the model of a training run, its adapter merged."""
        out = self.run.folder / name
        stage = self._stage(
            name,
            title,
            program,
            *("--model_name_or_path", start.path, "--train_set", train_set, "--image_root", sets.images),
            *("--output_dir", out, "--seed", self.run.seed, *flags),
            reads=[*start.reads(), train_set, *sets.image_folders, *([sets.held_out] if "--held_out" in flags else [])],
            makes=[out / "model"],
        )
        merged = merge_stage(self.run.name(f"{name}/merge"), title, out)
        return Model(merged.makes[0], tuple(dict.fromkeys((*sets.stages, *start.stages, stage, merged))), out)

    def _stage(self, name: str, title: str, program: str, *flags: object, reads: list[Path], makes: list[Path]) -> Stage:
        """Return the stage of a recipe with its sandbox config."""
        config = CONFIGS / f"sandbox_{program}.yaml"
        return make_stage(self.run.name(name), title, program, "--config", config, *flags, reads=reads, makes=makes)
