"""Modality-aware Consistency Reasoning: grounded multimodal named entity recognition with verifiable rewards."""

from mcr.torchvision_cpu import allow_cpu_torchvision

__version__ = "0.1.0"

allow_cpu_torchvision()
