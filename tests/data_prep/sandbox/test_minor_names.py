"""Minor names: the same in every world, in training scenes alone and at the share that is asked for, known to the scripted LLM."""

import json

import pytest

from data_prep import make_sandbox
from data_prep.sandbox.looks import ALL_NAMES, NAMES, TYPE_OF_SHAPE
from data_prep.sandbox.minor_names import NUM_MINOR, minor_names, name_called
from data_prep.sandbox.scripted.replies import reply_to
from data_prep.sandbox.task_worlds import Detail, world_sample
from mcr.errors import ConfigError
from mcr.io.samples import load_samples
from mcr.knowledge.appearance_templates import FINE_TYPE, NOT_KNOWN, AskedEntity, ask_for_appearance, coarse_type
from mcr.labels import TWITTER_FMNERG

MINOR = {name.text for name in minor_names()}
SCENES = [world_sample(0, "train", index, Detail(minor_share=0.75))[1] for index in range(300)]


def test_each_has_a_look_of_its_type_and_a_fine_type_that_names_of_this_shape_have():
    assert len(MINOR) == NUM_MINOR
    assert not MINOR & {name.text for name in ALL_NAMES}
    for name in minor_names():
        (look,) = name.looks
        assert TYPE_OF_SHAPE[look.shape] == name.type
        assert name.fine_type in {fine for _, fine in NAMES[look.shape]}


def test_the_share_of_the_names_is_minor_and_no_two_of_a_scene_look_alike():
    named = [name for scene in SCENES for name in scene.named]
    assert 0.68 < sum(name.text in MINOR for name in named) / len(named) < 0.82
    for scene in SCENES:
        looks = [look for name in scene.named for look in name.looks]
        assert len(set(looks)) == len(looks)
        assert len({look for look, _ in scene.drawn}) == len(scene.drawn)
        assert all(text in scene.sentence for text in (name.text for name in scene.named))


def test_other_splits_and_worlds_without_them_stay_as_they_are():
    assert all(
        world_sample(0, split, 3, Detail(minor_share=1.0)) == world_sample(0, split, 3) for split in ("dev", "test", "unseen")
    )
    assert all(name.text not in MINOR for name in world_sample(0, "train", 3)[1].named)


def test_the_world_on_disk_says_what_they_look_like(tmp_path):
    sizes = ["--train", "30", "--dev", "2", "--test", "2", "--fine_types"]
    make_sandbox.main(["--output_dir", str(tmp_path), *sizes, "--minor_names", "1"])
    known = {row["name"]: row["text"] for row in map(json.loads, (tmp_path / "knowledge.jsonl").read_text().splitlines())}
    named = {entity.text for sample in load_samples(tmp_path / "train.jsonl") for entity in sample.entities}
    assert named <= MINOR
    assert all(name.appearance in known[name.text] for name in minor_names())
    with pytest.raises(ConfigError, match="--minor_names: got 2"):
        make_sandbox.main(["--output_dir", str(tmp_path), "--minor_names", "2"])
    with pytest.raises(ConfigError, match="vg has none of these"):
        make_sandbox.main(["--output_dir", str(tmp_path), "--task", "vg", "--minor_names", "0.5"])


def test_the_scripted_llm_knows_them():
    looks = 0
    for name in minor_names()[:60]:
        entity = AskedEntity(name.text, coarse_type(name.fine_type, TWITTER_FMNERG), f"{name.text} is back")
        told = json.loads(reply_to([{"role": "user", "content": ask_for_appearance(entity)}]).text)
        assert told[FINE_TYPE] in (name.fine_type, NOT_KNOWN)
        looks += any(name.appearance in value for value in told.values())
    assert looks > 30
    assert name_called("Nobody at all") is None
