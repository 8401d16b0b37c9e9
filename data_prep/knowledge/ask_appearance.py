"""Asks several language models what entities look like, and keeps what they agree on (VKEL III-D).

    mcr ask-appearance --samples data/fmnerg/test.jsonl [--predictions stage1/predictions.jsonl] --output knowledge/test.jsonl \\
        --llms gpt@http://host:8000/v1 llama@http://host:8001/v1 gemini@http://host:8002/v1 --voter gpt@http://host:8000/v1

Each (text, coarse type) is asked once, with the first sentence that names it. --dry_run says how many requests and tokens that
takes. Replies are cached: a run that is stopped asks nothing twice.
"""

import re
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from mcr.endpoint.client import ChatEndpoint, EndpointSettings, ReplyCache
from mcr.errors import ConfigError, run_command
from mcr.io.predictions import load_predictions
from mcr.io.samples import load_samples
from mcr.knowledge.appearance_templates import ATTRIBUTES, AskedEntity, ask_for_appearance, asked_type, attributes_of
from mcr.knowledge.consistency import MAX_TOKENS, Advisers, Tally, agreed_knowledge, first_mentions, lookup
from mcr.knowledge.known_texts import Knowledge, write_knowledge
from mcr.labels import labels_of_samples, load_labels
from mcr.records import Entity, Sample, collapse_space
from mcr.runs.command_line import CommandParser

CHARS_A_TOKEN = 4  # about, in English
SOURCE = "consistency"
KEY_ENV = re.compile(r"@[A-Z_][A-Z0-9_]*$")


def named_entities(samples: Sequence[Sample], args: Namespace) -> list[tuple[Sample, Entity]]:
    """Return the entities to ask about: gold's, or those of a file of predictions.

    Raises:
        ConfigError: predictions of no sample, or none of some sample.
    """
    if args.predictions is None:
        return [(sample, entity) for sample in samples for entity in sample.entities]
    found = {one.id: one.entities for one in load_predictions(args.predictions)}
    strange = sorted(found.keys() - {sample.id for sample in samples})
    if strange:
        raise ConfigError(f"--predictions: {len(strange)} are of no sample, {strange[0]!r} first. Give those of --samples.")
    lacking = [sample.id for sample in samples if sample.id not in found]
    if lacking:
        raise ConfigError(f"--predictions: {len(lacking)} samples have none, {lacking[0]!r} first. Give those of all --samples.")
    return [(sample, entity) for sample in samples for entity in found[sample.id]]


def endpoint_of(word: str, args: Namespace) -> ChatEndpoint:
    """Return the endpoint of a word MODEL@URL, or MODEL@URL@VARIABLE with the environment variable that holds its key.

    Raises:
        ConfigError: a word of another form.
    """
    model, _, base_url = word.partition("@")
    base_url, _, key_env = base_url.rpartition("@") if KEY_ENV.search(base_url) else (base_url, "", "")
    if not model or not base_url:
        raise ConfigError(f"got {word!r}, expected MODEL@URL, e.g. llama@http://localhost:8000/v1. Correct it.")
    settings = EndpointSettings(model, base_url, key_env or args.api_key_env, max_concurrency=args.max_concurrency)
    return ChatEndpoint(settings, ReplyCache(args.cache or args.output.with_name("appearance.sqlite")))


def tell_plan(entities: Sequence[AskedEntity], num_models: int) -> None:
    """Print how much would be asked, and the first request."""
    texts = [ask_for_appearance(one) for one in entities]
    num_tokens = num_models * sum(map(len, texts)) // CHARS_A_TOKEN
    num_votes = sum(len(attributes_of(one.type)) for one in entities)
    print(
        f"{len(entities)} entities: {num_models * len(entities)} requests for attributes, about {num_tokens} tokens; at most "
        f"{num_votes} votes; {len(entities)} summaries; replies of at most {MAX_TOKENS['attributes']}, {MAX_TOKENS['vote']} and "
        f"{MAX_TOKENS['summary']} tokens"
    )
    if texts:
        print(f"the first one:\n{texts[0]}")


def tell_without_template(entities: Sequence[AskedEntity]) -> None:
    """Print the types that have no template of their own."""
    others = sorted({one.type for one in entities} - {*ATTRIBUTES})
    if others:
        asked = ", ".join(attributes_of(others[0]))
        print(f"types without a template: {', '.join(others)}. They are asked what other entities are asked: {asked}.")


def read_flags(argv: list[str] | None) -> Namespace:
    """Return the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl whose entities are asked about")
    parser.add_argument("--predictions", type=Path, help="ask about the entities of this file, not about gold's")
    parser.add_argument("--output", type=Path, required=True, help="knowledge.jsonl to write")
    parser.add_argument(
        "--llms",
        nargs="+",
        required=True,
        metavar="MODEL@URL",
        help="models that are asked; MODEL@URL@VARIABLE: with a key of its own",
    )
    parser.add_argument("--voter", metavar="MODEL@URL", help="chooses an answer an attribute (default: the first model)")
    parser.add_argument("--summarizer", metavar="MODEL@URL", help="says it in a sentence (default: the voter)")
    parser.add_argument("--labels", help="label set that coarse types are looked up in (default: the dataset's)")
    parser.add_argument(
        "--api_key_env", default="OPENAI_API_KEY", help="environment variable that holds the key, where a model names no other"
    )
    parser.add_argument("--max_concurrency", type=int, default=8, help="requests at once")
    parser.add_argument("--cache", type=Path, help="of replies (default: appearance.sqlite beside the output)")
    parser.add_argument("--dry_run", action="store_true", help="say what would be asked, ask nothing")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Collect the entities, ask, vote, sum up, write."""
    args = read_flags(argv)
    samples = load_samples(args.samples)
    labels, named = load_labels(args.labels) if args.labels else labels_of_samples(samples), named_entities(samples, args)
    asked = first_mentions((entity.text, asked_type(entity.type, labels), sample.sentence) for sample, entity in named)
    tell_without_template(asked)
    if args.dry_run:
        tell_plan(asked, len(args.llms))
        return
    voter = args.voter or args.llms[0]
    models = tuple(endpoint_of(word, args) for word in args.llms)
    tally = Tally()
    advisers = Advisers(models, endpoint_of(voter, args), endpoint_of(args.summarizer or voter, args))
    known = lookup(agreed_knowledge(asked, advisers, tally))
    rows = {}
    for sample, entity in named:
        text = known.get((collapse_space(entity.text), asked_type(entity.type, labels)))
        if text:
            rows[sample.id, entity.text, entity.type] = Knowledge(sample.id, text, SOURCE, entity.text, entity.type)
    num = write_knowledge(args.output, rows.values())
    for model, reason in tally.left_out.items():
        print(f"warning: {model} was left out: {reason} Run the same command again to ask it; the others are not asked again.")
    failed = tally.num_failed or "none"
    print(f"{len(known)} of {len(asked)} entities are known, {num} times in {len(samples)} samples -> {args.output}")
    print(f"requests: {tally.num_asked}; {tally.num_agreed} attributes needed no vote; no usable reply: {failed}")
    print(f"replies that were cut at the limit of tokens: {tally.num_cut or 'none'}")


if __name__ == "__main__":
    run_command(main)
