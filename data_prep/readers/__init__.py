"""Datasets as published, one a file, each to the same samples."""
