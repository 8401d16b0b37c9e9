"""What a finished row of a table leaves, and the tables and figures made of it."""
