"""Modality-aware Consistency Reasoning: grounded multimodal named entity recognition with verifiable rewards."""

__version__ = "0.1.0"
