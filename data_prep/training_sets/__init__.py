"""Training sets as Parquet: their columns, and the split into D1 and D2."""
