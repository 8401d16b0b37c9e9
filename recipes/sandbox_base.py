"""The sandbox's base model: a small Qwen3-VL trained from random weights on the general corpus of the sandbox world.

    make sandbox-base      # or: python recipes/sandbox_base.py --output_dir runs/sandbox_base [--steps 1000]

The corpus is not the task: captions, what is where, looks of names, names in a text, corrections (data_prep/sandbox/corpus).
It takes about fifty minutes of two cores.
Called again, it resumes from its last checkpoint. docs/sandbox.md describes world, corpus and model.
"""

import os
import random
from hashlib import sha256
from pathlib import Path
from typing import Any

from data_prep.sandbox.corpus.mix import (
    DIALOGUE_TURNS,
    FIRST_SHARE,
    corpus_scene,
    corpus_texts,
    draw_dialogue,
    draw_exchanges,
    is_strange,
)
from data_prep.sandbox.corpus.probes import make_probes, score_probes
from data_prep.sandbox.corpus.templates import FAMILY, template_texts
from data_prep.sandbox.drawing import draw_pixels
from data_prep.sandbox.scenes import TASK, Scene
from mcr.errors import run_command
from mcr.runs.command_line import CommandParser

COORDINATE = r"(?:250|500|750|1000|0)(?!\d)"
WORDS = rf" ?[A-Za-z&']+|-[A-Za-z]+| ?\[{COORDINATE}|, {COORDINATE}|\d| ?[^\sA-Za-z\d]+|\s+"
VOCAB = 1600
STEPS = 2400
CURVE_SKILLS = ("look_at_box", "find_look", "names_in_text", "several", "repeat", "look_up", "retell")
SCENES_PER_STEP = 32
EXCHANGES_PER_SCENE, FIRST_EXCHANGES_PER_SCENE = 5, 6
MAX_GAP, GAP_SHARE = 300, 0.3


def make_units(step: int, steps: int, seed: int) -> list[Any]:
    """Return what one step trains on: a unit of questions a scene and, after the first part, one dialogue over several scenes."""
    from mcr.pretraining.packing import Turn, Unit

    rng, first = random.Random(f"{seed}/step/{step}"), step * SCENES_PER_STEP
    scenes = [corpus_scene(seed, index) for index in range(first, first + SCENES_PER_STEP)]
    is_first = step < FIRST_SHARE * steps
    units = []
    for scene in scenes:
        num = FIRST_EXCHANGES_PER_SCENE if is_first else EXCHANGES_PER_SCENE
        exchanges = draw_exchanges(scene, num, rng, is_first=is_first)
        turns = (Turn(one.question, one.answer, gaps=(0, 0) if is_first else draw_gaps(rng)) for one in exchanges)
        units.append(Unit(pixels_of(scene), tuple((turn,) for turn in turns)))
    if not is_first:
        dialogue = draw_dialogue(rng.sample([one for one in scenes if not is_strange(one)], DIALOGUE_TURNS), rng)
        turns = tuple(Turn(one.question, one.answer, pixels_of(scene), gaps=draw_gaps(rng)) for scene, one in dialogue)
        units += [Unit(None, (turns,))] if turns else []
    return units


def draw_gaps(rng: random.Random) -> tuple[int, int]:
    """Return how many positions to leave out before a question and before its answer; mostly none."""
    before, after = (rng.randint(0, MAX_GAP) if rng.random() < GAP_SHARE else 0 for _ in range(2))
    return before, after


def identity_of(tokenizer: Any, size: Any, packer: Any, steps: int, seed: int) -> dict[str, Any]:
    """Return what a run is made of, its corpus as a hash of some batches: a checkpoint of another one is not resumed."""
    texts = [tokenizer.backend_tokenizer.to_str(), repr(size)]
    for step in (0, steps // 2, steps - 1):
        batch = packer.pack(make_units(step, steps, seed))
        texts.append(str(batch.inputs["input_ids"].tolist()))
    return {"steps": steps, "seed": seed, "corpus": sha256("".join(texts).encode()).hexdigest()}


def corpus_tokenizer(seed: int) -> Any:
    """Return the tokenizer of the base model: it holds the words of the corpus and those of the task's prompts and schemas."""
    from mcr.models.tiny import build_tokenizer

    return build_tokenizer([*corpus_texts(seed, 1000), *template_texts(100, seed)], VOCAB, words=WORDS)


def pixels_of(scene: Scene) -> Any:
    """Return the picture of a scene as an array."""
    return draw_pixels(scene.drawn, scene.background, scene.image_px)


def save_model(model: Any, processor: Any, folder: Path) -> None:
    """Write the weights in bfloat16 and the processor, as from_pretrained reads them."""
    import torch

    tokenizer = processor.tokenizer
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.to("cpu", torch.bfloat16).save_pretrained(folder)
    processor.save_pretrained(folder)


def main(argv: list[str] | None = None) -> None:
    """Train the base model and save it with its processor."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/sandbox_base"))
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of {SCENES_PER_STEP} scenes each")
    parser.add_argument("--save_every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--num_probes", type=int, default=100, help="questions a skill at each checkpoint, for the curve")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cpu or cuda; default: cuda where there is one")
    parser.add_argument("--threads", type=int, default=2, help="of a CPU; another number rounds sums otherwise")
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches ahead; 0 makes them in this one")
    args = parser.parse_args(argv)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # a GPU's products are the same each time only with it
    import torch

    from mcr.models.tiny import TinySize, build_model, build_processor
    from mcr.pretraining.loop import Schedule, pretrain
    from mcr.pretraining.packing import Packer, target_loss
    from mcr.rollouts.transformers_sampler import TransformersSampler

    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    size = TinySize(head_dim=32, image_px=TASK.image_px, vocab=VOCAB, position_std=1.0)
    tokenizer = corpus_tokenizer(args.seed)
    model, processor = build_model(tokenizer, FAMILY, size, args.seed), build_processor(tokenizer, FAMILY, size)
    model.set_attn_implementation({"text_config": "eager"})
    model.to(device)
    packer = Packer(tokenizer, patch=size.patch, image_px=size.image_px)
    probes = {skill: make_probes(skill, args.num_probes, args.seed) for skill in CURVE_SKILLS}
    probes["new_names_in_text"] = make_probes("names_in_text", args.num_probes, args.seed, strange=True)

    def measure() -> dict[str, float]:
        together = 1 if device.type == "cpu" else len(probes)  # on a CPU a skill at a time, so that little is padding
        return score_probes(TransformersSampler(model, processor, batch_size=together * args.num_probes), probes)

    pretrain(
        model,
        lambda step: packer.pack(make_units(step, args.steps, args.seed)),
        target_loss,
        Schedule(args.steps),
        args.output_dir / "training",
        save_every=args.save_every,
        measure=measure,
        settings=identity_of(tokenizer, size, packer, args.steps, args.seed),
        workers=args.workers,
    )
    save_model(model, processor, args.output_dir / "model")
    print(f"saved the base model to {args.output_dir / 'model'}")


if __name__ == "__main__":
    run_command(main)
