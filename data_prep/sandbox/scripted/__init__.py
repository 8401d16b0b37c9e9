"""The sandbox's scripted LLM: what it sees, knows and replies, from the request alone."""
