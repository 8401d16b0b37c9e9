"""Noise: exactly as much as was asked for, the same for the same seed, none where there is to be none."""

import pytest

from mcr.errors import ConfigError, DataError
from mcr.records import Entity, Sample
from mcr.staged.name_noise import disturb, refuse_held_out
from mcr.tasks import GMNER

TYPES = ("person", "location", "product")
PROPOSED = [[Entity(f"name {row}-{number}", TYPES[(row + number) % 3]) for number in range(row % 4)] for row in range(60)]
NUM = sum(map(len, PROPOSED))


def num_changed(before, after):
    changed = 0
    for old, new in zip(before, after, strict=True):
        kept = {one.text: one.type for one in new}
        changed += sum(kept.get(one.text) != one.type for one in old)
    return changed


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.1, 0.33, 0.5, 1.0])
def test_exactly_so_many_entities_change(ratio):
    after = disturb(PROPOSED, ratio, TYPES, seed=3)
    assert num_changed(PROPOSED, after) == round(ratio * NUM)
    assert after == disturb(PROPOSED, ratio, TYPES, seed=3)
    assert all(one.type in TYPES for row in after for one in row)


def test_some_are_dropped_and_some_have_another_type():
    after = disturb(PROPOSED, 1.0, TYPES, seed=0)
    num_left = sum(map(len, after))
    assert 0.3 * NUM < num_left < 0.7 * NUM


def test_without_noise_nothing_changes():
    assert disturb(PROPOSED, 0.0, TYPES, seed=0) == PROPOSED


def test_a_share_of_samples_has_one_changed_entity_each():
    named = [row for row in PROPOSED if row]
    after = disturb(PROPOSED, 0.5, TYPES, seed=1, unit="samples")
    changed = [num_changed([old], [new]) for old, new in zip(PROPOSED, after, strict=True)]
    assert sum(changed) == round(0.5 * len(named))
    assert max(changed) == 1


@pytest.mark.parametrize("changed", [{"ratio": 1.1}, {"unit": "words"}, {"types": ("person",)}])
def test_noise_that_cannot_be_is_refused(changed):
    settings = {"ratio": 0.1, "types": TYPES, "seed": 0} | changed
    with pytest.raises(ConfigError, match="noise: got ratio"):
        disturb(PROPOSED, **settings)


def named(sample_id, sentence):
    return Sample(sample_id, "mine", GMNER, sentence, (), ())


def test_dev_and_test_get_no_noise():
    train = [named("1", "Ann"), named("2", "Bo"), named("3", "Cy")]
    with pytest.raises(DataError, match="1 by id, 0 by sentence, 2 first"):
        refuse_held_out(train, [named("2", "Dee")])
    with pytest.raises(DataError, match="0 by id, 2 by sentence, 1 first"):
        refuse_held_out(train, [named("8", "Ann"), named("9", "Cy")])


def test_a_retweet_of_a_held_out_tweet_is_told(capsys):
    train = [named("1", "Ann"), named("2", "Bo"), named("3", "Cy")]
    refuse_held_out(train, [named("9", "Cy")])
    assert "1 training samples have the sentence of a held-out one, 3 first" in capsys.readouterr().out
    refuse_held_out(train, [named("9", "Dee")])
    assert capsys.readouterr().out == ""
