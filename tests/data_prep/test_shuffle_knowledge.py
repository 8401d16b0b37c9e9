"""Knowledge of other tweets: every text is still there once, and none where it was."""

import pytest

from data_prep.knowledge import shuffle_knowledge
from data_prep.knowledge.shuffle_knowledge import shuffled
from mcr.knowledge.known_texts import Knowledge, read_knowledge, write_knowledge


@pytest.mark.parametrize("num", [2, 3, 50])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_text_stays_and_none_is_lost(num, seed):
    records = [Knowledge(str(number), f"text {number}", "llm") for number in range(num)]
    mixed = shuffled(records, seed)
    assert [one.id for one in mixed] == [one.id for one in records]
    assert sorted(one.text for one in mixed) == sorted(one.text for one in records)
    assert all(one.text != other.text for one, other in zip(mixed, records, strict=True))


def test_the_seed_decides_and_one_text_alone_stays():
    records = [Knowledge(str(number), f"text {number}", "llm") for number in range(20)]
    assert shuffled(records, 0) == shuffled(records, 0) != shuffled(records, 1)
    assert shuffled(records[:1], 0) == records[:1]


def test_the_command_writes_a_file_that_is_read_back(tmp_path, capsys):
    write_knowledge(tmp_path / "k.jsonl", [Knowledge("1", "a", "llm"), Knowledge("2", "b", "llm")])
    shuffle_knowledge.main(["--knowledge", str(tmp_path / "k.jsonl"), "--output", str(tmp_path / "s.jsonl")])
    assert [one.text for one in read_knowledge(tmp_path / "s.jsonl")] == ["b", "a"]
    assert "2 texts" in capsys.readouterr().out
