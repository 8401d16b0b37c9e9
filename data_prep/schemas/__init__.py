"""Reasoning schemas written from gold labels, by templates and by models: what the sample holds, said in many styles."""
