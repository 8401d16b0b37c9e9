"""What looks wrong in a predictions file, by what it concerns: texts, boxes."""
