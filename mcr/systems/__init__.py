"""Systems beside MCR, one folder each."""
