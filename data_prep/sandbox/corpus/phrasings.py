"""How the corpus asks: for each skill phrasings to train on and phrasings that are held out, for measuring.

Fields: {look}, {part}, {box}, {name}, {names}, {text}, {given}, {other}. No phrasing is one of the prompts of mcr/prompts.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrasings:
    """The ways to ask for one skill.

    Attributes:
        trained: in the corpus.
        held_out: in no corpus.
    """

    trained: tuple[str, ...]
    held_out: tuple[str, ...]


BANK: Mapping[str, Phrasings] = {
    "caption": Phrasings(
        ("Describe the image.", "Caption the picture.", "What is in the image?", "Say in words what the picture shows."),
        ("Describe what the picture shows.", "What is in this picture?"),
    ),
    "list_boxes": Phrasings(
        (
            "Describe the image with boxes.",
            "List what the image shows, each with its box.",
            "What is in the image, and where?",
            "Locate all that you see.",
        ),
        ("List what you see, each with its box.", "What does the image show, and where?"),
    ),
    "list_names": Phrasings(
        ("Who or what is in the image?", "Name all that the image shows, with boxes.", "Whom do you know in this picture?"),
        ("Name who or what is in the image, with boxes.", "Who or what do you know in this picture?"),
    ),
    "find_part": Phrasings(
        ("Where is something {part}?", "Find what is {part}.", "One thing is {part}. Where is it?"),
        ("Where is what is {part}?", "Find the one that is {part}."),
    ),
    "find_look": Phrasings(
        (
            "Where is the {look}?",
            "Find the {look}.",
            "Give the box of the {look}.",
            "Locate the {look} in the image.",
            "Can you see a {look}? Where?",
            "Show me the {look}.",
            "Tell me where the {look} is.",
            "I need the box of the {look}.",
            "Point to the {look} in the picture.",
            "Can you show me a {look}?",
        ),
        ("Where in the image is the {look}?", "Give me the box of the {look}.", "Can you find a {look}?"),
    ),
    "look_at_box": Phrasings(
        ("What is at {box}?", "What do you see at {box}?", "Describe the box {box}.", "{box}: what is this?"),
        ("What is in the box {box}?", "What does the image show at {box}?", "Describe what is at {box}."),
    ),
    "look_of_name": Phrasings(
        ("What does {name} look like?", "Describe {name}.", "By what look do I know {name}?", "How is {name} shown?"),
        ("How does {name} look?", "What is the look of {name}?"),
    ),
    "name_of_look": Phrasings(
        ("Whose look is {look}?", "Who or what is shown as {look}?", "Name the {look}."),
        ("Who or what is the {look}?", "What is the name of the {look}?"),
    ),
    "knowledge": Phrasings(
        ("What do you know of {name}?", "Who or what is {name}?", "Tell me about {name}."),
        ("What do you know about {name}?",),
    ),
    "kind_of_name": Phrasings(
        ("What kind is {name}?", "Is {name} a person, a location, an organization or other?", "Kind of {name}:"),
        ("Of what kind is {name}?",),
    ),
    "names_in_text": Phrasings(
        (
            "Text: {text}\nWhich names are in the text?",
            "List the names. Text: {text}",
            "Text: {text}\nNames:",
            "Read the text and copy its names.\nText: {text}",
            "Text: {text}\nWhom or what does the text name?",
        ),
        (
            "Text: {text}\nWhich names does the text hold?",
            "Text: {text}\nList the names of the text.",
            "Copy the names. Text: {text}",
        ),
    ),
    "kinds_in_text": Phrasings(
        ("Text: {text}\nList the names with their kinds.", "Text: {text}\nWhat kinds of names are in the text?"),
        ("Text: {text}\nList each name with its kind.",),
    ),
    "look_and_box": Phrasings(
        (
            "See {name}.",
            "Where is {name}?",
            "Find {name} in the image.",
            "Is {name} there? Say look and box.",
            "Show me {name}.",
            "Tell me where {name} is.",
        ),
        ("Where in the image is {name}?", "Find {name}."),
    ),
    "several": Phrasings(
        (
            "Where are {names}? Write it {given}.",
            "Find {names} in the image. Answer {given}.",
            "See {names}, {given}.",
            "Locate each, {given}: {names}.",
        ),
        ("Where in the image are {names}? Answer {given}.", "Find each, {given}: {names}."),
    ),
    "is_look_shown": Phrasings(
        ("Is there a {look} in the image?", "Does the picture have a {look}?"),
        ("Is there a {look} in the picture?",),
    ),
    "is_name_shown": Phrasings(
        ("Does the image show {name}?", "Is {name} in the picture?"),
        ("Is {name} in the image?",),
    ),
    "link": Phrasings(
        (
            "Text: {text}\nLink text and image: who and what, as JSON.",
            "Text: {text}\nAnnotate the post. Write JSON with name, category and bounding_box.",
            "Text: {text}\nWho and what is this post about, and where are they? Write JSON.",
            "Text: {text}\nFind who and what the post is about. Write JSON with name, category and bounding_box.",
            "Text: {text}\nTag the post: each name with its category and its box, as JSON.",
            "Text: {text}\nGive names, categories and boxes as a list of JSON objects.",
        ),
        ("Text: {text}\nAnnotate text and image as JSON with name, category and bounding_box.",),
    ),
    "note": Phrasings(
        (
            "Text: {text}\nWho or what is this about, and where in the image? Note each with its kind and box.",
            "Text: {text}\nNote each name, its kind and where the image has it.",
            "Text: {text}\nFor each name note kind and box.",
            "Text: {text}\nNote all names with their kinds and places in the image.",
            "Note who and what, each with kind and box. Text: {text}",
            "Text: {text}\nFind each name, its kind and its box.",
            "Text: {text}\nGive each name with its type and its box in the image.",
            "Text: {text}\nFind all names, types and boxes.",
        ),
        ("Text: {text}\nNote the names with kinds and boxes.",),
    ),
    "left_of": Phrasings(
        ("Which is more to the left, {look} or {other}?", "Left one: {look} or {other}?"),
        ("Which one is more to the left, {look} or {other}?",),
    ),
    "fix_span": Phrasings(
        (
            'Text: {text}\nSomeone marked "{given}" as a name. Correct the span.',
            'Text: {text}\nIs "{given}" the whole name? Correct it.',
        ),
        ('Text: {text}\nSomeone marked the name "{given}". Correct it.',),
    ),
    "fix_kind": Phrasings(
        (
            "Text: {text}\nSomeone wrote that {name} is {given}. Correct the kind.",
            "{name} was given the kind {given}. Correct it.",
        ),
        ("Text: {text}\n{name} was marked as {given}. Correct the kind.",),
    ),
    "fix_box": Phrasings(
        (
            "Someone wrote that the {look} is at {given}. Correct the box.",
            "The box of the {look} was given as {given}. Correct it.",
        ),
        ("The {look} was marked at {given}. Correct the box.",),
    ),
    "lines": Phrasings(
        (
            "List what you see between <answer> and </answer>, one a line: look | box.",
            "Write what you see, one a line: look | box.",
        ),
        ("Write what the image shows between <answer> and </answer>, one a line: look | box.",),
    ),
    "expression": Phrasings(
        ("Text: {text}\nDescribe {name} so that it can be found in the image.", "Write an expression that finds {name}."),
        ("Describe {name} so that one can find it.",),
    ),
    "repeat": Phrasings(
        ("Repeat: {text}", "Copy this.\nText: {text}", "Say again: {text}", "{text}\nWrite this once more."),
        ("Copy the text.\nText: {text}", "Write once more: {text}"),
    ),
    "look_up": Phrasings(
        (
            "List: {text}\nWhat does the list say of {given}?",
            "Given: {text}\nLook up {given}.",
            "Known: {text}\nFind {given} in what is known.",
        ),
        ("List: {text}\nLook up {given} in the list.",),
    ),
    "retell": Phrasings(
        ("List: {text}\nWrite the list {given}.", "Known: {text}\nWrite all of it {given}.", "Given: {text}\nAgain, {given}."),
        ("List: {text}\nWrite it again, {given}.",),
    ),
}
THINK = (
    "Think step by step between <think> and </think>, then answer between <answer> and </answer>.",
    "Reason first between <think> and </think>. The answer is between <answer> and </answer>.",
    "Let us go step by step.",
)
TAGS = (
    "Put the result between <answer> and </answer>.",
    "The result stands between <answer> and </answer>, nothing else does.",
    "Use <answer> and </answer> around the result.",
)
GUIDANCE = (
    "You are careful and honest.",
    "Look at the whole image before you decide.",
    "Copy each name exactly as the text has it.",
    "A box is [x1, y1, x2, y2] from 0 to 1000 across the image.",
    "Types are PER, LOC, ORG and OTHER.",
    "Some things in the image have no name.",
    "The text may be short.",
    "Give one answer and nothing else.",
    "Write in plain words.",
    "First check the text, then check the image.",
    "First check the image, then the text.",
    "Decide each step before the next one.",
    "A name has one to three words.",
    "Ask yourself what each thing looks like.",
    "Write None if there is nothing.",
    "Do not write the same thing twice.",
    "Each answer is on a line of its own.",
    "The image shows shapes on a plain ground.",
    "What is named may be missing in the image.",
    "What is in the image may be missing in the text.",
    "Give each name once, with its kind and its box.",
    "Step one is the text, step two is the image.",
    "Decide on the kind by the text.",
    "Check that each box fits.",
)
