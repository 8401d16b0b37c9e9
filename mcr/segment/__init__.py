"""Masks for boxes: a segmentation model that takes boxes as prompts makes any system's GMNER output SMNER (RiVEG IV-C 2)."""
