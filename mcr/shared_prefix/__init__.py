"""GRPO's forward with a group's prompt and image once: one sequence of prompt and completions (docs/shared-prefix.md)."""
