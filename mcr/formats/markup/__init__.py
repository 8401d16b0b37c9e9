"""Markup around an answer and its parts: reasoning, tags, markers, decoration, loose JSON; and the table of what is read."""
