"""Loading models; the tiny model of the sandbox."""
