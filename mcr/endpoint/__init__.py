"""A client of OpenAI-compatible endpoints: requests, retries, a cache of replies."""
