"""UnCo's small model: a sequence-to-sequence model that points at words and at regions, trained on samples, scored on dev.

    mcr train-pointer --config mcr/systems/unco/configs/twitter_gmner_bart_pointer.yaml [--gamma 0 ...]

Regions come from mcr propose-regions. Called again, it resumes from its last checkpoint. The model that is saved is the
best one on dev.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcr.errors import ConfigError, Terminated, run_command
from mcr.io.samples import load_samples
from mcr.records import Sample
from mcr.regions.proposed import Proposals, read_regions, regions_of
from mcr.runs.config import parse_settings
from mcr.runs.fingerprint import file_hash, weights_hash
from mcr.runs.run_folder import make_run_folder, write_run_record

if TYPE_CHECKING:
    from mcr.training.checkpoints.identity import RunIdentity


@dataclass
class PointerArguments:
    """What a pointer model is trained on, and what it is made of."""

    train_samples: str = field(metadata={"help": "samples.jsonl of the training split"})
    dev_samples: str = field(metadata={"help": "samples.jsonl of the dev split, scored after each epoch"})
    regions: str = field(default="", metadata={"help": "regions.jsonl of the training samples; none: no image is looked at"})
    dev_regions: str = field(default="", metadata={"help": "regions.jsonl of the dev samples"})
    image_root: str = field(default="", metadata={"help": "folder that the image paths start from"})
    vision_encoder: str = field(default="", metadata={"help": "CLIP or SigLIP: a folder or a name of the hub"})
    backbone: str = field(default="", metadata={"help": "BART: a folder or a name of the hub; none: a tiny one from scratch"})
    top_k: int = field(default=28, metadata={"help": "K, regions an image (UnCo B.1)"})
    gamma: float = field(default=0.6, metadata={"help": "weight of the debiasing loss (UnCo Eq. 9)"})
    margin: float = field(default=0.5, metadata={"help": "lambda, of the debiasing loss (UnCo Eq. 8)"})
    min_iou: float = field(default=0.5, metadata={"help": "up to which an IoU counts nothing in Eq. 3; 0: the plain equation"})
    word_dropout: float = field(
        default=0.0, metadata={"help": "chance of a token to be read as unknown in training (our choice)"}
    )
    resume_with_changes: bool = field(default=False, metadata={"help": "resume in a folder whose run had other settings or data"})

    def __post_init__(self) -> None:
        seen = {"regions": self.regions, "dev_regions": self.dev_regions, "image_root": self.image_root}
        seen |= {"vision_encoder": self.vision_encoder}
        lacking = [name for name, value in seen.items() if not value]
        if lacking and len(lacking) < len(seen):
            raise ConfigError(f"{', '.join(lacking)}: give all of {', '.join(seen)}, or none, where no image is looked at.")
        shares = (self.min_iou, self.word_dropout)
        if self.gamma < 0 or not all(0 <= one < 1 for one in shares) or self.top_k < 1:
            told = f"gamma {self.gamma}, min_iou {self.min_iou}, word_dropout {self.word_dropout}, top_k {self.top_k}"
            raise ConfigError(f"{told}: expected at least 0, two in [0, 1), and at least 1.")

    @property
    def sees(self) -> bool:
        """Whether images are looked at."""
        return bool(self.vision_encoder)


SETTINGS = (PointerArguments, "mcr.pointer.pointer_trainer.PointerConfig")
Pairs = list[tuple[Sample, Proposals]]


def read_pairs(samples_path: str, regions_path: str, top_k: int) -> Pairs:
    """Return samples with their regions; with none where no regions are given.

    Raises:
        DataError: a file cannot be used, or the regions are of other samples.
    """
    samples = load_samples(Path(samples_path))
    if not regions_path:
        return [(sample, ()) for sample in samples]
    return list(regions_of(samples, read_regions(Path(regions_path)), top_k))


def see(pairs: Pairs, arguments: PointerArguments, folder: Path) -> dict[str, Any]:
    """Return the features of samples by id; a row of zeros each where no image is looked at."""
    import torch

    from mcr.regions.crops import RegionEncoder, features_of

    if not arguments.sees:
        return {sample.id: torch.zeros(1, 1) for sample, _ in pairs}
    encoder = RegionEncoder(arguments.vision_encoder, Path(arguments.image_root))
    return dict(features_of(pairs, encoder, folder))


def identify(arguments: PointerArguments, config: Any) -> "RunIdentity":
    """Return what the run is made of, checked against its folder.

    Raises:
        ConfigError: the folder holds another run.
    """
    from mcr.training.checkpoints.identity import check_same_run, settings_rows

    files = [arguments.train_samples, arguments.dev_samples, arguments.regions, arguments.dev_regions]
    kept = {"top_k", "gamma", "margin", "min_iou", "word_dropout"}
    places = {one.name for one in dataclasses.fields(arguments)} - kept
    rows = {name: value for name, value in settings_rows((arguments, config)).items() if name not in places}
    rows |= {"data": [file_hash(Path(path)) for path in files if path]}
    rows |= {"rows_a_step": config.per_device_train_batch_size * config.gradient_accumulation_steps}
    models = {"backbone_weights": arguments.backbone, "vision_weights": arguments.vision_encoder}
    rows |= {name: weights_hash(path) for name, path in models.items() if path}
    return check_same_run(Path(config.output_dir), rows, with_changes=arguments.resume_with_changes)


def make_model(arguments: PointerArguments, placed: list[Any], feature_width: int) -> Any:
    """Return a new model for samples whose entities are placed."""
    from mcr.pointer.backbones import pretrained_backbone, tiny_backbone
    from mcr.pointer.seq2seq import LossWeights, PointerModel
    from mcr.pointer.sequences import types_of

    words = [one.words for one in placed]
    backbone = pretrained_backbone(arguments.backbone) if arguments.backbone else tiny_backbone(words)
    losses = LossWeights(arguments.gamma, arguments.margin, arguments.min_iou, arguments.word_dropout)
    return PointerModel(backbone, types_of(placed), feature_width, losses)


def keep_best(best: dict[str, Any], dev: list[Any], out: Path) -> None:
    """Make the checkpoint that was best on dev the run's model, with the temperatures that dev asks for."""
    from mcr.pointer.seq2seq import load_pointer
    from mcr.pointer.temperature import fit_temperatures
    from mcr.training.checkpoints.checkpoint import copy_model

    checkpoint = out / f"checkpoint-{best['step']}"
    fit_temperatures(load_pointer(checkpoint), dev).save(checkpoint)
    copy_model(checkpoint, out / "model")
    print(f"best on dev: {json.dumps(best)} -> {out / 'model'}")


def main(argv: list[str] | None = None) -> None:
    """Check the data, look at the regions, train, keep the model that was best on dev."""
    arguments, config = settings = parse_settings(SETTINGS, argv)
    from transformers import set_seed

    from mcr.pointer.decoding import Estimate
    from mcr.pointer.entropies import CONFIDENCE
    from mcr.pointer.pointer_predictor import PointerPredictor
    from mcr.pointer.pointer_trainer import PointerTrainer
    from mcr.pointer.seq2seq import SeenSample
    from mcr.pointer.sequences import place_entities
    from mcr.training.callbacks.validation import HeldOutScores
    from mcr.training.checkpoints.resume import last_checkpoint, resume_hint
    from mcr.training.run import is_stopped, run_callbacks

    if config.world_size > 1:
        raise ConfigError(
            f"train-pointer: got {config.world_size} processes, expected one: the model is small. Start it without."
        )
    out = Path(config.output_dir)
    pairs = read_pairs(arguments.train_samples, arguments.regions, arguments.top_k)
    dev_pairs = read_pairs(arguments.dev_samples, arguments.dev_regions, arguments.top_k)
    identity = identify(arguments, config)
    make_run_folder(out)
    if (out / "model").is_dir():
        print(f"the run in {out} is finished: nothing to train")
        return
    placed = [place_entities(sample) for sample, _ in pairs]
    num_unplaced = sum(len(one.unplaced) for one in placed)
    if num_unplaced:
        print(f"warning: {num_unplaced} entities are no run of whole words, or other entities have them: not trained on")
    features = see(pairs, arguments, out / "regions" / "train")
    dev_features = see(dev_pairs, arguments, out / "regions" / "dev")
    set_seed(config.seed)
    model = make_model(arguments, placed, next(iter(features.values())).shape[1])
    seen = [
        SeenSample(one, regions, features[one.sample.id]) for one, (_, regions) in zip(placed, pairs, strict=True) if one.words
    ]
    dev_regions, dev = {sample.id: regions for sample, regions in dev_pairs}, [sample for sample, _ in dev_pairs]
    every = max(1, -(-len(seen) // (config.per_device_train_batch_size * config.gradient_accumulation_steps)))
    scores = HeldOutScores(
        dev,
        lambda trained, _: PointerPredictor(trained, dev_regions, dev_features, Estimate(CONFIDENCE)),
        Path(arguments.image_root) if arguments.image_root else None,
        every=every,
    )
    trainer = PointerTrainer(model, config, seen, run_callbacks(out, scores))
    scores.trainer = trainer
    write_run_record(out, "pointer", settings, config.seed)
    identity.save(out)
    trainer.train(resume_from_checkpoint=last_checkpoint(out))
    if is_stopped(trainer.callback_handler.callbacks):
        raise Terminated(f"terminated at step {trainer.state.global_step}. {resume_hint(out)}")
    held_out = [SeenSample(place_entities(one), dev_regions[one.id], dev_features[one.id]) for one in dev]
    keep_best(trainer.best or {"step": trainer.state.global_step}, [one for one in held_out if one.placed.words], out)


if __name__ == "__main__":
    run_command(main)
