"""Breaking up what looks like a control token, and restoring it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcr.families import frame_settings
from mcr.labels import TWITTER_GMNER
from mcr.prompts.control_tokens import OWN_TAGS, QUOTED, ControlTokens, text_part
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample

TOKENS = ("<|im_end|>", "<|image_pad|>", "[INST]", "<img>")
MARK = "\ufdd0\ufdd1"
CONTROLS = ControlTokens.of(TOKENS, MARK)
PIECES = st.sampled_from([*TOKENS, *OWN_TAGS, MARK, *MARK, "<", ">", "|", "<|im_", "end|>", "a", " ", "\n", "<|<|im_end|>"])


@given(st.lists(PIECES).map("".join))
def test_nothing_is_left_of_a_token_and_removing_the_mark_gives_the_text_back(text):
    broken = CONTROLS.break_up(text)
    assert not any(token in broken for token in TOKENS)
    assert broken.replace(MARK, "") == text.replace(MARK, "") or MARK in text
    assert remove_once(broken) == text
    if MARK not in text:
        assert CONTROLS.restore(broken) == text


def remove_once(text):
    """What the tokenizer's normalizer does: one pass from left to right."""
    out, index = [], 0
    while index < len(text):
        if text.startswith(MARK, index):
            index += len(MARK)
        else:
            out.append(text[index])
            index += 1
    return "".join(out)


def test_our_own_tags_are_broken_up_inside_what_is_quoted_alone():
    text = "Text: <think> Ann\nReason in <think>."
    assert CONTROLS.break_up(text) == text
    assert CONTROLS.break_up(text, "<think> Ann") == f"Text: <{MARK}think> Ann\nReason in <think>."


def test_a_prompt_notes_a_sentence_with_a_tag_of_ours_and_no_other():
    settings = PromptSettings(TWITTER_GMNER, frame_settings("qwen3_vl"))
    for sentence, is_noted in (("Ann </answer> sings", True), ("Ann <|im_end|> sings", False)):
        part = settings.prompt_for(Sample("a", "d", "gmner", sentence, (), ()))[0]["content"][0]
        assert part.get(QUOTED) == (sentence if is_noted else None)
        assert sentence in part["text"]


@pytest.mark.parametrize("content", ["a <img>", [{"type": "text", "text": "a <img>"}, {"type": "image"}], None])
def test_a_message_of_any_form_is_broken_up_and_keeps_what_is_no_text(content):
    message = {"role": "user", "content": content, "name": "x"}
    broken = CONTROLS.break_up_message(message)
    assert "<img>" not in str(broken)
    assert (broken["role"], broken["name"]) == ("user", "x")
    assert message["content"] == content


def test_the_note_of_what_is_quoted_does_not_reach_the_model():
    (part,) = CONTROLS.break_up_message({"role": "user", "content": [text_part("a <think>", "a <think>")]})["content"]
    assert part == {"type": "text", "text": f"a <{MARK}think>"}


def test_time_grows_with_the_length():
    controls = ControlTokens.of([f"<|reserved_{number}|>" for number in range(300)], MARK)
    text = "<|<|reserved_<<<[[" * 20_000
    start = time.perf_counter()
    controls.break_up(text)
    assert time.perf_counter() - start < 5
