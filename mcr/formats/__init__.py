"""Reading a completion: one parser for every answer format. It never raises and is linear in its input."""

from mcr.formats.completion import ParsedCompletion, parse_completion

__all__ = ["ParsedCompletion", "parse_completion"]
