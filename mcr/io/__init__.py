"""Files: samples, predictions, images, atomic writing."""
