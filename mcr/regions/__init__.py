"""Regions of an image that may hold something: proposers, their files, crops, and how many gold boxes they cover."""
