"""What a model is asked: the instruction, its settings, the prompting baselines."""
