"""The sandbox's CLIP: a small one trained from random weights on pictures of the sandbox with their captions and sentences.

    make sandbox-clip      # or: python recipes/sandbox_clip.py --output_dir runs/sandbox_clip [--steps 100]

It tells how well a text fits a picture. Called again, it resumes from its last checkpoint. docs/sandbox.md describes it.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_prep.sandbox.corpus.mix import corpus_scene
from data_prep.sandbox.drawing import draw
from data_prep.sandbox.scenes import Scene, write_caption
from mcr.errors import run_command
from mcr.runs.command_line import CommandParser

STEPS = 1000
SCENES_PER_STEP = 64
CAPTION_SHARE = 0.8  # of the texts; the others are the sentences
ALONE_SHARE = 0.5
FIRST_HELD_OUT = 10_000_000


def scene_of(seed: int, index: int, rng: random.Random) -> Scene:
    """Return a scene of the corpus, often with one of its things alone: so color and shape are learned before lists are."""
    scene = corpus_scene(seed, index)
    if scene.drawn and rng.random() < ALONE_SHARE:
        return replace(scene, drawn=(rng.choice(scene.drawn),))
    return scene


def text_of(scene: Scene, rng: random.Random) -> str:
    """Return the caption of a scene or its sentence."""
    return write_caption(scene) if rng.random() < CAPTION_SHARE else scene.sentence


def inputs_of(processor: Any, scenes: Sequence[Scene], texts: Sequence[str]) -> dict[str, Any]:
    """Return the tensors of pictures and texts, pair by pair."""
    pictures = [draw(scene.drawn, scene.background, scene.image_px) for scene in scenes]
    return {**processor(images=pictures, text=[*texts], return_tensors="pt", padding=True, truncation=True)}


def match_loss(model: Any, inputs: dict[str, Any]) -> Any:
    """Return CLIP's loss: each text has to find its picture among those of the batch, and each picture its text."""
    return model(**{name: tensor.to(model.device) for name, tensor in inputs.items()}, return_loss=True).loss


def score_matches(model: Any, processor: Any, num: int, seed: int) -> float:
    """Return the share of held-out captions whose own picture fits best among `num`."""
    import torch

    scenes = [corpus_scene(seed, FIRST_HELD_OUT + index) for index in range(num)]
    with torch.no_grad():
        logits = model(**inputs_of(processor, scenes, [write_caption(scene) for scene in scenes])).logits_per_text
    return (logits.argmax(-1) == torch.arange(num)).float().mean().item()


def main(argv: list[str] | None = None) -> None:
    """Train the CLIP and save it with its processor."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/sandbox_clip"))
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of {SCENES_PER_STEP} pairs each")
    parser.add_argument("--save_every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    import torch

    from mcr.models.load import load_processor
    from mcr.models.tiny_clip import TinyClipSize, build_clip, build_clip_processor
    from mcr.pretraining.loop import Schedule, pretrain
    from mcr.systems.datasets import SANDBOX_BASE

    torch.set_num_threads(1)  # sums of several threads round otherwise
    tokenizer, size = load_processor(SANDBOX_BASE).tokenizer, TinyClipSize()
    processor, model = build_clip_processor(tokenizer, size), build_clip(tokenizer, size, args.seed)

    def make_batch(step: int) -> dict[str, Any]:
        rng, first = random.Random(f"{args.seed}/clip/{step}"), step * SCENES_PER_STEP
        scenes = [scene_of(args.seed, index, rng) for index in range(first, first + SCENES_PER_STEP)]
        return inputs_of(processor, scenes, [text_of(scene, rng) for scene in scenes])

    pretrain(
        model,
        make_batch,
        match_loss,
        Schedule(args.steps),
        args.output_dir / "training",
        save_every=args.save_every,
        measure=lambda: {"matches": score_matches(model, processor, SCENES_PER_STEP, args.seed)},
        settings={"steps": args.steps, "seed": args.seed, "size": repr(size)},
    )
    model.to(torch.bfloat16).save_pretrained(args.output_dir / "model")
    processor.save_pretrained(args.output_dir / "model")
    print(f"saved the CLIP to {args.output_dir / 'model'}")


if __name__ == "__main__":
    run_command(main)
