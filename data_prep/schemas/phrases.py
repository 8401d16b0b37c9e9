"""The phrase bank: several ways to say each step. The first of each is the shortest; how many are used is an option.

Every phrase states only what its fields hold. Fields: {names}, {name}, {type}, {look}, {box}, {regions}, {caption}, {sentence}.
"""

BANK: dict[str, tuple[str, ...]] = {
    "caption": ("Image: {caption}", "The image in short: {caption}", "What the image shows, in words: {caption}"),
    "see": ("Seen: {regions}.", "The image shows {regions}.", "Looking at the image first, I can make out {regions}."),
    "span": ("Names: {names}.", "The text names {names}.", "Reading the text word by word, the named entities are {names}."),
    "no_span": ("Names: none.", "The text names no entity.", "Reading the text word by word, I find no named entity."),
    "type": ("{name} is {type}", "from the text, {name} is of type {type}", "the wording makes {name} a {type}"),
    "entailed_look": ("{name} is the {look}", "{name} is shown: the {look}", "the image bears out {name}, as the {look}"),
    "found_look": (
        "{name}, {look} {box}",
        "{name} is shown: the {look} at {box}",
        "the image bears out {name}, as the {look} at {box}",
    ),
    "missing_look": (
        "{name}, {look} not seen",
        "{name} would be the {look}, which is not shown",
        "no {look} in the image bears out {name}",
    ),
    "entailed": ("{name} is shown", "the image does show {name}", "what the text calls {name} can be seen in the image"),
    "not_entailed": ("{name} is not shown", "the image does not show {name}", "nothing in the image bears out {name}"),
    "ground": ("{name} at {box}", "{name} is found at {box}", "the place of {name} in the image is {box}"),
    "no_ground": ("{name} None", "{name} gets no box", "there is no box to give for {name}"),
    "all_clear": (
        "Nothing to check.",
        "So nothing has to be located.",
        "With no name to locate, the image need not be searched.",
    ),
    "ask_span": ("Q: Which names?", "Q: Which named entities does the text hold?", "Q: What does the text name?"),
    "ask_type": ("Q: Which types?", "Q: Of which type is each, going by the text?", "Q: What kind of entity is each name?"),
    "ask_entailed": ("Q: Which are shown?", "Q: Which of them does the image really show?", "Q: Does the image bear them out?"),
    "ask_ground": ("Q: Where?", "Q: Where in the image is each?", "Q: What are the boxes of those that are shown?"),
    "conclude": (
        "{name}: {type}, {shown}.",
        "{name} is named in the text, {type}, {shown}.",
        "The text gives {name} as {type}; {shown}.",
    ),
    "conclude_type": ("{name}: {type}.", "{name} is named in the text, {type}.", "The text gives {name} as {type}."),
    "conclude_place": ("{name}: {shown}.", "What the text describes, {name}: {shown}.", "Looking for {name}: {shown}."),
    "brief_look": ("{look} {box}", "shown as the {look} at {box}", "the image has it as the {look} at {box}"),
    "brief_missing": ("{look} not seen", "a {look} that is not shown", "it would be the {look}, which the image does not have"),
    "brief_shown": ("shown at {box}", "in the image at {box}", "the image has it at {box}"),
    "brief_absent": ("not shown", "not in the image", "the image does not have it"),
    "story_open": ("The text reads: {sentence}", 'Here is the text: "{sentence}"', "I start from the words: {sentence}"),
    "story_type": ("{name} can only be a {type} here", "as {name} is used here, it is a {type}", "{name} reads as {type}"),
}
