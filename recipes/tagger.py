"""PLIM's tagger (RiVEG IV-B): an encoder with a CRF over [sentence; knowledge], trained on samples and scored on dev each epoch.

    mcr train-tagger --config mcr/systems/riveg/configs/twitter_bert_tagger.yaml [--encoder bilstm ...]

Called again, it resumes from its last checkpoint. The model that is saved is the best one on dev.
"""

import dataclasses
import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcr.errors import ConfigError, Terminated, run_command
from mcr.io.samples import load_samples
from mcr.knowledge.known_texts import Knowledge, by_sample, read_knowledge
from mcr.records import Entity, Sample
from mcr.runs.config import parse_settings
from mcr.runs.fingerprint import file_hash, weights_hash
from mcr.runs.run_folder import make_run_folder, write_run_record
from mcr.tagging.texts import TrainingTexts, training_texts
from mcr.tasks import MNER

if TYPE_CHECKING:
    from mcr.training.checkpoints.identity import RunIdentity


@dataclass
class TaggerArguments:
    """What a tagger is trained on, and what it is made of."""

    train_samples: str = field(metadata={"help": "samples.jsonl of the training split"})
    dev_samples: str = field(metadata={"help": "samples.jsonl of the dev split, scored after each epoch"})
    knowledge: list[str] = field(
        default_factory=list,
        metadata={"help": "knowledge.jsonl of the training samples; several sources train on each sample once a source (Mix)"},
    )
    dev_knowledge: str | None = field(default=None, metadata={"help": "knowledge.jsonl of the dev samples, of one source"})
    text_only: bool = field(
        default=False, metadata={"help": "leave the knowledge out that a config names (RiVEG Table V, text only)"}
    )
    encoder: str = field(default="bilstm", metadata={"help": "bilstm, from scratch, or transformer"})
    encoder_name_or_path: str = field(default="", metadata={"help": "of a transformer: a folder or a name of the hub"})
    max_tokens: int = field(default=256, metadata={"help": "of sentence and knowledge together (RiVEG V-A 3 a)"})
    patience: int = field(default=5, metadata={"help": "epochs without a better dev score before training ends (our choice)"})
    resume_with_changes: bool = field(default=False, metadata={"help": "resume in a folder whose run had other settings or data"})

    def __post_init__(self) -> None:
        if self.text_only:
            self.knowledge, self.dev_knowledge = [], None
        if bool(self.knowledge) != (self.dev_knowledge is not None):
            raise ConfigError("knowledge: give it for both training and dev samples, or for neither.")
        if self.patience < 1 or self.max_tokens < 1:
            raise ConfigError(f"patience {self.patience}, max_tokens {self.max_tokens}: expected at least 1 each.")


SETTINGS = (TaggerArguments, "mcr.tagging.trainer.TaggerConfig")


@dataclass(frozen=True, slots=True)
class Data:
    """What a run reads.

    Attributes:
        training: the texts to train on.
        dev: the samples to score, names and types alone.
        dev_knowledge: on them, by their ids.
    """

    training: TrainingTexts
    dev: list[Sample]
    dev_knowledge: dict[str, list[Knowledge]]


def read_data(arguments: TaggerArguments) -> Data:
    """Read and check all files.

    Raises:
        DataError: a file cannot be used, knowledge is of other samples, or nothing is left to train on.
    """
    samples, dev = (load_samples(Path(path)) for path in (arguments.train_samples, arguments.dev_samples))
    known = [record for path in arguments.knowledge for record in read_knowledge(Path(path))]
    dev_known = read_knowledge(Path(arguments.dev_knowledge)) if arguments.dev_knowledge else []
    for what, records, read in (("knowledge", known, samples), ("dev_knowledge", dev_known, dev)):
        strange = sorted({record.id for record in records} - {sample.id for sample in read})
        if strange:
            raise ConfigError(
                f"{what}: {len(strange)} ids are of no sample, {strange[0]!r} first. Give the file of these samples."
            )
    training = training_texts(samples, by_sample(known))
    for sample_id, text in training.unplaced[:3]:
        print(f"warning: {text!r} of sample {sample_id} is no run of whole words, or other entities have them all: not tagged")
    if training.unplaced:
        print(f"warning: {len(training.unplaced)} entities in all have no tags", flush=True)
    return Data(training, [names_alone(sample) for sample in dev], by_sample(dev_known))


def names_alone(sample: Sample) -> Sample:
    """Return a sample that asks for names and types alone."""
    entities = tuple(Entity(entity.text, entity.type) for entity in sample.entities)
    return replace(sample, task=MNER, images=(), regions=(), entities=entities)


def identify(arguments: TaggerArguments, config: Any) -> "RunIdentity":
    """Return what the run is made of, checked against its folder.

    Raises:
        ConfigError: the folder holds another run.
    """
    from mcr.training.checkpoints.identity import check_same_run, settings_rows

    files = [arguments.train_samples, arguments.dev_samples, *arguments.knowledge]
    files += [arguments.dev_knowledge] if arguments.dev_knowledge else []
    places = {one.name for one in dataclasses.fields(arguments)} - {"encoder", "encoder_name_or_path", "max_tokens", "patience"}
    rows = {name: value for name, value in settings_rows((arguments, config)).items() if name not in places}
    rows |= {"data": [file_hash(Path(path)) for path in files]}
    rows |= {"rows_a_step": config.per_device_train_batch_size * config.gradient_accumulation_steps}
    if arguments.encoder_name_or_path:
        rows |= {"encoder_weights": weights_hash(arguments.encoder_name_or_path)}
    return check_same_run(Path(config.output_dir), rows, with_changes=arguments.resume_with_changes)


def main(argv: list[str] | None = None) -> None:
    """Check the data, train, keep the model that was best on dev."""
    arguments, config = settings = parse_settings(SETTINGS, argv)
    from transformers import set_seed

    from mcr.tagging.predictor import TaggerPredictor
    from mcr.tagging.tagger import make_tagger
    from mcr.tagging.trainer import StopWithoutGain, TaggerTrainer
    from mcr.training.callbacks.validation import HeldOutScores
    from mcr.training.checkpoints.checkpoint import copy_model
    from mcr.training.checkpoints.resume import last_checkpoint, resume_hint
    from mcr.training.run import is_stopped, run_callbacks

    if config.world_size > 1:
        raise ConfigError(f"train-tagger: got {config.world_size} processes, expected one: a tagger is small. Start it without.")
    out = Path(config.output_dir)
    data, identity = read_data(arguments), identify(arguments, config)
    make_run_folder(out)
    if (out / "model").is_dir():
        print(f"the run in {out} is finished: nothing to train")
        return
    set_seed(config.seed)
    texts, types = data.training.texts, data.training.types
    tagger = make_tagger(arguments.encoder, arguments.encoder_name_or_path, texts, types, max_tokens=arguments.max_tokens)
    steps_an_epoch = math.ceil(len(texts) / (config.per_device_train_batch_size * config.gradient_accumulation_steps))
    scores = HeldOutScores(data.dev, lambda model, _: TaggerPredictor(model, data.dev_knowledge), None, every=steps_an_epoch)
    stop = StopWithoutGain(arguments.patience * steps_an_epoch)
    trainer = TaggerTrainer(tagger, config, texts, run_callbacks(out, scores, stop))
    scores.trainer = stop.trainer = trainer
    write_run_record(out, "tagger", settings, config.seed)
    identity.save(out)
    trainer.train(resume_from_checkpoint=last_checkpoint(out))
    if is_stopped(trainer.callback_handler.callbacks):
        raise Terminated(f"terminated at step {trainer.state.global_step}. {resume_hint(out)}")
    best = trainer.best or {"step": trainer.state.global_step}
    copy_model(out / f"checkpoint-{best['step']}", out / "model")
    print(f"best on dev: {json.dumps(best)} -> {out / 'model'}")


if __name__ == "__main__":
    run_command(main)
