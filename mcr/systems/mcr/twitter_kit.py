"""MCR's parts as published: three datasets, 7B models, the configs that hold the paper's settings, 8 GPUs."""

from dataclasses import dataclass
from pathlib import Path

from mcr.errors import ConfigError
from mcr.systems.datasets import GMNER, GREFCOCO, MNER_MI, described_stage, image_folder, published_stage, samples_folder
from mcr.systems.mcr.kit import CONFIGS, Evaluated, Model, TrainingSets, made_sets
from mcr.systems.stages import PACKAGES, Stage, make_stage
from mcr.systems.tables import TableRun

FAMILY = "qwen2_5_vl"  # of both models: MiMo-VL writes boxes as Qwen2.5-VL does
SIZES = {"gmner": 7000, "mner_mi": 6856, "grefcoco": 14000, "teachers": 1}  # Table 5; teachers=0: templates write every route
MIXED = (GMNER, MNER_MI, GREFCOCO)
STUB_SIZES = {"gmner": 6, "mner_mi": 6, "grefcoco": 6, "teachers": 0}
DEV_SIZES = (160, 48, 48)  # of the samples that are watched, as in data_prep/configs/mcr_mix_dev.yaml
TRAIN_FILES = ("described.jsonl", "train.jsonl", "train.jsonl")
DEV_FILES = ("dev.jsonl", "dev.jsonl", "val.jsonl")
LAUNCH = PACKAGES / "launch" / "several_gpus.yaml"
MIXES = PACKAGES / "data_prep" / "configs"
# (dataset, split, what the name of its config holds)
EVALUATED = {
    "gmner": (GMNER, "test", ""),
    "mner_mi": (MNER_MI, "test", "_mner_mi"),
    "grec_testA": (GREFCOCO, "testA", "_grec_testa"),
    "grec_testB": (GREFCOCO, "testB", "_grec_testb"),
}
PROMPTINGS = {"direct": "direct", "cot": "cot", "cot_demonstrations": "cot_3_shot"}


def config_named(name: str) -> Path:
    """Return a YAML file by its name, in whichever folder of MCR's configs it is.

    Raises:
        ConfigError: there is none.
    """
    found = sorted(CONFIGS.rglob(f"{name}.yaml"))
    if not found:
        raise ConfigError(f"config: {name}.yaml is nowhere in {CONFIGS}. Write it, or correct the plan that names it.")
    return found[0]


@dataclass(frozen=True, slots=True)
class TwitterKit:
    """A kit (`mcr.systems.mcr.kit.Kit`). The seeds share data and schemas; the seed is of training and sampling.

    Attributes:
        run: what is made.
        model: as the names of the configs have it, e.g. qwen2_5_vl_7b.
    """

    run: TableRun
    model: str
    style: str = "steps_text_first"

    @property
    def out(self) -> Path:
        """The folder of this model's runs with this seed."""
        return self.run.folder / "mcr" / self.model

    @property
    def base(self) -> Model:
        """The model that the configs begin with, by its name on the hub."""
        import yaml  # which help does without

        config = yaml.safe_load(config_named(f"mix_{self.model}_sft").read_text(encoding="utf-8"))
        return Model(config["model_name_or_path"])

    def images(self) -> Path:
        """Return the folder of the GMNER images."""
        return image_folder(self.run, GMNER)

    def test(self) -> Path:
        """Return the GMNER test samples."""
        return samples_folder(self.run, GMNER) / "test.jsonl"

    def data(self) -> tuple[Stage, ...]:
        """Return the stages of the three datasets, of their mix and of what is watched while models train."""
        num = [self.run.sizes[dataset.name] for dataset in MIXED]
        watched = [min(most, int(wanted)) for most, wanted in zip(DEV_SIZES, num, strict=True)]
        folders = [samples_folder(self.run, dataset) for dataset in MIXED]
        train, dev = ([one / file for one, file in zip(folders, files, strict=True)] for files in (TRAIN_FILES, DEV_FILES))
        stages = [*(published_stage(self.run, dataset) for dataset in MIXED), described_stage(self.run)]
        return (*stages, self._mix("mcr_mix", "train", train, num), self._mix("mcr_mix_dev", "dev", dev, watched))

    def _mix(self, config: str, split: str, samples: list[Path], num: list[float] | list[int]) -> Stage:
        out = self.run.shared / "mcr" / "mix"
        flags = ("--config", MIXES / f"{config}.yaml", "--samples", *samples, "--num", *num, "--output_dir", out)
        name, title, made = f"mcr/mix/{split}", f"one set of the three datasets: {split}", out / f"{split}.jsonl"
        return make_stage(name, title, "data_prep.mix_samples", *flags, reads=samples, makes=[made])

    def schemas(self, variant: str, *flags: object, d2_share: float | None = None, source: str = "mix") -> TrainingSets:
        """Return the training sets of schemas; several styles are written by the teachers of E.4."""
        run, out = self.run, self.run.shared / "mcr" / variant / "schemas"
        if source == "mix":
            before, folder, images = self.data(), run.shared / "mcr" / "mix", run.data / "images"
        else:
            before, folder, images = (published_stage(run, GMNER),), samples_folder(run, GMNER), self.images()
        samples, d1, d2 = folder / "train.jsonl", out / "d1.parquet", out / "d2.parquet"
        is_asked = run.sizes["teachers"] and "--single_style" not in flags
        asked = ("--teachers", MIXES / "mcr_teachers.yaml", "--image_root", images) if is_asked else ()
        share = () if d2_share is None else ("--d2_share", d2_share)
        stage = make_stage(
            f"mcr/{variant}/schemas",
            f"reasoning schemas: {variant}",
            "data_prep.write_schemas",
            *("--samples", samples, "--family", FAMILY, "--output_dir", out, *asked, *share, *flags),
            reads=[samples],
            makes=made_sets(d1, d2, d2_share),
        )
        return TrainingSets(d1, d2, images, (images,), folder / "dev.jsonl", (*before, stage))

    def sft(self, variant: str, sets: TrainingSets) -> Model:
        """Return the base model fine-tuned on D1."""
        return self._train(variant, "sft", self.base, sets, sets.d1)

    def sft_again(self, variant: str, start: Model, sets: TrainingSets) -> Model:
        """Return a model that D2 fine-tunes further."""
        return self._train(variant, "sft", start, sets, sets.d2)

    def cvo(self, variant: str, start: Model, sets: TrainingSets, *flags: object, is_filtered: bool = True) -> Model:
        """Return a model after CVO."""
        train_set = sets.d2
        if is_filtered:
            out, name = self.out / variant / "filter", f"mcr/{self.model}/{variant}/filter"
            stage = make_stage(
                self.run.name(name),
                f"sampling and filtering: {self.model}, {variant}",
                "filter",
                *("--config", self._config(variant, "filter"), "--model_name_or_path", start.path, "--train_set", sets.d2),
                *("--image_root", sets.images, "--output_dir", out, "--seed", self.run.seed),
                reads=[*start.reads(), sets.d2, *sets.image_folders],
                makes=[out / "kept.parquet"],
                launch=LAUNCH,
            )
            start, train_set = Model(start.path, (*start.stages, stage)), out / "kept.parquet"
        return self._train(variant, "grpo", start, sets, train_set, *flags)

    def _train(self, variant: str, program: str, start: Model, sets: TrainingSets, train_set: Path, *flags: object) -> Model:
        """Return the model of a training run, its adapter merged."""
        out, name = self.out / variant / program, f"mcr/{self.model}/{variant}/{program}"
        trained = make_stage(
            self.run.name(name),
            f"{'CVO' if program == 'grpo' else 'fine-tuning'}: {self.model}, {variant}",
            program,
            *("--config", self._config(variant, program), "--model_name_or_path", start.path, "--train_set", train_set),
            *("--image_root", sets.images, "--held_out", sets.held_out, "--output_dir", out, "--seed", self.run.seed),
            *flags,
            reads=[*start.reads(), train_set, sets.held_out, *sets.image_folders],
            makes=[out / "model"],
            launch=LAUNCH,
        )
        merged = make_stage(
            self.run.name(f"{name}/merge"),
            f"one plain model: {self.model}, {variant}",
            "merge",
            *("--model", out / "model", "--output_dir", out / "merged"),
            reads=[out / "model", *start.reads()],
            makes=[out / "merged"],
        )
        return Model(out / "merged", tuple(dict.fromkeys((*sets.stages, *start.stages, trained, merged))), out)

    def evaluate(self, variant: str, model: Model, *datasets: str, prompting: str = "") -> Evaluated:
        """Return the evaluations of a model."""
        folders = {name: self.out / "eval" / variant / name for name in datasets}
        stages = list(model.stages)
        for name, out in folders.items():
            dataset, split, suffix = EVALUATED[name]
            stages.append(published_stage(self.run, dataset))
            gold, train = (samples_folder(self.run, dataset) / f"{part}.jsonl" for part in (split, "train"))
            config = f"{self.model}_{PROMPTINGS[prompting]}" if prompting else f"mix_{self.model}{suffix}"
            shown = ("--train_samples", train) if prompting == "cot_demonstrations" else ()
            stage = make_stage(
                self.run.name(f"mcr/{self.model}/eval/{variant}/{name}"),
                f"evaluation: {self.model}, {variant} on {name}",
                "evaluate",
                *("--config", config_named(f"{config}_evaluate"), "--model_name_or_path", model.path, "--gold", gold, *shown),
                *("--image_root", image_folder(self.run, dataset), "--output_dir", out, "--seed", self.run.seed),
                reads=[*model.reads(), gold, image_folder(self.run, dataset), *([train] if shown else [])],
                makes=[out / "metrics.json", out / "counts.json"],
            )
            stages.append(stage)
        return Evaluated(tuple(dict.fromkeys(stages)), folders)

    def _config(self, variant: str, program: str) -> Path:
        """Return the config of a variant's run: of the method, of the baseline on GMNER alone, or of an ablation."""
        names = {
            "mcr": f"mix_{self.model}",
            "answer_only": f"twitter_gmner_{self.model}_answer_only",
            "mix_answer_only": f"mix_{self.model}_answer_only",
        }
        return config_named(f"{names.get(variant, f'mix_{self.model}_{variant}')}_{program}")
