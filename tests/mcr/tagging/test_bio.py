"""Tags of samples and entities of tags."""

from hypothesis import given
from hypothesis import strategies as st

from mcr.records import Entity, Sample
from mcr.tagging.bio import entities_of, spans_of, tag_sample, tags_of_types, words_of
from mcr.tasks import MNER


def sample(sentence, *entities):
    return Sample("1", "d", MNER, sentence, (), tuple(Entity(text, kind) for text, kind in entities))


def test_an_entity_of_two_words_has_a_b_and_an_i():
    tagged = tag_sample(sample("Ann Lee met Bo", ("Ann Lee", "PER"), ("Bo", "PER")))
    assert tagged.words == ("Ann", "Lee", "met", "Bo")
    assert tagged.tags == ("B-PER", "I-PER", "O", "B-PER")
    assert tagged.unplaced == ()


def test_two_mentions_of_one_text_take_two_places():
    assert tag_sample(sample("Bo and Bo", ("Bo", "PER"), ("Bo", "PER"))).tags == ("B-PER", "O", "B-PER")


def test_neighbors_of_one_type_stay_two():
    tagged = tag_sample(sample("Ann Bo", ("Ann", "PER"), ("Bo", "PER")))
    assert [entity.text for entity in entities_of(tagged.words, tagged.tags)] == ["Ann", "Bo"]


def test_an_entity_inside_a_word_is_told_and_not_tagged():
    tagged = tag_sample(sample("Ann's dog", ("Ann", "PER")))
    assert tagged.tags == ("O", "O")
    assert tagged.unplaced == ("Ann",)


def test_one_place_is_no_place_for_two():
    assert tag_sample(sample("Ann Lee", ("Ann Lee", "PER"), ("Ann", "PER"))).unplaced == ("Ann",)


def test_words_are_parted_at_spaces_alone():
    assert words_of(" Ann\u200b\u00a0Lee  x\ty ") == ("Ann\u200b\u00a0Lee", "x", "y")


def test_a_sentence_without_words_has_no_tags():
    assert tag_sample(sample("  ")).tags == ()


def test_an_i_that_continues_nothing_begins_an_entity():
    assert spans_of(["I-PER", "I-PER", "I-LOC", "O", "B-LOC", "I-PER"]) == [
        (0, 2, "PER"),
        (2, 3, "LOC"),
        (4, 5, "LOC"),
        (5, 6, "PER"),
    ]


@given(st.lists(st.sampled_from(tags_of_types(("PER", "LOC"))), max_size=8))
def test_what_is_tagged_is_read_back(tags):
    words = [f"w{number}" for number in range(len(tags))]
    found = entities_of(words, tags)
    if found:
        again = tag_sample(sample(" ".join(words), *((entity.text, entity.type) for entity in found)))
        assert entities_of(again.words, again.tags) == found
        assert spans_of(again.tags) == spans_of(tags)
