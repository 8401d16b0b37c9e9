"""Training sets whose schemas teachers write, alone or beside templates: D1 and D2 as the replies pass the gate."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.schemas.ask import ASKED_STYLES
from data_prep.schemas.build import check_per_sample, has_coinciding_routes
from data_prep.schemas.endpoint_writer import EndpointWriter, Outcome, draw_wanted
from data_prep.schemas.styles import route_of
from data_prep.schemas.tally import Tally, estimate_tokens
from data_prep.training_sets.parquet import SCHEMA_COLUMNS, WriteOptions, row_writer, schema_row
from data_prep.training_sets.set_counts import SetCounts
from mcr.errors import ConfigError, DataError
from mcr.io.atomic_write import whole_file, write_json
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample


def write_asked_sets(
    out: Path,
    samples: Iterable[Sample],
    settings: PromptSettings,
    writer: EndpointWriter,
    writing: WriteOptions,
) -> dict[str, Any]:
    """Write what `write_training_sets` writes, with schemas of teachers, and rejected_replies.jsonl.

    Replies are kept by the endpoint's cache: a run that was stopped at any time asks nothing twice.
    """
    check_per_sample(writing.per_sample, writer.options)
    counts, tally = SetCounts(), Tally()
    with (
        whole_file(out / "rejected_replies.jsonl") as partial_path,
        row_writer(out / "d1.parquet", SCHEMA_COLUMNS) as d1,
        row_writer(out / "d2.parquet", SCHEMA_COLUMNS) as d2,
        partial_path.open("w", encoding="utf-8") as file,
        tqdm(desc="asking", unit="schema") as bar,
    ):
        writers = {"d1": d1, "d2": d2}
        wanted = draw_wanted(counted(samples, settings, counts), writer.options, writing.per_sample, writing.seed)
        for outcome in writer.write_all(wanted):
            if outcome.completion is not None:
                name = "d2" if writing.is_in_d2(outcome.sample.id, outcome.style) else "d1"
                rows = [row_of(outcome, outcome.completion, settings)]
                writers[name].write(rows)
                counts.add(name, rows)
            for rejection in outcome.rejections:
                file.write(json.dumps(asdict(rejection), ensure_ascii=False) + "\n")
            tally.add(outcome)
            bar.set_postfix_str(tally.in_words())
            bar.update(1)
    settings.save(out)
    summary = counts.summary() | tally.summary()
    write_json(out / "summary.json", summary)
    print(tally.template_report(), file=sys.stderr)
    return summary


def counted(samples: Iterable[Sample], settings: PromptSettings, counts: SetCounts) -> Iterator[Sample]:
    """Yield the samples, and count those whose tagged routes coincide."""
    for sample in samples:
        counts.num_coinciding += has_coinciding_routes(sample, settings.frame.frame_of(sample))
        yield sample


def row_of(outcome: Outcome, completion: str, settings: PromptSettings) -> dict[str, Any]:
    """Return the row of a schema."""
    is_asked = outcome.style in ASKED_STYLES
    route = ASKED_STYLES[outcome.style].route if is_asked else route_of(outcome.style)
    return schema_row(outcome.sample, settings, outcome.written_style, route, completion)


def dry_run(samples: Iterable[Sample], writer: EndpointWriter, writing: WriteOptions) -> dict[str, Any]:
    """Return how many requests the first round takes, how many of them are in the cache, and about how many tokens.

    What cannot be asked, for want of an image for example, is left to templates, as in the run itself.
    """
    counts = Counter()
    wanted = draw_wanted(samples, writer.options, writing.per_sample, writing.seed)
    for sample, style in tqdm(wanted, desc="dry run", unit="schema"):
        if style not in ASKED_STYLES:
            counts["templates"] += 1
            continue
        try:
            messages, _ = writer.conversation(sample, style)
        except (DataError, ConfigError):
            counts["left to templates"] += 1
            continue
        endpoint = writer.endpoint_for(sample, style)
        counts["requests"] += 1
        counts[f"requests to {writer.teachers.draw(style, sample.id, writer.seed)}"] += 1
        counts["in the cache"] += endpoint.is_cached(writer.body_of(endpoint, messages, 0))
        counts["prompt tokens, about"] += estimate_tokens(messages)
        counts["completion tokens, at most"] += writer.max_new_tokens
    return dict(counts)
