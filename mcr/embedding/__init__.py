"""Samples as vectors, and which of them are alike: RiVEG's Multimodal Similar Example Awareness (MSEA, IV-B 1 b)."""
