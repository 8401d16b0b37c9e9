"""Sampling completions, through transformers or vLLM, behind one small interface."""

from mcr.rollouts.request import Rollout, RolloutRequest, Sampler, SamplingSettings

__all__ = ["Rollout", "RolloutRequest", "Sampler", "SamplingSettings"]
