"""A sequence-to-sequence model that points at words and at regions: named entities, their types and their boxes (UnCo 2.2)."""
