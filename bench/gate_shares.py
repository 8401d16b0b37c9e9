"""What share of recorded texts each level of the gate takes, by reason.

    python bench/gate_shares.py --annotations Twitter10000_v2.0 --teacher teacher_cot.jsonl.gz --knowledge knowledge_test.txt.gz
        [--show 30] [--seed 0]

Texts: reasoning of E2E-GMNER's teacher (JSON lines with "id", the place in the training split counted from 1, and "think") and
RiVEG's knowledge by ChatGPT (CoNLL blocks in the order of the test split, the text after "<EOS>"). They have no answer in our
form, so the bench appends gold to each: the figures judge the reasoning alone. With --show N the bench also prints N accepted and
N rejected texts of each level, drawn by seed, to read by eye.
"""

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from data_prep.readers.twitter_gmner import read_twitter_gmner
from data_prep.schemas.facts import Facts, collect_facts
from data_prep.schemas.gate import GATE_LEVELS, GateLevel, why_rejected
from mcr.families import frame_settings
from mcr.formats.answers import write_answer
from mcr.records import Sample
from mcr.report.markdown import table

FRAME = frame_settings("qwen3_vl")


@dataclass(frozen=True, slots=True)
class RecordedText:
    """A text that a model wrote about a sample, and what the gate says of it.

    Attributes:
        sample: with gold.
        text: the reasoning.
    """

    sample: Sample
    text: str

    @property
    def facts(self) -> Facts:
        """Of the sample, boxes in the frame of Qwen3-VL."""
        return collect_facts(self.sample, FRAME.frame_of(self.sample))

    def why_rejected(self, level: GateLevel) -> str | None:
        """Return why the text, followed by gold, does not pass, or None."""
        answer = write_answer(self.facts.entities, "rows") or "None"
        return why_rejected(f"<think>{self.text}</think>\n<answer>\n{answer}\n</answer>", self.facts, level)


def teacher_texts(path: Path, train: Sequence[Sample]) -> Iterator[RecordedText]:
    """Yield the reasoning of E2E-GMNER's teacher."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            yield RecordedText(train[int(row["id"]) - 1], row["think"])


def knowledge_texts(path: Path, test: Sequence[Sample]) -> Iterator[RecordedText]:
    """Yield RiVEG's knowledge by ChatGPT, the empty text where a tweet has none."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        blocks = file.read().replace("\r\n", "\n").strip("\n").split("\n\n")
    for sample, block in zip(test, blocks, strict=True):
        tokens = [line.split("\t")[0] for line in block.split("\n")]
        yield RecordedText(sample, " ".join(tokens[tokens.index("<EOS>") + 1 :]) if "<EOS>" in tokens else "")


def count_reasons(texts: Sequence[RecordedText], level: GateLevel) -> Counter[str]:
    """Return how many texts pass a level ("passes") and how many fail for each reason."""
    reasons = (text.why_rejected(level) for text in texts)
    return Counter("passes" if reason is None else reason.split(":")[0] for reason in reasons)


def show(name: str, texts: Sequence[RecordedText], level: GateLevel, num: int, seed: int) -> None:
    """Print texts that a level accepts and rejects."""
    verdicts = [(text, text.why_rejected(level)) for text in texts]
    for is_accepted in (True, False):
        chosen = [(text, reason) for text, reason in verdicts if (reason is None) == is_accepted]
        print(f"\n## {name}, level {level}: {'accepted' if is_accepted else 'rejected'}, {len(chosen)} in all")
        for text, reason in Random(seed).sample(chosen, min(num, len(chosen))):
            gold = "; ".join(f"{one.text} ({one.type}, {'shown' if one.boxes else 'not shown'})" for one in text.sample.entities)
            print(f"\n{text.sample.id} | {text.sample.sentence}\n  gold: {gold}\n  text: {text.text!r}\n  {reason or 'accepted'}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", type=Path, required=True, help="folder of Twitter-GMNER v2.0 with txt and xml")
    parser.add_argument("--teacher", type=Path, required=True, help="JSON lines, gzipped")
    parser.add_argument("--knowledge", type=Path, required=True, help="CoNLL file of the test split, gzipped")
    parser.add_argument("--show", type=int, default=0, help="accepted and rejected texts to print, each")
    parser.add_argument("--seed", type=int, default=0, help="of the texts to print")
    args = parser.parse_args()
    samples = read_twitter_gmner(args.annotations)[0]
    sources = {
        "E2E-GMNER's teacher": list(teacher_texts(args.teacher, samples["train"])),
        "ChatGPT's knowledge (RiVEG)": list(knowledge_texts(args.knowledge, samples["test"])),
    }
    rows = []
    for name, texts in sources.items():
        for level in GATE_LEVELS:
            reasons = count_reasons(texts, level)
            passed = reasons.pop("passes", 0)
            rejected = ", ".join(f"{kind} {num}" for kind, num in reasons.most_common())
            rows.append([name, level, f"{passed} of {len(texts)} ({100 * passed / len(texts):.1f} %)", rejected])
    print(table(["texts", "level", "taken", "rejected"], rows))
    for name, texts in sources.items():
        for level in GATE_LEVELS:
            if args.show:
                show(name, texts, level, args.show, args.seed)


if __name__ == "__main__":
    main()
