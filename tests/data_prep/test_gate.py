"""The gate for reasoning that models write."""

import gzip
import time
from collections import Counter
from dataclasses import replace

import pytest
from bench_path import load_bench

from data_prep.sandbox.task_worlds import world_sample
from data_prep.schemas.ask import ASKED_STYLES, again, answer_for, request_for
from data_prep.schemas.build import SchemaOptions, make_schema
from data_prep.schemas.facts import collect_facts
from data_prep.schemas.gate import GATE_LEVELS, why_rejected
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


def reason_for(reasoning, answer=ANSWER, facts=FACTS, level="strict"):
    return why_rejected(f"<think>{reasoning}</think>{answer}", facts, level)


@pytest.mark.parametrize("level", GATE_LEVELS)
def test_good_reasoning_passes(level):
    assert reason_for(GOOD, level=level) is None
    assert why_rejected(GOOD + ANSWER, FACTS, level) is None


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
def test_level_strict_names_the_kind_of_bad_reasoning(reasoning, kind):
    assert reason_for(reasoning).split(":")[0] == kind


@pytest.mark.parametrize(
    "answer", ["", "<answer>\nKim Lee | PER | None\n</answer>", ANSWER.replace("Rome | LOC | None\n", ""), "<answer>"]
)
@pytest.mark.parametrize("level", GATE_LEVELS)
def test_an_answer_that_is_not_golds_is_told(answer, level):
    assert reason_for(GOOD, answer, level=level).startswith("answer:")


@pytest.mark.parametrize(
    "after",
    ["\nThis matches the ground truth label.", " Done.", "<answer>None</answer>", ANSWER, "\nBob Dylan is at [1, 2, 3, 4]."],
)
def test_nothing_may_stand_behind_the_answer_and_no_answer_before_it(after):
    for level in GATE_LEVELS:
        assert why_rejected(GOOD + ANSWER + after, FACTS, level).startswith("answer:")
        assert why_rejected(GOOD + "\n<answer>x</answer>\nThe gold label says it." + ANSWER, FACTS, level).startswith("answer:")


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
    assert why_rejected(questions + ANSWER, FACTS, "strict") is None


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
    reason = why_rejected(f"<think>{reasoning}</think>\n<answer>\n{answer_for(facts)}\n</answer>", facts, "strict")
    assert (reason is None) == passes, reason


def test_tasks_are_asked_for_what_they_have():
    names = Sample("1", "d", "mner", "Ann sings", (ImageRef("a.jpg", 10, 10),), (Entity("Ann", "PER"),))
    facts = collect_facts(names, FRAME.frame_of(names))
    text = request_for(facts, "llm_conclusions", 0)[0]["content"][0]["text"]
    assert "entailment" not in text
    assert "Say nothing of the image" in text
    seen = "<think>Ann is a person clearly visible in the image.</think>\n<answer>\nAnn | PER\n</answer>"
    assert why_rejected(seen, facts, "strict").startswith("image:")
    assert why_rejected(seen, facts, "answer") is None
    assert why_rejected(seen.replace(" clearly visible in the image", ", as the verb says"), facts, "strict") is None
    task = replace(GMNER, name="eeg", has_type=False)
    untyped = Sample("1", "d", task, "Ann sings", (ImageRef("a.jpg", 1000, 1000),), (Entity("Ann", "PER", PLACE),))
    facts = collect_facts(untyped, FRAME.frame_of(untyped))
    assert "type" not in request_for(facts, "llm_conclusions", 0)[0]["content"][0]["text"]
    good = "<think>Ann can be seen in the image at [10, 20, 300, 400].</think>\n<answer>\nAnn | [10, 20, 300, 400]\n</answer>"
    assert why_rejected(good, facts, "strict") is None
    phrase = Sample("1", "d", "vg", "the man", (ImageRef("a.jpg", 1000, 1000),), (Entity("the man", "", PLACE),))
    facts = collect_facts(phrase, FRAME.frame_of(phrase))
    assert "span" not in request_for(facts, "mllm_distilled", 1)[0]["content"][1]["text"]
    good = "<think>I see the man in the image at [10, 20, 300, 400].</think>\n<answer>\n[10, 20, 300, 400]\n</answer>"
    assert why_rejected(good, facts, "strict") is None


def test_saying_the_opposite_in_the_end_is_told():
    assert reason_for(GOOD + " In the end Kim Lee is not visible in the image.").startswith("contrary:")


@pytest.mark.parametrize("style", [style for style in STYLES if style != ANSWER_ONLY])
def test_what_templates_write_passes_level_answer_always_and_strict_mostly(style):
    reasons = Counter()
    for index in range(100):
        sample = world_sample(5, "train", index)[0]
        frame = FRAME.frame_of(sample)
        schema = make_schema(sample, style, frame, SchemaOptions((style,)), 0)
        assert why_rejected(schema.completion, collect_facts(sample, frame), "answer") is None
        reason = why_rejected(schema.completion, collect_facts(sample, frame), "strict")
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


@pytest.fixture(scope="module")
def recorded(shared_data, real_roots):
    """E2E-GMNER's teacher texts and RiVEG's knowledge of the test split, each beside its sample."""
    from data_prep.readers.twitter_gmner import read_twitter_gmner

    bench, samples = load_bench("gate_shares"), read_twitter_gmner(real_roots["v2"])[0]
    teacher = list(bench.teacher_texts(shared_data / "e2e_teacher_cot_sample.jsonl.gz", samples["train"]))
    return bench, teacher, list(bench.knowledge_texts(shared_data / "riveg_mner_noaugment_test.txt.gz", samples["test"]))


@pytest.mark.parametrize(("level", "taken"), [("answer", (58, 1457)), ("strict", (3, 55))])
def test_the_shares_of_recorded_texts_are_those_of_the_docs(recorded, level, taken):
    bench, teacher, knowledge = recorded
    assert (len(teacher), len(knowledge)) == (58, 1500)
    assert tuple(bench.count_reasons(texts, level)["passes"] for texts in (teacher, knowledge)) == taken


def test_recorded_captions_go_into_prompts(shared_data, recorded):
    with gzip.open(shared_data / "riveg_BLIP2_17.txt.gz", "rt", encoding="utf-8") as file:
        captions = dict(line.rstrip("\n").split(".jpg :", 1) for line in file if ".jpg :" in line)
    num_captioned = 0
    for sample in (text.sample for text in recorded[2]):
        caption = captions.get(sample.id)
        if caption:
            known = replace(sample, knowledge=tuple((entity.text, caption) for entity in sample.entities))
            (message,) = request_for(collect_facts(known, FRAME.frame_of(sample)), "llm_conclusions", 0)
            num_captioned += not sample.entities or caption.strip() in message["content"][0]["text"]
    assert num_captioned > 500


NFL = facts_of("The NFL draft is on tonight", Entity("NFL", "ORG", None))
TRUMP = facts_of("Donald Trump speaks in Ohio", Entity("Donald Trump", "PER", None), Entity("Ohio", "LOC", None))
CALHOUN = facts_of("Rory Calhoun is the best boy", Entity("Rory Calhoun", "PER", None))
PAIR = facts_of("Ann and Bob of Acme", Entity("Ann", "PER", PLACE), Entity("Bob", "PER", ((500.0, 500.0, 800.0, 900.0),)))


def answer_level(reasoning, facts):
    return why_rejected(f"<think>{reasoning}</think>\n<answer>\n{answer_for(facts)}\n</answer>", facts, "answer")


@pytest.mark.parametrize(
    ("facts", "reasoning"),
    [
        (
            NFL,
            "The image shows the NBA logo at [100, 100, 300, 300]. The NBA is a basketball league, not the NFL of the text, so the NFL is not shown.",
        ),
        (
            NFL,
            'The logo at [100, 100, 300, 300] reads "NBA". It may be tempting to take it for the NFL, but they are different leagues.',
        ),
        (NFL, "Is the NFL at [100, 100, 300, 300]? That is the National Basketball Association."),
        (
            TRUMP,
            "An elderly man is visible at [50, 60, 400, 700]. He does not look like Donald Trump, the 45th President. Ohio is a state.",
        ),
        (TRUMP, "The person at [50, 60, 400, 700] is not Donald Trump. Ohio, home of Cleveland, cannot be seen."),
        (CALHOUN, "The cat in the image does not make Rory Calhoun an animal: Rory Calhoun was an American actor, hence PER."),
        (
            CALHOUN,
            "A cat lies at [10, 10, 500, 600]. The name is that of an actor of Westerns such as The Texan, whom no one sees here.",
        ),
        (PAIR, "Ann is at [10, 20, 300, 400] and Bob at [500, 500, 800, 900]. Barack Obama stands behind them at [1, 2, 9, 30]."),
        (PAIR, "The man at [500, 500, 800, 900] stands behind Ann. The captain of F.C. Ann is shown at [500, 500, 800, 900]."),
        (PAIR, "Ann's brother is shown at [500, 500, 800, 900], which is Bob."),
        (PAIR, "Ann is to the left of the man at [500, 500, 800, 900]. Bob may be mistaken for her."),
        (PAIR, "Ann is shown at [12, 22, 150, 200], and another picture of her is at [600, 10, 700, 90]."),
        (PAIR, "Ann is shown in the box [500, 500, 800, 900] of the large poster."),
        (PAIR, "The score of Ann (1, 2, 3, 4) and Bob (5, 6, 7, 8) says little of the picture."),
    ],
)
def test_level_answer_takes_what_the_image_shows_and_background_knowledge(facts, reasoning):
    assert answer_level(reasoning, facts) is None


@pytest.mark.parametrize(
    ("facts", "reasoning"),
    [
        (PAIR, "Ann is shown at [500, 500, 800, 900]. Bob is somewhere else."),
        (PAIR, "Ann is a singer and can be seen in the photo at [500, 500, 800, 900]."),
        (PAIR, "Step 4, grounding: Ann at [500, 500, 800, 900], Bob at [10, 20, 300, 400]."),
        (PAIR, "The box of Ann is (500,500),(800,900), as the image shows."),
        (PAIR, "Ann's bounding box is <box>[[500, 500], [800, 900]]</box> in the picture."),
        (PAIR, "I looked at both. - **Ann** (PER): [500, 500, 800, 900]"),
        (PAIR, "The woman at [500, 500, 800, 900] is Ann, judging by the caption."),
        (PAIR, "Bob is in a suit, while Ann is the woman at [500, 500, 800, 900]."),
        (NFL, "The NFL is a league and can be seen at [100, 100, 300, 300]."),
        (NFL, "I see the logo. NFL | ORG | [100, 100, 300, 300]"),
        (NFL, "The logo at [100, 100, 300, 300] is the NFL."),
    ],
)
def test_level_answer_rejects_a_box_that_an_entity_does_not_have(facts, reasoning):
    assert answer_level(reasoning, facts).startswith("box:")


@pytest.mark.parametrize("style", ["steps_text_first", "question_answer", "narrative", "knowledge_visual"])
def test_level_answer_finds_the_boxes_of_two_entities_swapped(style):
    num = 0
    for index in range(100):
        sample = world_sample(5, "train", index)[0]
        facts = collect_facts(sample, FRAME.frame_of(sample))
        completion = make_schema(sample, style, facts.frame, SchemaOptions((style,), answer_formats=("rows",)), 0).completion
        shown = [facts.write_box(entity.boxes[0]) for entity in facts.entities if entity.boxes]
        reasoning, mark, answer = completion.partition("<answer>" if "<answer>" in completion else "Answer:\n")
        if len(set(shown)) == 2:
            swapped = reasoning.replace(shown[0], "#").replace(shown[1], shown[0]).replace("#", shown[1])
            assert why_rejected(swapped + mark + answer, facts, "answer").startswith("box:")
            num += 1
    assert num > 10


@pytest.mark.parametrize(
    "said",
    [
        "This agrees with the ground truth.",
        "The ground-truth says so.",
        "It matches the given answer.",
        "I copy the provided answer.",
        "According to the given label it is a person.",
        "The gold label says PER.",
        "The gold answer has it.",
        "The annotations confirm it.",
        "According to the answer, she is shown.",
        "I was told the answer.",
        "The answer you gave holds.",
        "The labels given to me say so.",
        "These are the rules marked by this data set.",
    ],
)
@pytest.mark.parametrize("facts", [PAIR, facts_of("Ann", Entity("Ann", "PER", PLACE))])
def test_level_answer_rejects_talk_of_the_label(said, facts):
    assert answer_level(f"Ann is in the photo. {said}", facts).startswith("giveaway:")


@pytest.mark.parametrize(
    "said",
    [
        "The label says Heineken.",
        "According to the label of the bottle it is a beer.",
        "An annotated map hangs on the wall.",
        "It is the gold standard of tennis.",
        "So the correct answer is a person.",
        "Of the provided labels PER fits.",
        "The answer is given by the text.",
        "Fans were told to leave.",
        "The trophy was given to me, she says.",
        "By the given answer format, a box is next.",
        "According to the answer above she is a person.",
        'The gold label says "Moet".',
        "The given label set has PER.",
    ],
)
def test_level_answer_takes_labels_and_answers_that_are_not_golds(said):
    assert answer_level(f"Ann is in the photo. {said}", PAIR) is None


def test_words_of_the_text_give_nothing_away():
    facts = facts_of("Ann in Ground Truth , the film", Entity("Ann", "PER", None), Entity("Ground Truth", "OTHER", None))
    assert answer_level("Ann acts in Ground Truth, which is a film.", facts) is None


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ("Named entities: None. Reasoning: it is only a greeting.", False),
        ("It is short. The sentence includes no named entities.", False),
        ("The text does not contain any named entities.", False),
        ("Named entities: None other than Ann and Bob of Acme.", True),
        ("The sentence includes no named entities besides Ann and Bob.", True),
        ("Ann and Bob. The image has no named entities.", True),
    ],
)
def test_level_answer_rejects_a_text_that_is_said_to_name_nothing(said, passes):
    reason = answer_level(said, PAIR)
    assert reason is None if passes else reason.startswith("contrary:")
    assert answer_level(said, facts_of("good morning all of you")) is None


@pytest.mark.parametrize("level", GATE_LEVELS)
def test_the_gate_is_linear_in_a_hostile_reply(level):
    start = time.perf_counter()
    for part in ("in the box ", "Ann is a a a ", "Ann at [1, 2, ", "the label ", "((((", "Ann in the image at the box "):
        answer_level_of = why_rejected(f"<think>{part * 3000}</think>\n<answer>\n{answer_for(PAIR)}\n</answer>", PAIR, level)
        assert answer_level_of is None or ":" in answer_level_of
    assert time.perf_counter() - start < 5
