"""Writing an answer: the formats that schemas teach, and for which task each is fit. `parse_completion` reads all of them back.

A location is written in the entity's frame: "[x1, y1, x2, y2]", several one after the other, or "None".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from mcr.formats.json_answer import write_json
from mcr.formats.location import format_location, format_verdict
from mcr.formats.rows import write_joined, write_rows, write_triples
from mcr.formats.sentences import write_sentences
from mcr.records import Entity
from mcr.tasks import GMNER, Task, task_named

ORDERS = tuple(map(" ".join, permutations(("text", "type", "location"))))


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """One form of an answer.

    Attributes:
        write: (entities, parts in their order) -> the answer's text.
        empty: what it writes for no entity.
        needs: the parts without which the form does not work, or looks like prose.
    """

    write: Callable[[Sequence[Entity], Sequence[str]], str]
    empty: str = "None"
    needs: tuple[str, ...] = ()

    def fits(self, task: Task) -> bool:
        """Whether answers of a task can have this form."""
        return set(self.needs) <= set(task.asked)


ANSWER_FORMATS: Mapping[str, AnswerFormat] = {
    "rows": AnswerFormat(write_rows),
    "joined": AnswerFormat(write_joined, needs=("location",)),
    "json": AnswerFormat(write_json, empty="[]"),
    "triples": AnswerFormat(write_triples, needs=("location",)),
    "sentences": AnswerFormat(write_sentences, needs=("type", "location")),
}


def fitting_formats(names: Sequence[str], task: Task) -> list[str]:
    """Return those of the named formats that fit a task; where none does, all that do."""
    return [name for name in names if ANSWER_FORMATS[name].fits(task)] or [
        name for name, one in ANSWER_FORMATS.items() if one.fits(task)
    ]


def write_answer(entities: Sequence[Entity], answer_format: str, *, order: str = ORDERS[0], task: Task | str = GMNER) -> str:
    """Return the answer text of entities, each in the frame that it carries.

    Args:
        entities: what to write; the empty list gives the format's own word for "nothing".
        answer_format: a key of ANSWER_FORMATS; a task without texts has one form alone, the location or the verdict on it.
        order: of the parts, one of ORDERS; what the task does not ask for is left out.
        task: what was asked, or its name.
    """
    task = task_named(task)
    if not task.has_text:
        return format_verdict(entities[0]) if task.is_verdict else format_location(entities[0])
    one = ANSWER_FORMATS[answer_format]
    return one.write(entities, [name for name in order.split() if name in task.asked]) if entities else one.empty
