"""The short way of reading must read what the readers of each format read."""

import random

from bench_path import load_bench
from hypothesis import given, settings
from hypothesis import strategies as st

from mcr.formats import completion as reader
from mcr.formats.answers import ANSWER_FORMATS, ORDERS, write_answer
from mcr.formats.canonical import read_canonical
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity

FUZZ = load_bench("fuzz_texts")
LINES = ("Ann | PER | None", '("Ann", "PER", [1, 2, 3, 4])', "Ann is a(an) PER, whose bounding boxes are None.")
tokens = st.sampled_from(
    [
        *LINES,
        *FUZZ.PIECES,
        *FUZZ.WORDS,
        *FUZZ.TYPES,
        " | ",
        " is a(an) ",
        "[1, 2, 3, 4]",
        "and ",
        "whose",
        "is",
        "\xa0",
        "\u3000",
        "\u017f",
        "\u0131",
        "and\xa0",
    ]
)


def read_both(monkeypatch, text):
    short = reader.parse_completion(text)
    monkeypatch.setattr(reader, "read_canonical", lambda *_: None)
    long = reader.parse_completion(text)
    monkeypatch.undo()
    return short, long


def test_mutations_are_read_alike(monkeypatch):
    rng = random.Random(8)
    for _, text, _ in FUZZ.completions(rng, 6000):
        short, long = read_both(monkeypatch, text)
        assert (short.entities, short.is_readable) == (long.entities, long.is_readable), text


def test_token_soup_is_read_alike(monkeypatch):
    @settings(max_examples=500, deadline=None)
    @given(st.lists(tokens, min_size=1, max_size=10).map("".join))
    def check(body):
        short, long = read_both(monkeypatch, f"<answer>\n{body}\n</answer>")
        assert (short.entities, short.is_readable) == (long.entities, long.is_readable), body

    check()


def test_one_line_with_one_odd_piece_is_read_alike(monkeypatch):
    rng = random.Random(9)
    taken = 0
    for _ in range(6000):
        line = rng.choice(LINES)
        for _ in range(rng.randint(0, 2)):
            place = rng.randint(0, len(line))
            line = (
                line[:place]
                + rng.choice([*FUZZ.PIECES, "is", " is ", "and ", "5", "$", "e", "and\xa0", "i\u017f", "\u0131s a"])
                + line[place:]
            )
        short, long = read_both(monkeypatch, f"<answer>{line}</answer>")
        assert short.entities == long.entities, line
        taken += read_canonical(line, DEFAULT_LABELS) is not None
    assert taken > 1500


def test_what_our_writers_write_takes_the_short_way():
    entities = [Entity("New York", "LOC", ((1, 2, 3, 4),)), Entity("#Ann O'Neil-Lee", "PER", None)]
    for name in set(ANSWER_FORMATS) - {"json", "joined"}:
        assert read_canonical(write_answer(entities, name, order=ORDERS[0]), DEFAULT_LABELS) == entities
