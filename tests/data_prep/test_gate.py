"""The gate for reasoning that models write."""

import gzip
import json
from collections import Counter
from dataclasses import replace

import pytest

from data_prep.sandbox.world import make_scene
from data_prep.schemas.ask import ASKED_STYLES, again, answer_for, request_for
from data_prep.schemas.build import SchemaOptions, make_schema
from data_prep.schemas.facts import collect_facts
from data_prep.schemas.gate import why_rejected
from data_prep.schemas.styles import ANSWER_ONLY, STYLES
from mcr.families import frame_settings
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER

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
    "numbers",
    [
        "1. Kim Lee\n2. Acme\n3. Rome\n4. Kim Lee",
        "1) Kim Lee [10, 20, 300, 400]\n2) Acme\n3) Rome\n4) Kim Lee",
        "it won in 2014, 2015, 2016, 2017.",
        "it has 10,000,000,000 fans.",
    ],
)
def test_numbers_that_are_no_box_pass(numbers):
    assert reason_for(f"{numbers}\n{GOOD}") is None


@pytest.mark.parametrize(
    ("reasoning", "kind"),
    [
        ("So.", "reasoning"),
        (GOOD.replace("Acme", "The team"), "unnamed"),
        (GOOD + " Next to him stands Bob Dylan.", "invented"),
        (GOOD + ' The sign reads "Old Trafford".', "invented"),
        (GOOD.replace("[10, 20, 300, 400]", "[11, 20, 300, 400]"), "box"),
        *[
            (GOOD + f" That is {loose}.", "box")
            for loose in (
                "(10,20),(300,400)",
                "[[10, 20], [300, 400]]",
                "10, 20, 300, 400",
                "[10 20 300 400]",
                "<box>10,20,300,400</box>",
                "x1=10, y1=20, x2=300, y2=400",
                "[10,20;300,400]",
                "left: 10, top: 20, right: 300, bottom: 400",
                "left 99 top 98 right 97 bottom 96",
                "x1 10, y1 20, x2 30, y2 40",
                "(10, 20) to (300, 400)",
                "10,20 - 300,400",
            )
        ],
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


@pytest.mark.parametrize(
    "after",
    ["\nThis matches the ground truth label.", " Done.", "<answer>None</answer>", ANSWER, "\nBob Dylan is at [1, 2, 3, 4]."],
)
def test_nothing_may_stand_behind_the_answer_and_no_answer_before_it(after):
    assert why_rejected(GOOD + ANSWER + after, FACTS).startswith("answer:")
    assert why_rejected(GOOD + "\n<answer>x</answer>\nThe gold label says it." + ANSWER, FACTS).startswith("answer:")


@pytest.mark.parametrize(
    "answer",
    [ANSWER.replace("400]", "400], [900, 900, 999, 999]"), ANSWER.replace("PER", "person"), ANSWER.replace("Acme", "acme")],
)
def test_the_answer_is_golds_to_the_letter(answer):
    assert reason_for(GOOD, answer).startswith("answer:")


@pytest.mark.parametrize(
    "said",
    [
        "Kim Lee isn\u2019t visible in the image.",
        "Kim Lee wasn't captured in the picture.",
        "Is Kim Lee shown in the image? No.",
        "The person Kim Lee cannot be seen in the image.",
        "Kim Lee and Acme are not.",
    ],
)
def test_a_shown_entity_that_is_said_to_be_absent_is_told_however_it_is_said(said):
    assert reason_for(GOOD + " " + said).startswith("contrary:"), said


@pytest.mark.parametrize(
    "said",
    [
        "Acme is a team; it isn\u2019t visible in the image. Rome is a city that cannot be seen in the image.",
        "There is no sign of Acme in the photo. There is no trace of Rome.",
        "Acme and Rome are not.",
        "Q: Is Acme shown in the image?\nA: No.\nQ: Does the image show Rome?\nA: No.",
        "The image shows neither Acme nor Rome.",
    ],
)
def test_absent_entities_may_be_called_absent_in_any_way(said):
    assert reason_for("Kim Lee is a person and can be seen in the photo at [10, 20, 300, 400]. " + said) is None


def test_lines_that_begin_with_answer_are_reasoning_where_the_answer_is_tagged():
    questions = (
        "Question: Which words name an entity?\nAnswer: Kim Lee, Acme and Rome.\nQuestion: Are they shown?\nAnswer: " + GOOD
    )
    assert why_rejected(questions + ANSWER, FACTS) is None


def facts_of(sentence, *entities):
    sample = Sample("1", "d", "gmner", sentence, (ImageRef("a.jpg", 1000, 1000),), tuple(entities))
    return collect_facts(sample, FRAME.frame_of(sample))


PLACE = ((10.0, 20.0, 300.0, 400.0),)


@pytest.mark.parametrize(
    ("sentence", "entities", "reasoning", "passes"),
    [
        ("in St. Louis", [Entity("St. Louis", "LOC", None)], "St. Louis is a city that the image does not show.", True),
        (
            "New York in The New York Times",
            [Entity("New York", "LOC", PLACE), Entity("The New York Times", "ORG", None)],
            "New York is shown in the image at [10, 20, 300, 400]. The New York Times is not shown in the image.",
            True,
        ),
        ("US wins", [Entity("US", "LOC", None)], "Thus the place is not shown in the image at all.", False),
        (
            "Ann and Bob",
            [Entity("Ann", "PER", PLACE), Entity("Bob", "PER", ((1.0, 2.0, 30.0, 40.0),))],
            "Ann is shown in the image at [1, 2, 30, 40]. Bob is shown in the image at [10, 20, 300, 400].",
            False,
        ),
        ("Ann", [Entity("Ann", "PER", PLACE)], "Ann is shown in the image, with a box at (1, 2, 3, 4).", False),
        ("Ann", [Entity("Ann", "PER", PLACE)], "Ann is shown in the image. Beside her stands Obama.", False),
        ("Ann", [Entity("Ann", "PER", PLACE)], "Bob Dylan stands beside Ann in the image at [10, 20, 300, 400].", False),
        (
            "Ann",
            [Entity("Ann", "PER", PLACE)],
            "1. **Span Identification**: the text names Ann. She is shown in the image.",
            True,
        ),
    ],
)
def test_names_in_names_abbreviations_and_inventions(sentence, entities, reasoning, passes):
    facts = facts_of(sentence, *entities)
    reason = why_rejected(f"<think>{reasoning}</think>\n<answer>\n{answer_for(facts)}\n</answer>", facts)
    assert (reason is None) == passes, reason


def test_tasks_are_asked_for_what_they_have():
    names = Sample("1", "d", "mner", "Ann sings", (ImageRef("a.jpg", 10, 10),), (Entity("Ann", "PER"),))
    facts = collect_facts(names, FRAME.frame_of(names))
    text = request_for(facts, "llm_conclusions", 0)[0]["content"][0]["text"]
    assert "entailment" not in text
    assert "Say nothing of the image" in text
    seen = "<think>Ann is a person clearly visible in the image.</think>\n<answer>\nAnn | PER\n</answer>"
    assert why_rejected(seen, facts).startswith("image:")
    assert why_rejected(seen.replace(" clearly visible in the image", ", as the verb says"), facts) is None
    task = replace(GMNER, name="eeg", has_type=False)
    untyped = Sample("1", "d", task, "Ann sings", (ImageRef("a.jpg", 1000, 1000),), (Entity("Ann", "PER", PLACE),))
    facts = collect_facts(untyped, FRAME.frame_of(untyped))
    assert "type" not in request_for(facts, "llm_conclusions", 0)[0]["content"][0]["text"]
    good = "<think>Ann can be seen in the image at [10, 20, 300, 400].</think>\n<answer>\nAnn | [10, 20, 300, 400]\n</answer>"
    assert why_rejected(good, facts) is None
    phrase = Sample("1", "d", "vg", "the man", (ImageRef("a.jpg", 1000, 1000),), (Entity("the man", "", PLACE),))
    facts = collect_facts(phrase, FRAME.frame_of(phrase))
    assert "span" not in request_for(facts, "mllm_distilled", 1)[0]["content"][1]["text"]
    good = "<think>I see the man in the image at [10, 20, 300, 400].</think>\n<answer>\n[10, 20, 300, 400]\n</answer>"
    assert why_rejected(good, facts) is None


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
    from mcr.formats.answers import write_answer

    samples = read_twitter_gmner(real_roots["v2"])[0]["train"]
    reasons = Counter()
    with gzip.open(shared_data / "e2e_teacher_cot_sample.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            sample = samples[int(row["id"]) - 1]
            facts = collect_facts(sample, FRAME.frame_of(sample))
            answer = write_answer(facts.entities, "rows")
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
    from mcr.formats.answers import write_answer

    samples = read_twitter_gmner(real_roots["v2"])[0]["test"]
    with gzip.open(shared_data / "riveg_BLIP2_17.txt.gz", "rt", encoding="utf-8") as file:
        captions = dict(line.rstrip("\n").split(".jpg :", 1) for line in file if ".jpg :" in line)
    texts = list(riveg_knowledge(shared_data / "riveg_mner_noaugment_test.txt.gz"))
    assert len(texts) == len(samples)
    reasons, num_captioned = Counter(), 0
    for sample, text in zip(samples, texts, strict=True):
        facts = collect_facts(sample, FRAME.frame_of(sample))
        answer = write_answer(facts.entities, "rows") or "None"
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
