"""What a second stage is shown: names without boxes, what is known of them, the best objects, as lines of the prompt."""

from mcr.families import frame_settings
from mcr.io.samples import sample_from_dict, sample_to_dict
from mcr.knowledge.known_texts import Knowledge
from mcr.labels import TWITTER_FMNERG
from mcr.prompts.context import write_context
from mcr.prompts.settings import PromptSettings
from mcr.records import Entity, ImageRef, Sample
from mcr.regions.proposed import Proposal
from mcr.staged.with_context import known_entities, with_context

SAMPLE = Sample("1", "mine", "gmner", "Ann <think> Lee in Rome", (ImageRef("a.png", 100, 100),), ())
KNOWN = known_entities(
    [Knowledge("1", "Ann has red hair.", "llm", "Ann"), Knowledge("2", "other", "llm", "Ann"), Knowledge("1", "all", "llm")]
)
OBJECTS = (Proposal((0, 0, 10, 10), 0.1, "dog"), Proposal((50, 0, 100, 50), 0.9, "woman"))
SHOWN = with_context(SAMPLE, [Entity("Ann", "person", ((1, 1, 2, 2),)), Entity("Rome", "location")], KNOWN, OBJECTS, top_k=1)


def prompt(*shows):
    settings = PromptSettings(
        TWITTER_FMNERG, frame_settings("llava"), "plain", is_reasoned=False, shows=shows, answer="Write it so."
    )
    (message,) = settings.prompt_for(SHOWN)
    return message["content"][-1]


def test_the_context_is_names_knowledge_of_them_and_the_best_objects():
    assert SHOWN.proposed == (Entity("Ann", "person"), Entity("Rome", "location"))
    assert SHOWN.knowledge == (("Ann", "Ann has red hair."),)
    assert [(one.label, one.box_px) for one in SHOWN.regions] == [("woman", (50, 0, 100, 50))]


def test_the_prompt_shows_it_behind_the_sentence_in_the_models_frame():
    text = prompt("knowledge", "objects", "proposed")["text"]
    lines = text.splitlines()
    assert lines[:4] == [
        "Text: Ann <think> Lee in Rome",
        "Known: Ann has red hair.",
        "Objects: woman (0.5, 0.0, 1.0, 0.5)",
        "Named: Ann is a person; Rome is a location",
    ]
    assert text.endswith("Write it so.")


def test_knowledge_says_of_whom_and_once():
    twice = [Entity("Ann", "person"), Entity("Ann", "location"), Entity("Bo", "person")]
    shown = with_context(SAMPLE, twice, {(SAMPLE.id, "Ann"): "Ann has red hair.", (SAMPLE.id, "Bo"): "He is tall."}, ())
    assert write_context(shown, ["knowledge"], None) == "Known: Ann has red hair. Bo: He is tall."


def test_what_is_not_shown_is_left_out():
    assert "Known" not in prompt("objects")["text"]
    assert "Objects" not in prompt("knowledge", "proposed")["text"]
    assert prompt()["text"].startswith("Text: Ann <think> Lee in Rome\nFind")


def test_text_from_outside_is_noted_as_quoted():
    part = prompt("knowledge")
    assert part["quoted"] == "Ann <think> Lee in Rome\nKnown: Ann has red hair."
    assert part["quoted"] in part["text"]


def test_settings_come_back_from_disk(tmp_path):
    settings = PromptSettings(TWITTER_FMNERG, frame_settings("llava"), shows=("knowledge", "proposed"), answer="So.")
    settings.save(tmp_path)
    assert PromptSettings.load(tmp_path) == settings


def test_proposed_entities_come_back_from_disk():
    assert sample_from_dict(sample_to_dict(SHOWN)) == SHOWN
