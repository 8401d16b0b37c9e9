"""The gate for reasoning that models write."""

import gzip
import json
from collections import Counter
from dataclasses import replace

import pytest

from data_prep.schemas.ask import ASKED_STYLES, again, request_for
from data_prep.schemas.build import SchemaOptions, make_schema
from data_prep.schemas.facts import collect_facts
from data_prep.schemas.gate import why_rejected
from data_prep.schemas.styles import ANSWER_ONLY, STYLES
from data_prep.world import make_scene
from mcr.families import frame_settings
from mcr.records import Entity, ImageRef, Sample

FRAME = frame_settings("qwen3_vl")
SAMPLE = Sample(
    "1",
    "d",
    "gmner",
    "Kim Lee plays for Acme in Rome tonight",
    (ImageRef("a.jpg", 1000, 1000),),
    (Entity("Kim Lee", "PER", ((10.0, 20.0, 300.0, 400.0),)), Entity("Acme", "ORG", None), Entity("Rome", "LOC", None)),
)
FACTS = collect_facts(SAMPLE, FRAME.frame_of(SAMPLE))
ANSWER = "\n<answer>\nKim Lee | PER | [10, 20, 300, 400]\nAcme | ORG | None\nRome | LOC | None\n</answer>"
GOOD = "Kim Lee is a person and can be seen in the photo at [10, 20, 300, 400]. Acme is a team; the image does not show it. Rome is a city "
GOOD += "that is not visible in the image."


def reason_for(reasoning, answer=ANSWER, facts=FACTS):
    return why_rejected(f"<think>{reasoning}</think>{answer}", facts)


def test_good_reasoning_passes():
    assert reason_for(GOOD) is None
    assert why_rejected(GOOD + ANSWER, FACTS) is None


@pytest.mark.parametrize(
    ("reasoning", "kind"),
    [
        ("So.", "reasoning"),
        (GOOD.replace("Acme", "The team"), "unnamed"),
        (GOOD + " Next to him stands Bob Dylan.", "invented"),
        (GOOD + ' The sign reads "Old Trafford".', "invented"),
        (GOOD.replace("[10, 20, 300, 400]", "[11, 20, 300, 400]"), "box"),
        (GOOD.replace("the image does not show it", "the image shows it"), "contrary"),
        (GOOD.replace("can be seen in the photo at [10, 20, 300, 400]", "is not shown in the image"), "contrary"),
        (GOOD.replace("that is not visible in the image", "of three million"), "unsaid"),
        (GOOD + " The gold label says PER.", "giveaway"),
        (GOOD + " According to the given answer, that is all.", "giveaway"),
        (GOOD + " The annotations confirm it.", "giveaway"),
    ],
)
def test_bad_reasoning_is_told_by_its_kind(reasoning, kind):
    assert reason_for(reasoning).split(":")[0] == kind


@pytest.mark.parametrize(
    "answer", ["", "<answer>\nKim Lee | PER | None\n</answer>", ANSWER.replace("Rome | LOC | None\n", ""), "<answer>"]
)
def test_an_answer_that_is_not_golds_is_told(answer):
    assert reason_for(GOOD, answer).startswith("answer:")


def test_saying_the_opposite_in_the_end_is_told():
    assert reason_for(GOOD + " In the end Kim Lee is not visible in the image.").startswith("contrary:")


@pytest.mark.parametrize("style", [style for style in STYLES if style != ANSWER_ONLY])
def test_what_templates_write_of_a_known_world_passes_mostly(style):
    reasons = Counter()
    for index in range(100):
        sample = make_scene(5, "train", index).sample
        frame = FRAME.frame_of(sample)
        schema = make_schema(sample, style, frame, SchemaOptions((style,)), 0)
        reason = why_rejected(schema.completion, collect_facts(sample, frame))
        reasons[reason and reason.split(":")[0]] += 1
    assert reasons[None] >= 80, reasons


def test_requests_hold_answer_constraints_and_rules_and_the_image_where_it_is_needed():
    for style, asked in ASKED_STYLES.items():
        (message,) = request_for(FACTS, style, 1)
        text = message["content"][-1]["text"]
        for wanted in ("(1) span", "(4) grounding", "Kim Lee | PER | [10, 20, 300, 400]", "Do not mention", SAMPLE.sentence):
            assert wanted in text
        assert (message["content"][0]["type"] == "image") == asked.needs_image
        assert ("Acme is not shown in the image." in text) != asked.needs_image
    assert "unnamed" in again(request_for(FACTS, "llm_questions", 0), "x", "unnamed: y.")[-1]["content"][0]["text"]


def test_recorded_teacher_reasoning_goes_through_the_gate(shared_data, real_roots, capsys):
    from data_prep.readers.twitter_gmner import read_twitter_gmner
    from mcr.formats import write_answer

    samples = read_twitter_gmner(real_roots["v2"])[0]["train"]
    reasons = Counter()
    with gzip.open(shared_data / "e2e_teacher_cot_sample.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            sample = samples[int(row["id"]) - 1]
            facts = collect_facts(sample, FRAME.frame_of(sample))
            answer = write_answer(facts.entities, "rows", decimals=facts.decimals)
            reason = why_rejected(f"<think>{row['think']}</think>\n<answer>\n{answer}\n</answer>", facts)
            reasons["passes" if reason is None else reason.split(":")[0]] += 1
    with capsys.disabled():
        print("\nE2E-GMNER's teacher reasoning at the gate:", dict(reasons.most_common()))
    assert reasons.total() == 58


def riveg_knowledge(path):
    """Yield ChatGPT's knowledge of each tweet, in the order of the tweets."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for block in file.read().replace("\r\n", "\n").strip("\n").split("\n\n"):
            tokens = [line.split("\t")[0] for line in block.split("\n")]
            yield " ".join(tokens[tokens.index("<EOS>") + 1 :]) if "<EOS>" in tokens else ""


def test_recorded_knowledge_and_captions_go_through_gate_and_prompts(shared_data, real_roots, capsys):
    from data_prep.readers.twitter_gmner import read_twitter_gmner
    from mcr.formats import write_answer

    samples = read_twitter_gmner(real_roots["v2"])[0]["test"]
    with gzip.open(shared_data / "riveg_BLIP2_17.txt.gz", "rt", encoding="utf-8") as file:
        captions = dict(line.rstrip("\n").split(".jpg :", 1) for line in file if ".jpg :" in line)
    texts = list(riveg_knowledge(shared_data / "riveg_mner_noaugment_test.txt.gz"))
    assert len(texts) == len(samples)
    reasons, num_captioned = Counter(), 0
    for sample, text in zip(samples, texts, strict=True):
        facts = collect_facts(sample, FRAME.frame_of(sample))
        answer = write_answer(facts.entities, "rows", decimals=facts.decimals) or "None"
        reason = why_rejected(f"<think>{text}</think>\n<answer>\n{answer}\n</answer>", facts)
        reasons["passes" if reason is None else reason.split(":")[0]] += 1
        caption = captions.get(sample.id)
        if caption:
            known = replace(sample, knowledge=tuple((entity.text, caption) for entity in sample.entities))
            (message,) = request_for(collect_facts(known, FRAME.frame_of(sample)), "llm_conclusions", 0)
            num_captioned += not sample.entities or caption.strip() in message["content"][0]["text"]
    with capsys.disabled():
        print("\nRiVEG's ChatGPT knowledge at the gate:", dict(reasons.most_common()), "captions in prompts:", num_captioned)
    assert num_captioned > 500
