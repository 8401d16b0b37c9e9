"""PLIM on published text: Twitter-2015, Twitter-2017 and Twitter-GMNER with the knowledge that is published for them.

The folder of the data (`--data_root`) holds the files under the names that they have in their repositories, packed or not:

    Twitter10000_v2.0/, or Twitter10000_v2.0.annotations.tar.gz     Twitter-GMNER
    twitter_2015_{train,valid,test}.txt.gz, twitter_2017_...   the two MNER sets
    pgim_knowledge_2015.zip, pgim_knowledge_2017.zip       ChatGPT's knowledge for them (PGIM)
    riveg_mner_noaugment_{train,valid,test}.txt.gz         and for Twitter-GMNER (RiVEG)
    encoders/minilm/                                       a small text encoder of your own choice

Images are not needed.
"""

from dataclasses import dataclass
from pathlib import Path

from mcr.errors import ConfigError
from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import RowPlan, TableRun

CONFIGS = Path(__file__).parent / "configs"
SPLITS = {"train": "train", "dev": "valid", "test": "test"}  # ours, and that of the published files
SOURCE = "gpt-3.5-turbo"
SIZES = {"bilstm_epochs": 15, "minilm_epochs": 3}
STUB_SIZES = {"bilstm_epochs": 1, "minilm_epochs": 1}


@dataclass(frozen=True, slots=True)
class TextSet:
    """One dataset.

    Attributes:
        name: of its samples' folder, and of its evaluations.
        reader: its name for mcr build-samples.
        folder: of the annotations, inside the folder of the data; "" is that folder itself.
        blocks: of its knowledge, "{split}" in it.
        missing_at_end: how many of a split's last samples its knowledge leaves out.
        evaluation: what its evaluation is called; "": the name.
    """

    name: str
    reader: str
    folder: str
    blocks: str
    missing_at_end: int = 0
    evaluation: str = ""


GMNER = TextSet("gmner", "twitter-gmner", "Twitter10000_v2.0", "riveg_mner_noaugment_{split}.txt.gz", evaluation="mner")
TWITTER_2015 = TextSet("twitter_2015", "twitter-2015", "", "pgim_knowledge_2015.zip/{split}.txt", missing_at_end=1)
TWITTER_2017 = TextSet("twitter_2017", "twitter-2017", "", "pgim_knowledge_2017.zip/{split}.txt")
KNOWN = ("none", "chatgpt", "shuffled")


@dataclass(frozen=True, slots=True)
class TextVariant:
    """One way to tag.

    Attributes:
        encoder: bilstm, minilm, bert or xlmr: the middle of its config's name.
        knowledge: one of KNOWN.
    """

    encoder: str
    knowledge: str = "none"

    def __post_init__(self) -> None:
        if self.knowledge not in KNOWN:
            raise ConfigError(f"knowledge: got {self.knowledge!r}, expected one of {', '.join(KNOWN)}.")

    @property
    def name(self) -> str:
        """What its runs are called."""
        return self.encoder if self.knowledge == "none" else f"{self.encoder}-{self.knowledge}"


def samples_folder(run: TableRun, data: TextSet) -> Path:
    """Return the folder of a dataset's samples and knowledge; all seeds share it."""
    return run.shared / "text" / data.name


def data_stages(run: TableRun, data: TextSet, knowledge: str) -> list[Stage]:
    """Return the stages that read a dataset and its knowledge as published."""
    out, root = samples_folder(run, data), run.data / data.folder if data.folder else run.data
    stages = []
    archive = run.data / f"{data.folder}.annotations.tar.gz"
    if data.folder and archive.is_file() and not root.is_dir():
        unpacked = run.shared / "text" / "unpacked"
        root, flags = unpacked / data.folder, ("--archive", archive, "--output_dir", unpacked)
        title, module = f"{archive.name} unpacked", "data_prep.readers.packed"
        stages.append(make_stage(f"text/{data.name}/unpacked", title, module, *flags, reads=[archive], makes=[unpacked, root]))
    makes = [out / f"{split}.jsonl" for split in SPLITS]
    flags = (data.reader, "--root", root, "--output_dir", out, "--splits", ",".join(SPLITS))
    name = f"text/{data.name}"
    stages.append(make_stage(name, f"samples of {data.reader}", "data_prep.build_samples", *flags, reads=[root], makes=makes))
    for split, published in SPLITS.items() if knowledge != "none" else ():
        blocks = run.data / data.blocks.format(split=published)
        read = blocks.parent if blocks.parent.suffix == ".zip" else blocks
        samples, made = out / f"{split}.jsonl", knowledge_path(run, data, split, "chatgpt")
        flags = ("--blocks", blocks, "--samples", samples, "--source", SOURCE, "--missing_at_end", data.missing_at_end)
        title, module = f"knowledge on {data.name}: {split}", "data_prep.knowledge.read_knowledge"
        stages.append(make_stage(f"{name}/{split}", title, module, *flags, "--output", made, reads=[samples, read], makes=[made]))
        if knowledge == "shuffled":
            mixed = knowledge_path(run, data, split, knowledge)
            flags = ("--knowledge", made, "--output", mixed, "--seed", run.seed)
            title, module = f"knowledge of other tweets: {split}", "data_prep.knowledge.shuffle_knowledge"
            stages.append(make_stage(run.name(f"{name}/{split}"), title, module, *flags, reads=[made], makes=[mixed]))
    return stages


def knowledge_path(run: TableRun, data: TextSet, split: str, knowledge: str) -> Path:
    """Return the file of a split's knowledge; that of other tweets depends on the seed."""
    folder = samples_folder(run, data) if knowledge == "chatgpt" else run.folder / "text" / data.name
    return folder / "knowledge" / f"{knowledge}_{split}.jsonl"


def config_of(variant: TextVariant, data: TextSet) -> Path:
    """Return the config of an encoder; XLM-R has another learning rate on Twitter-2015 (RiVEG V-A 3 a)."""
    names = (f"{data.name}_{variant.encoder}", f"twitter_{variant.encoder}", f"cpu_{variant.encoder}")
    return next(path for path in (CONFIGS / f"{name}_tagger.yaml" for name in names) if path.is_file())


def plan_text(variant: TextVariant, sets: tuple[TextSet, ...], run: TableRun) -> RowPlan:
    """Return the plan of a row: for each dataset the data, a tagger, and its scores on the test split."""
    stages: list[Stage] = []
    folders: dict[str, Path] = {}
    for data in sets:
        out, samples = run.folder / "riveg" / variant.name / data.name, samples_folder(run, data)
        train, dev, test = (samples / f"{split}.jsonl" for split in SPLITS)
        known = [knowledge_path(run, data, split, variant.knowledge) for split in SPLITS] if variant.knowledge != "none" else []
        flags = [
            "--config",
            config_of(variant, data),
            "--train_samples",
            train,
            "--dev_samples",
            dev,
            "--output_dir",
            out / "tagger",
        ]
        flags += [
            "--seed",
            run.seed,
            *(("--knowledge", known[0], "--dev_knowledge", known[1]) if known else ("--text_only", "true")),
        ]
        encoder = run.data / "encoders" / variant.encoder
        flags += ["--encoder_name_or_path", encoder] if variant.encoder == "minilm" else []
        epochs = f"{variant.encoder}_epochs"
        flags += ["--num_train_epochs", run.sizes[epochs]] if epochs in run.sizes else []
        name, title = run.name(f"riveg/{variant.name}/{data.name}"), f"{variant.name} on {data.name}"
        reads = [train, dev, *known[:2], *([encoder] if variant.encoder == "minilm" else [])]
        stages += data_stages(run, data, variant.knowledge)
        stages.append(
            make_stage(f"{name}/tagger", f"a tagger: {title}", "tagger", *flags, reads=reads, makes=[out / "tagger" / "model"])
        )
        asked = ("--system", "riveg", "--riveg_tagger", out / "tagger" / "model", "--gold", test, "--train_samples", train)
        asked = (*asked, *(("--riveg_knowledge", known[2]) if known else ()), "--output_dir", out / "eval")
        reads, makes = (
            [out / "tagger" / "model", train, test, *known[2:]],
            [out / "eval" / "metrics.json", out / "eval" / "counts.json"],
        )
        stages.append(make_stage(f"{name}/eval", f"evaluation: {title}", "evaluate", *asked, reads=reads, makes=makes))
        folders[data.evaluation or data.name] = out / "eval"
    return RowPlan(tuple(stages), folders)
