"""knowledge.jsonl: what is written is read, and what is wrong is listed with its line."""

import json

import pytest

from mcr.errors import DataError
from mcr.knowledge.known_texts import Knowledge, by_sample, read_knowledge, write_knowledge

WHOLE = Knowledge("7", "Ann is a singer.", "gpt")
OF_ENTITY = Knowledge("7", "a singer", "gpt", "Ann", "PER")


def test_what_is_written_is_read_back(tmp_path):
    assert write_knowledge(tmp_path / "new" / "k.jsonl", [WHOLE, OF_ENTITY]) == 2
    assert read_knowledge(tmp_path / "new" / "k.jsonl") == [WHOLE, OF_ENTITY]
    assert "entity" not in json.loads((tmp_path / "new" / "k.jsonl").read_text().splitlines()[0])


def test_knowledge_of_entities_is_not_of_the_sample():
    assert by_sample([WHOLE, OF_ENTITY]) == {"7": [WHOLE]}


def test_all_faults_are_listed_with_their_lines(tmp_path):
    path = tmp_path / "k.jsonl"
    rows = [{"id": "1", "text": "a", "source": "x"}, {"id": "1", "text": "b", "source": "x"}, {"id": "2", "text": "a"}]
    rows += [{"id": 3, "text": "a", "source": "x"}, {"id": "4", "text": " ", "source": "x"}]
    path.write_text("\n".join(map(json.dumps, rows)) + "\nno json\n")
    with pytest.raises(DataError) as error:
        read_knowledge(path)
    told = str(error.value)
    assert "k.jsonl:2: says of sample 1 what line 1 says" in told
    assert "k.jsonl:3: knowledge: lacks source" in told
    assert "k.jsonl:4: knowledge: got id, expected texts" in told
    assert "k.jsonl:5: knowledge: got an empty text" in told
    assert "k.jsonl:6: not UTF-8 JSON" in told
