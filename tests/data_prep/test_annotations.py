"""What people wrote about training samples: both published forms, real counts, and files that are broken."""

import gzip
import json

import pytest

from data_prep.knowledge.annotations import read_annotations
from data_prep.knowledge.read_knowledge import main
from data_prep.readers.twitter_gmner import read_twitter_gmner
from mcr.errors import DataError
from mcr.io.samples import write_samples
from mcr.knowledge.known_texts import read_knowledge
from mcr.records import Sample
from mcr.tasks import MNER


def test_pairs_of_lines_and_json_lines_say_the_same(tmp_path):
    pairs, rows = tmp_path / "a.txt", tmp_path / "b.jsonl.gz"
    pairs.write_text("17_01\nNamed entities:1. Ann  (person)\n\n17_02\nnothing\n")
    texts = {"17_01": "Named entities:1. Ann (person)", "17_02": "nothing"}
    lines = [json.dumps({"img_id": one, "text": "x", "entities_kg": text}) for one, text in texts.items()]
    rows.write_bytes(gzip.compress("\n".join(lines).encode()))
    for path in (pairs, rows):
        found = read_annotations(path, {"17_01", "9"}, "people")
        assert [(one.id, one.text, one.source) for one in found.records] == [("17_01", texts["17_01"], "people")]
        assert found.strangers == ("17_02",)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "1\n", "a.txt:1: expected an id and a text"),
        ("a.txt", "1\nx\n1\ny\n", "a.txt:3: 1 is annotated a second time"),
        ("a.jsonl", '{"img_id": "1"}\n', "a.jsonl:1: expected JSON with img_id"),
        ("a.jsonl", '{"img_id": "1", "entities_kg": ""}\n', "a.jsonl:1: expected an id and a text"),
    ],
)
def test_broken_files_are_refused_with_the_line(tmp_path, name, text, told):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=told):
        read_annotations(tmp_path / name, {"1"}, "people")


def test_the_command_says_what_it_leaves_out(tmp_path, capsys):
    write_samples(tmp_path / "s.jsonl", [Sample("1", "x", MNER, "Ann", (), ())])
    (tmp_path / "a.txt").write_text("1\nAnn is a singer\n2\nother\n")
    flags = ["--samples", str(tmp_path / "s.jsonl"), "--source", "people", "--output", str(tmp_path / "k.jsonl")]
    main(["--annotations", str(tmp_path / "a.txt"), *flags])
    assert [one.text for one in read_knowledge(tmp_path / "k.jsonl")] == ["Ann is a singer"]
    assert "1 annotations are of no sample" in capsys.readouterr().out
    (tmp_path / "a.txt").write_text("2\nother\n")
    with pytest.raises(DataError, match="annotates no sample"):
        main(["--annotations", str(tmp_path / "a.txt"), *flags])


def test_the_published_pool_of_twitter_gmner_leaves_out_dev_test_and_strangers(shared_data, real_roots):
    samples, _ = read_twitter_gmner(real_roots["v2"])
    found = read_annotations(shared_data / "makar_gmner_prompt.jsonl.gz", {one.id for one in samples["train"]}, "people")
    assert (len(found.records), len(found.strangers)) == (131, 71)


def test_the_published_expansions_are_of_the_test_entities(shared_data, real_roots):
    from data_prep.knowledge.expansion_table import read_expansions

    samples, _ = read_twitter_gmner(real_roots["v2"])
    found = read_expansions(shared_data / "riveg_entity_expansion_test.tsv.gz", samples["test"], "gpt-3.5-turbo")
    assert found.num_strangers == 0
    assert found.num_unknown <= 1  # the last tweet is not in the file
    assert len(found.records) >= 2500


def test_a_table_of_expansions_is_matched_by_sample_text_and_type(tmp_path):
    from data_prep.knowledge.expansion_table import read_expansions
    from mcr.records import Entity

    entities = (Entity("Ann  Lee", "PER"), Entity("Rome", "LOC"))
    sample = Sample("1", "x", MNER, "Ann  Lee in Rome", (), entities)
    path = tmp_path / "e.tsv"
    path.write_text("1\tAnn Lee\tPER\ta  singer\n2\tBo\tPER\ta cook\n1\tRome\tORG\ta club\n")
    found = read_expansions(path, [sample], "llm")
    assert [(one.entity, one.text) for one in found.records] == [("Ann  Lee", "a singer")]
    assert (found.num_strangers, found.num_unknown) == (2, 1)
    path.write_text("1\tAnn\tPER\n")
    with pytest.raises(DataError, match=r"e\.tsv:1: 3 columns"):
        read_expansions(path, [sample], "llm")
