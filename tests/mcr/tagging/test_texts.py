"""What a tagger is trained on and asked."""

import pytest

from mcr.errors import DataError
from mcr.knowledge.known_texts import Knowledge
from mcr.records import Entity, Sample
from mcr.tagging.texts import texts_to_tag, training_texts
from mcr.tasks import MNER

ANN = Sample("1", "d", MNER, "Ann sings", (), (Entity("Ann", "PER"),))
NONE = Sample("2", "d", MNER, "it rains", (), ())
EMPTY = Sample("3", "d", MNER, " ", (), ())


def known(sample_id, text, source="a"):
    return Knowledge(sample_id, text, source)


def test_each_source_of_knowledge_is_one_more_text_and_none_is_one():
    found = training_texts([ANN, NONE, EMPTY], {"1": [known("1", "Ann is a singer"), known("1", "a name", "b")]})
    assert [(text.id, text.knowledge) for text in found.texts] == [
        ("1", ("Ann", "is", "a", "singer")),
        ("1", ("a", "name")),
        ("2", ()),
    ]
    assert {text.tags for text in found.texts if text.id == "1"} == {("B-PER", "O")}
    assert found.types == ("PER",)


def test_samples_without_any_entity_teach_nothing():
    with pytest.raises(DataError, match="no training sample names an entity"):
        training_texts([NONE], {})


def test_what_is_to_be_tagged_has_one_source_and_no_tags():
    (first, second) = texts_to_tag([ANN, NONE, EMPTY], {"1": [known("1", "a b")]})
    assert (first.knowledge, first.tags, second.knowledge) == (("a", "b"), (), ())
    with pytest.raises(DataError, match=r"several sources speak of one sample.*\n.*sample 1: a, b"):
        texts_to_tag([ANN], {"1": [known("1", "x"), known("1", "y", "b")]})
