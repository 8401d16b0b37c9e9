"""Texts from outside about samples and their entities, mostly of language models: records on disk, and asking for them."""
