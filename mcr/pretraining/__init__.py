"""Training a small model from random weights on questions about images: rows that share an image, and the loop."""
