"""The general corpus of the sandbox's base model: questions and answers about the world that are not the task."""
