"""Model families: one record each, found by the model's own type."""

import pytest

from mcr.boxes import frame_for
from mcr.errors import ConfigError
from mcr.families import FAMILIES, family_named, family_of, frame_settings
from mcr.labels import TWITTER_GMNER
from mcr.prompts.settings import write_instruction
from mcr.records import Entity
from rewards import score_completion


def test_a_family_is_found_by_its_models_type():
    assert family_of("qwen2_5_vl").frame.kind == "absolute"  # MiMo-VL's, too
    assert family_of("qwen3_vl_moe") is FAMILIES["qwen3_vl_moe"]
    with pytest.raises(ConfigError, match="model_type is 'bert', expected one of qwen2_5_vl"):
        family_of("bert")
    with pytest.raises(ConfigError, match="expected one of qwen2_5_vl, qwen3_vl"):
        family_named("qwen")


def test_no_type_belongs_to_two_families():
    types = [one for family in FAMILIES.values() for one in family.model_types]
    assert len(types) == len(set(types))
    assert all(family.image_pad in family.vision_tokens for family in FAMILIES.values() if family.image_pad)


def test_boxes_of_a_family_that_writes_y_first_are_asked_for_and_read_so():
    frame = frame_settings("gemini")
    assert "[y1, x1, y2, x2] from 0 to 1000" in write_instruction(TWITTER_GMNER, frame)
    gold = [Entity("Ann", "PER", ((20, 10, 100, 60),))]
    read = frame_for(frame.kind, 200, 100, axes=frame.axes)
    assert score_completion("Ann | PER | [100, 100, 600, 500]", gold, frame=read).total == 1
