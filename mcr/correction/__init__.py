"""Correctors: a large model revises the parts of predicted entities that a small one is unsure of (UnCo 2.3)."""
