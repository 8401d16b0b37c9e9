"""Answers: one file a format, reading and writing. Reading never raises on a completion and is linear in its length."""

from mcr.formats.answers import ANSWER_FORMATS, ORDERS, write_answer
from mcr.formats.completion import ParsedCompletion, parse_completion
from mcr.formats.markup.answer_text import opened_by

__all__ = ["ANSWER_FORMATS", "ORDERS", "ParsedCompletion", "opened_by", "parse_completion", "write_answer"]
