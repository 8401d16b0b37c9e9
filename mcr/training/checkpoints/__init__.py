"""Checkpoints that are whole or ignored, resuming from them, rollouts kept between them."""
