"""Measures of predictions against gold: matching, counts, scores, intervals, kinds of error, sanity checks."""
