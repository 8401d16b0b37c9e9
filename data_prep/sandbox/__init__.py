"""The sandbox: a small grounded world that ships with the code."""
