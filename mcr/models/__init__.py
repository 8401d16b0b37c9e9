"""Models: families and their frames, loading, the tiny model of the sandbox."""
