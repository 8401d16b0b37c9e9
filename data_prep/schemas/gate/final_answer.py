"""The answer that ends a reply, and whether it is gold."""

import re

from data_prep.schemas.facts import Facts
from mcr.formats import ANSWER_FORMATS, parse_completion
from mcr.labels import DEFAULT_LABELS, labels_like
from mcr.tasks import Task

ANSWER = re.compile(r"<answer>(.*?)</answer>\s*\Z", re.IGNORECASE | re.DOTALL)
MARKED = re.compile(r"^[ \t]*(?:final )?answer:[ \t]*$", re.IGNORECASE | re.MULTILINE)


def split_reply(completion: str) -> tuple[str, str] | None:
    """Return (reasoning without tags, answer) of a reply that ends in one answer; None where it does not."""
    if "<answer>" in completion.lower():
        found = ANSWER.search(completion)
        if found is None or len(re.findall(r"</?answer>", completion, re.IGNORECASE)) != 2:
            return None
        before, answer = completion[: found.start()], found.group(1)
    else:
        markers = list(MARKED.finditer(completion))
        if len(markers) != 1:
            return None
        before, answer = completion[: markers[0].start()], completion[markers[0].end() :]
    return re.sub(r"</?think>", "\n", before, flags=re.IGNORECASE).strip(), answer.strip()


def is_gold(completion: str, facts: Facts) -> bool:
    """Whether the answer says what gold says: texts, types in their spelling, all boxes, in any order."""
    types = [entity.type for entity in facts.entities if entity.type]
    labels = labels_like(dict.fromkeys(types), "gold") if types else DEFAULT_LABELS
    taught = tuple(ANSWER_FORMATS)  # what is kept is trained on, so decoration is not forgiven
    parsed = parse_completion(completion, facts.task, labels=labels, frame=facts.frame, sentence=facts.sentence, formats=taught)
    if not parsed.is_readable or parsed.problems:
        return False
    if facts.task.is_verdict:
        return [entity.is_grounded for entity in parsed.entities] == [entity.is_grounded for entity in facts.entities]
    if not facts.task.has_text:
        return [entity.boxes for entity in parsed.entities] == [entity.boxes for entity in facts.entities]
    wanted, said = (
        sorted(str([getattr(entity, part) for part in parts_of(facts.task)]) for entity in entities)
        for entities in (facts.entities, parsed.entities)
    )
    return wanted == said


def parts_of(task: Task) -> list[str]:
    """Return the fields of an entity that an answer of a task holds."""
    return ["boxes" if part == "location" else part for part in task.asked]
