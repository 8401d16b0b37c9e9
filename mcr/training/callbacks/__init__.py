"""What watches a run: curves, validation, collapse, finite gradients, signals."""
