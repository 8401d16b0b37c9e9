"""Sampling through vLLM."""
