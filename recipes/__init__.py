"""The recipes: each trains, filters, evaluates or reports, and reads from top to bottom. Scripts, and commands of `mcr`."""
