"""Reading an answer line by line and JSON by JSON, in whatever mix of forms, and deciding what is one answer.

Rows are one answer even with headings, notes, blank lines or a sentence between them, and so are several JSON blocks. A block is
an alternative in place of what was written before where words announce it ("No, rather:"), or, in an answer that nothing marks,
where it repeats the names before it. Of alternatives the last counts; what is left out is reported.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from mcr.formats.entity_parts import Reading, label_of
from mcr.formats.json_answer import holds_something, read_json_value
from mcr.formats.markup.decoration import strip_line, strip_part
from mcr.formats.markup.loose_json import is_deep, scan
from mcr.formats.markup.what_is_read import BARS, MAX_REVISION_CHARS, REVISIONS
from mcr.formats.rows import ReadLine, read_line
from mcr.formats.sentences import holds_sentence, read_sentence_line
from mcr.formats.tables import Header, is_rule, read_header, read_table_row
from mcr.records import Entity

JSON_START = re.compile(
    r"""\{(?=\s*(?:["'\u201c\u2018`}]|[^\W\d][\w ]{0,40}["']?\s*[:=]|//|/\*))"""
    r"""|\[(?=\s*(?:\{|["'\u201c]|[\[(]\s*["'\u201c]|\]|//))"""
    r"|\((?=\s*')|\b[A-Z]\w{2,20}\((?=\w{2,20}\s?=)"
)
ANY_BAR = re.compile(rf"[|\t{BARS}]")
GAP = re.compile(r"[\s,;.]*")
_REVISIONS = "|".join(rule for rule, _ in REVISIONS)
REVISION = re.compile(rf"(?:{_REVISIONS})", re.IGNORECASE)
REVISION_LEAD = re.compile(rf"(?:{_REVISIONS})[:：]\s*(?=\S)", re.IGNORECASE)
ATTEMPT = re.compile(r"[|\t]|[\[(]\s*-?\d[^\])]*,|whose|\{\s*[\"']")
MAX_FRUITLESS = 20
MAX_FAILURES = 50
SHARE_RESTATED = 0.5
TOO_DEEP = "JSON nested too deeply"


@dataclass(slots=True)
class Block:
    """Entities with no other words between them.

    Attributes:
        revises: whether words announce that it replaces the blocks before it.
        continues: whether a type as its heading says that it is more of the same answer.
    """

    revises: bool = False
    continues: bool = False
    entities: list[Entity] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def texts(self) -> set[str]:
        """Return the names in it."""
        return {entity.text for entity in self.entities}


@dataclass(slots=True)
class ReadBody:
    """What the body of an answer says; `goes_on`: words follow the last entity that are no part of it."""

    entities: list[Entity]
    problems: list[str]
    goes_on: bool = False


def read_body(body: str, how: Reading) -> ReadBody:
    """Return the entities of an answer in any form, and why pieces could not be read."""
    if is_deep(body):
        return ReadBody([], [TOO_DEEP])
    reader = _Reader(how)
    place = 0
    while place < len(body):
        place = _read_next(body, place, reader)
    return reader.finish()


def _read_next(body: str, place: int, reader: "_Reader") -> int:
    """Read the next line, or the JSON that begins in it; return where it ends."""
    stop = body.find("\n", place)
    stop = len(body) if stop < 0 else stop
    start = reader.next_json(body, place)
    before = "" if start is None else body[place : start.start()]
    if start is None or start.start() >= stop or ANY_BAR.search(before.lstrip()) or before.count('"') % 2:
        reader.add_line(body[place:stop])
        return stop + 1
    scanned = scan(body, start.end() - 1, is_strict_first=reader.num_failures < MAX_FAILURES)
    reader.num_failures += not scanned.is_json
    if not _is_answer_like(scanned.value):
        reader.num_fruitless += 1
        reader.add_line(body[place:stop])
        return stop + 1
    if body[place : start.start()].strip():
        reader.add_line(body[place : start.start()])
    reader.add_json(scanned.value, scanned.is_whole)
    gap = GAP.match(body, scanned.end)
    return gap.end() if gap else scanned.end


def _is_answer_like(value: Any) -> bool:
    """Whether a value is more than brackets in prose."""
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, list) and any(isinstance(part, str | dict | list) for part in value)


def announces_revision(heading: str) -> bool:
    """Whether a line of its own says that another answer follows and replaces the text before it."""
    heading = heading.strip(" \t:：*_#")
    return len(heading) <= MAX_REVISION_CHARS and REVISION.fullmatch(heading) is not None


class _Reader:
    """Collects blocks."""

    def __init__(self, how: Reading) -> None:
        self.how = how
        self.blocks = [Block()]
        self.header: Header | None = None
        self.is_broken = self.revises = self.continues = self.goes_on = False
        self.numbers: list[str] = []
        self.num_fruitless = self.num_failures = 0
        self.following: re.Match[str] | None = None
        self.found_until = 0

    def next_json(self, body: str, place: int) -> re.Match[str] | None:
        """Return where the next JSON at or behind a place begins; each part of the body is searched once."""
        if self.num_fruitless >= MAX_FRUITLESS:
            return None
        if self.found_until <= place:
            self.following = JSON_START.search(body, place)
            self.found_until = len(body) if self.following is None else self.following.start() + 1
        return self.following

    def add(self, found: ReadLine) -> None:
        """Add what was read; after other words it begins a block."""
        if found.entities and self.is_broken:
            self.blocks.append(Block(self.revises, self.continues))
        if found.entities:
            self.is_broken = self.revises = self.continues = self.goes_on = False
            self.numbers.append(found.number)
        self.blocks[-1].entities += found.entities
        self.blocks[-1].problems += found.problems

    def add_json(self, value: Any, is_whole: bool) -> None:
        """Add what a JSON value says."""
        found = read_json_value(value, self.how) if holds_something(value) else ReadLine()
        if not is_whole:
            found.problems.append("the JSON is cut off; its complete objects were read")
        self.header = None
        self.add(found)

    def add_line(self, line: str) -> None:
        """Add a line in any of the other forms."""
        if not line.strip():
            return
        if self._add_table_line(line):
            return
        revision = REVISION_LEAD.match(line.strip())
        if revision and not (self.how.sentence and revision.group().strip() in self.how.sentence):
            self.is_broken = self.revises = True
            line = line.strip()[revision.end() :]
        if holds_sentence(line):
            found, rest = read_sentence_line(line, self.how)
            if found.entities:
                self.add(found)
                if rest:
                    self.add_line(rest) if not holds_sentence(rest) else self.note(rest, [])
                return
        found = read_line(line, self.how)
        if found.entities:
            self.add(found)
        else:
            self.note(line, found.problems)

    def _add_table_line(self, line: str) -> bool:
        """Add a header, a rule or a row below a header; say whether the line was one."""
        if is_rule(line):
            return True
        if header := read_header(line, self.how):
            self.header, self.is_broken = header, bool(self.blocks[-1].entities)
            return True
        if self.header is None:
            return False
        row = read_table_row(line, self.header, self.how)
        if row is None:
            self.header = None
            return False
        self.add(ReadLine([row[0]] if row[0] else [], [row[1]] if row[1] else []))
        return True

    def note(self, line: str, problems: list[str]) -> None:
        """Take notice of a line without entities: a heading, a lead-in, a note, or a piece that cannot be read."""
        words = strip_line(line, self.how.sentence)[0]
        if not words:  # a lead-in alone
            self.is_broken = True
            return
        heading = strip_part(words).strip(" :：*_#")
        self.is_broken = True
        if label_of(heading, self.how.labels) is not None:
            self.continues = True
            return
        if announces_revision(heading):
            self.revises = True
            return
        if words.endswith((":", "：")) or line.lstrip().startswith(("#", "**")):
            return
        self.goes_on = True
        if self.how.is_marked or ATTEMPT.search(line):
            self.blocks[-1].problems += problems or [f"not a row: {line.strip()[:80]!r}"]

    def finish(self) -> ReadBody:
        """Return the last alternative with everything that was left out or could not be read."""
        entities: list[Entity] = []
        problems: list[str] = []
        texts: set[str] = set()
        for block in self.blocks:
            own = block.texts()
            if own and texts and (block.revises or self._restates(texts, own, block)):
                problems.append(f"an earlier answer was left out: {', '.join(sorted(texts))[:80]!r}")
                entities, texts = [], set()
            entities += block.entities
            problems += block.problems
            texts |= own
        number = self.numbers[0] if len(self.numbers) == 1 and len(entities) == 1 else ""
        if number and not self.how.sentence and any(char.isdigit() for char in number):
            problems.append(f"{number!r} was taken for the list's number; give the sentence, which decides")
        return ReadBody(entities, problems, self.goes_on)

    def _restates(self, texts: set[str], own: set[str], block: Block) -> bool:
        """Whether a block of an unmarked answer repeats the names before it."""
        if self.how.is_marked or block.continues:
            return False
        return len(texts & own) >= SHARE_RESTATED * min(len(texts), len(own))
