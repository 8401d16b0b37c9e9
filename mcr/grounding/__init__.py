"""Is a phrase in the image (visual entailment), and where (visual grounding): models of both behind one protocol (RiVEG IV-C)."""
