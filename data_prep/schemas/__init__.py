"""Reasoning schemas written from gold labels by templates: what the sample holds, said in many styles."""
