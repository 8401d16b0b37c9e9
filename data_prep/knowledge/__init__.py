"""Knowledge that others have published: blocks behind tweets, and what people wrote about training samples."""
