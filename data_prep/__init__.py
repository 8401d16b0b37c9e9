"""Datasets to samples, the sandbox world, samples to reasoning schemas, the D1/D2 split, the filter's rule."""
