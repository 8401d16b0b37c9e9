"""Asks a language model behind an OpenAI-compatible endpoint for knowledge (RiVEG IV-B), one model a run.

    mcr ask-knowledge refined --samples data/gmner/test.jsonl --source llama --base_url http://localhost:8000/v1 --model llama \\
        --output data/gmner/knowledge/test.llama.jsonl --train_samples data/gmner/train.jsonl --examples human.jsonl \\
        --embedder text --embedder_name_or_path MODEL
    mcr ask-knowledge expansions --samples data/gmner/train.jsonl --source llama ... [--predictions predictions.jsonl]

refined: knowledge on each sample, led by the annotated examples that are most like it (MSEA). expansions: what each entity is, in
a few words, with fixed examples; gold entities, or those of a file of predictions. Replies are cached: a run that is stopped
asks nothing twice. --dry_run says what would be asked.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from mcr.endpoint.client import ChatEndpoint, EndpointSettings, ReplyCache
from mcr.errors import ConfigError, DataError, run_command
from mcr.io.predictions import load_predictions
from mcr.io.samples import load_samples
from mcr.knowledge.known_texts import by_sample, read_knowledge, write_knowledge
from mcr.knowledge.question_templates import AnnotatedSample, ask_for_knowledge
from mcr.knowledge.questions import Question, ask_all, expansion_questions, knowledge_of
from mcr.records import Entity, Sample
from mcr.runs.command_line import CommandParser

if TYPE_CHECKING:
    from mcr.embedding.embedders import Embedder
    from mcr.embedding.stored import StoredEmbedder

KINDS = ("refined", "expansions")
CHOICES = ("nearest", "fixed")
CHARS_A_TOKEN = 4  # about, in English


def refined_questions(samples: Sequence[Sample], args: Namespace) -> list[Question]:
    """Return one question a sample, with annotated examples: those that are most like it, or the same ones for all."""
    if args.num_examples == 0:
        return [Question(sample.id, ask_for_knowledge(sample, [])) for sample in samples]
    pool = annotated_samples(args)
    if args.choice == "fixed":
        drawn = Random(f"examples/{args.seed}").sample(pool, min(args.num_examples + 1, len(pool)))  # one is to spare
        shown = {sample.id: _without(drawn, sample)[: args.num_examples] for sample in samples}
        return [Question(sample.id, ask_for_knowledge(sample, shown[sample.id])) for sample in samples]
    from mcr.embedding.nearest import nearest

    if args.embedder_name_or_path is None:
        raise ConfigError("ask-knowledge refined: --embedder_name_or_path is missing, to find similar examples with.")
    embedder = stored_embedder(args)
    vectors = embedder.embed([one.sample for one in pool])
    own = [{index for index, one in enumerate(pool) if one.sample.id == sample.id} for sample in samples]
    found = nearest(embedder.embed(samples), vectors, args.num_examples, own)
    return [
        Question(sample.id, ask_for_knowledge(sample, [pool[index] for index, _ in alike]))
        for sample, alike in zip(samples, found, strict=True)
    ]


def stored_embedder(args: Namespace) -> "StoredEmbedder":
    """Return the embedder of the flags; its vectors are saved."""
    from mcr.embedding.embedders import make_embedder
    from mcr.embedding.stored import StoredEmbedder

    def make() -> "Embedder":
        return make_embedder(args.embedder, args.embedder_name_or_path, args.image_root)

    folder = args.vectors or args.output.parent / "vectors"
    return StoredEmbedder(make, (args.embedder, args.embedder_name_or_path), args.image_root, folder)


def annotated_samples(args: Namespace) -> list[AnnotatedSample]:
    """Return the training samples that people wrote about.

    Raises:
        ConfigError: a flag that examples need is missing.
        DataError: no training sample has an annotation.
    """
    missing = [f"--{name}" for name in ("train_samples", "examples") if getattr(args, name) is None]
    if missing:
        raise ConfigError(f"ask-knowledge refined: {', '.join(missing)} is missing, to draw examples from.")
    written = by_sample(read_knowledge(args.examples))
    samples = load_samples(args.train_samples)
    pool = [AnnotatedSample(sample, written[sample.id][0].text) for sample in samples if sample.id in written]
    if not pool:
        raise DataError(
            f"--examples: {args.examples} annotates no sample of {args.train_samples}. Give those of the same dataset."
        )
    print(f"{len(pool)} annotated training samples to draw examples from", flush=True)
    return pool


def _without(examples: Sequence[AnnotatedSample], sample: Sample) -> list[AnnotatedSample]:
    """Return examples without the sample that is asked about."""
    return [one for one in examples if one.sample.id != sample.id]


def named_entities(samples: Sequence[Sample], args: Namespace) -> Mapping[str, Sequence[Entity]]:
    """Return the entities to ask about, by sample id: gold's, or those of a file of predictions."""
    if args.predictions is None:
        return {sample.id: sample.entities for sample in samples}
    found = {one.id: one.entities for one in load_predictions(args.predictions)}
    strange = sorted(found.keys() - {sample.id for sample in samples})
    if strange and args.limit is None:
        raise ConfigError(f"--predictions: {len(strange)} are of no sample, {strange[0]!r} first. Give those of --samples.")
    return found


def tell_plan(questions: Sequence[Question], max_new_tokens: int) -> None:
    """Print how much would be asked, and the first question."""
    num_chars = sum(len(question.text) for question in questions)
    print(
        f"{len(questions)} requests, about {num_chars // CHARS_A_TOKEN} tokens; replies of at most {max_new_tokens} tokens each"
    )
    if questions:
        print(f"the first one:\n{questions[0].text}")


def read_flags(argv: list[str] | None) -> Namespace:
    """Return the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument(
        "--samples", type=Path, required=True, help="samples.jsonl to ask about, with captions where there are any"
    )
    parser.add_argument("--output", type=Path, required=True, help="knowledge.jsonl to write")
    parser.add_argument("--source", required=True, help="what the model is called in the file")
    parser.add_argument("--base_url", required=True, help="of an OpenAI-compatible API")
    parser.add_argument("--model", required=True, help="name that the endpoint knows")
    parser.add_argument("--api_key_env", default="OPENAI_API_KEY", help="environment variable that holds its key")
    parser.add_argument("--max_concurrency", type=int, default=8, help="requests at once")
    parser.add_argument("--max_new_tokens", type=int, default=256, help="of a reply")
    parser.add_argument("--cache", type=Path, help="of replies (default: replies.sqlite beside the output)")
    parser.add_argument("--limit", type=int, help="ask about the first samples alone, as many")
    parser.add_argument("--dry_run", action="store_true", help="say what would be asked, ask nothing")
    parser.add_argument("--predictions", type=Path, help="expansions: ask about the entities of this file, not about gold's")
    parser.add_argument("--train_samples", type=Path, help="refined: samples.jsonl that the examples are of")
    parser.add_argument("--examples", type=Path, help="refined: knowledge.jsonl that people wrote about training samples")
    parser.add_argument("--num_examples", type=int, default=5, help="refined: examples a question, 0 for none (RiVEG V-A 3 a)")
    parser.add_argument(
        "--choice", choices=CHOICES, default=CHOICES[0], help="refined: the most similar ones, or the same for all"
    )
    parser.add_argument("--seed", type=int, default=0, help="refined: of the choice of those that are the same for all")
    parser.add_argument("--embedder", default="text", help="refined: text or clip")
    parser.add_argument("--embedder_name_or_path", help="refined: its model")
    parser.add_argument("--image_root", type=Path, help="refined: the folder of the images, for clip")
    parser.add_argument("--vectors", type=Path, help="refined: folder of the embedder's vectors (default: beside the output)")
    args = parser.parse_args(argv)
    if args.num_examples < 0:
        raise ConfigError(f"--num_examples: got {args.num_examples}, expected 0 or more.")
    return args


def main(argv: list[str] | None = None) -> None:
    """Make the questions, ask, write what is said."""
    args = read_flags(argv)
    samples = load_samples(args.samples)[: args.limit]
    is_refined = args.kind == "refined"
    questions = refined_questions(samples, args) if is_refined else expansion_questions(samples, named_entities(samples, args))
    if args.dry_run:
        tell_plan(questions, args.max_new_tokens)
        return
    settings = EndpointSettings(args.model, args.base_url, args.api_key_env, max_concurrency=args.max_concurrency)
    endpoint = ChatEndpoint(settings, ReplyCache(args.cache or args.output.with_name("replies.sqlite")))
    found = [knowledge_of(question, reply, args.source) for question, reply in ask_all(questions, endpoint, args.max_new_tokens)]
    num = write_knowledge(args.output, [one for one in found if one is not None])
    print(f"{num} of {len(questions)} questions were answered by {args.source} -> {args.output}")
    if num < len(found):
        print(f"{len(found) - num} replies were empty or refusals: nothing is known there")


if __name__ == "__main__":
    run_command(main)
