"""Loading models; tiny ones, and the sandbox's base."""
