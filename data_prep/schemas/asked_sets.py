"""Training sets whose schemas a model behind an endpoint writes: D1 as the replies pass the gate, D2 on the way."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.schemas.endpoint_writer import EndpointWriter, draw_asked
from data_prep.schemas.tally import Tally, estimate_tokens
from data_prep.training_sets.parquet import PROMPT_COLUMNS, SCHEMA_COLUMNS, RowWriter, WriteOptions, prompt_row, row_writer
from data_prep.training_sets.split import is_held_back
from mcr.errors import ConfigError, DataError
from mcr.io.atomic_write import whole_file, write_json
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample


def write_asked_sets(
    out: Path,
    samples: Iterable[Sample],
    settings: PromptSettings,
    writer: EndpointWriter,
    styles: Sequence[str],
    writing: WriteOptions,
    tally: Tally,
) -> dict[str, Any]:
    """Write what `write_training_sets` writes with schemas of a model behind an endpoint, and rejected_replies.jsonl.

    Replies are kept by the endpoint's cache: a run that was stopped at any time asks nothing twice.
    """
    if not 1 <= writing.per_sample <= len(styles):
        raise ConfigError(f"per_sample: got {writing.per_sample}, expected 1 to {len(styles)}, the number of styles.")
    with (
        whole_file(out / "rejected_replies.jsonl") as partial_path,
        row_writer(out / "d1.parquet", SCHEMA_COLUMNS) as d1,
        row_writer(out / "d2.parquet", PROMPT_COLUMNS) as d2,
    ):
        kept_back, asked = tee_held_back(samples, d2, settings, writing)
        with partial_path.open("w", encoding="utf-8") as file, tqdm(desc="asking", unit="schema") as bar:
            for outcome in writer.write_all(draw_asked(asked, styles, writing.per_sample, writing.seed)):
                if outcome.completion is not None:
                    completion = [{"role": "assistant", "content": outcome.completion}]
                    d1.write([prompt_row(outcome.sample, settings) | {"style": outcome.style, "completion": completion}])
                for rejection in outcome.rejections:
                    file.write(json.dumps(asdict(rejection), ensure_ascii=False) + "\n")
                tally.add(outcome)
                bar.set_postfix_str(tally.in_words())
                bar.update(1)
    settings.save(out)
    summary = tally.summary() | {"d2_prompts": kept_back.num}
    write_json(out / "summary.json", summary)
    print(tally.template_report(), file=sys.stderr)
    return summary


@dataclass(slots=True)
class HeldBack:
    """How many samples went to D2."""

    num: int = 0


def tee_held_back(
    samples: Iterable[Sample], d2: RowWriter, settings: PromptSettings, writing: WriteOptions
) -> tuple[HeldBack, Iterator[Sample]]:
    """Return a count, and the samples of D1 one by one, while those of D2 are written on the way."""
    held_back = HeldBack()

    def of_d1() -> Iterator[Sample]:
        for sample in samples:
            if is_held_back(sample.id, writing.d2_share, writing.seed):
                d2.write([prompt_row(sample, settings)])
                held_back.num += 1
            else:
                yield sample

    return held_back, of_d1()


def dry_run(samples: Iterable[Sample], writer: EndpointWriter, styles: Sequence[str], writing: WriteOptions) -> dict[str, Any]:
    """Return how many requests the first round takes, how many of them are in the cache, and about how many tokens.

    What cannot be asked, for want of an image for example, is left to templates, as in the run itself.
    """
    counts = Counter()
    asked = (sample for sample in samples if not is_held_back(sample.id, writing.d2_share, writing.seed))
    for sample, style in tqdm(draw_asked(asked, styles, writing.per_sample, writing.seed), desc="dry run", unit="schema"):
        try:
            messages, _ = writer.conversation(sample, style)
        except (DataError, ConfigError):
            counts["left to templates"] += 1
            continue
        counts["requests"] += 1
        counts["in the cache"] += writer.endpoint.is_cached(writer.body_of(messages, 0))
        counts["prompt tokens, about"] += estimate_tokens(messages)
        counts["completion tokens, at most"] += writer.max_new_tokens
    return dict(counts)
