"""Register transfer level: the blocks, each usable alone."""
