"""The tasks: what a sample asks for, how it is asked, and what is scored. One record a task, in one table.

What a task asks for decides how its answers are written, read, rewarded and measured: a room looks at `has_text`, `has_type` and
`has_location`, never at a task's name. A new task that asks for another choice of the three is one more record here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcr.errors import ConfigError, closest

REWARD_PARTS_OF = {
    "text": ("count", "span"),
    "type": ("type",),
    "location": ("entailment", "grounding"),
    "verdict": ("entailment",),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of one sample.

    Attributes:
        name: as samples.jsonl and training sets spell it.
        has_text: whether names are asked for; without them the sentence is one phrase, and gold is that phrase.
        has_type: whether the type of each name is asked for.
        has_location: whether it is asked where the image shows them.
        goal: the prompt's sentence that names the task.
        answer: how to answer after reasoning.
        answer_only: how to answer without.
        checks: the stepwise checks (left out by detail "plain": MCR Table 3, w/o Inst).
        caution: the cautions (likewise).
        brief: the one line of detail "brief".
        row_rule: how an answer is written, spelled out for models that were not trained for the task.
        is_verdict: whether of the location only this is asked: does the image show it. The answer is yes or no, and no box.
        asked: the parts of an entity that are asked for, of text, type and location, or verdict in place of the last.
        reward_parts: the reward parts that score what is asked for (MCR 4.2.1).
        unasked_reward_parts: the other parts of MCR's.
    """

    name: str
    has_text: bool
    has_type: bool
    has_location: bool
    goal: str
    answer: str
    answer_only: str
    checks: str
    caution: str
    brief: str
    row_rule: str
    is_verdict: bool = False
    asked: tuple[str, ...] = field(init=False, compare=False, repr=False)
    reward_parts: tuple[str, ...] = field(init=False, compare=False, repr=False)
    unasked_reward_parts: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        location = "verdict" if self.is_verdict else "location"
        asks_for = {"text": self.has_text, "type": self.has_type, location: self.has_location}
        asked = tuple(part for part, is_asked in asks_for.items() if is_asked)
        scored = tuple(part for one in asked for part in REWARD_PARTS_OF[one])
        unasked = frozenset(part for own in REWARD_PARTS_OF.values() for part in own) - set(scored)
        for name, value in (("asked", asked), ("reward_parts", scored), ("unasked_reward_parts", unasked)):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return self.name


GMNER = Task(
    name="gmner",
    has_text=True,
    has_type=True,
    has_location=True,
    goal="Find every named entity in the text, its type, and its box in the image.",
    answer="Reason first, then give one answer with text, type and box of each entity. Write None for what is not in the image.",
    answer_only="Give one answer with text, type and box of each entity, nothing else. Write None for what is not in the image.",
    checks="Check step by step: (1) span: copy each name from the text exactly, take none that only the image suggests; "
    "(2) type: decide it from the text; (3) entailment: ask whether the image really shows what the text names; "
    "(4) grounding: give the box of what the image shows, and None for the rest.",
    caution="Caution: a name in the text may be absent from the image, and the image may show things that the text does not "
    "name.",
    brief="Name the entities and boxes.",
    row_rule="Write the answer between <answer> and </answer>, one entity a line: text | type | box. The box is [{axes}], "
    "or None where the image does not show the entity. Write None alone if the text names nothing.",
)
MNER = Task(
    name="mner",
    has_text=True,
    has_type=True,
    has_location=False,
    goal="Find every named entity in the text and its type.",
    answer="Reason first, then give one answer with text and type of each entity.",
    answer_only="Give one answer with text and type of each entity, nothing else.",
    checks="Check step by step: (1) span: copy each name from the text exactly, take none that only the image suggests; "
    "(2) type: decide it from the text.",
    caution="Caution: the image may show things that the text does not name.",
    brief="Name the entities.",
    row_rule="Write the answer between <answer> and </answer>, one entity a line: text | type. Write None alone if the text "
    "names nothing.",
)
VG = Task(
    name="vg",
    has_text=False,
    has_type=False,
    has_location=True,
    goal="Find what the text describes in the image.",
    answer="Reason first, then give one answer: its box, or None if the image does not show it.",
    answer_only="Give one answer, nothing else: its box, or None if the image does not show it.",
    checks="Check step by step: (1) entailment: ask whether the image really shows what the text describes; "
    "(2) grounding: give the box of what it shows.",
    caution="Caution: what the text describes may be absent from the image.",
    brief="Give the box.",
    row_rule="Write the answer between <answer> and </answer>: the box [{axes}], or None where the image does not show it.",
)
VE = Task(
    name="ve",
    has_text=False,
    has_type=False,
    has_location=True,
    goal="Say whether the image shows what the text describes.",
    answer="Reason first, then give one answer: yes or no.",
    answer_only="Give one answer, nothing else: yes or no.",
    checks="Check: entailment: ask whether the image really shows what the text describes.",
    caution="Caution: what the text describes may be absent from the image.",
    brief="Is it shown?",
    row_rule="Write the answer between <answer> and </answer>: yes, or no.",
    is_verdict=True,
)
TASKS: Mapping[str, Task] = {task.name: task for task in (GMNER, MNER, VG, VE)}


def task_named(name: "str | Task") -> Task:
    """Return the task of a name, as files and columns hold it; a task comes back as it is.

    >>> task_named("vg").reward_parts
    ('entailment', 'grounding')

    Raises:
        ConfigError: there is no such task.
    """
    if isinstance(name, Task):
        return name
    if name not in TASKS:
        raise ConfigError(f"task: got {name!r}{closest(name, TASKS)}, expected one of {', '.join(TASKS)}. Correct the name.")
    return TASKS[name]
