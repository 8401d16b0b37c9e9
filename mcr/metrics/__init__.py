"""Measures of predictions against gold: matching, counts a sample, scores of their sums, intervals, kinds of error."""
