"""What surrounds a run: its command line and config, its folder, how to replay it, its processes, how much memory it takes."""
