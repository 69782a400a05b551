"""What a run leaves, and its use without the data it was fitted to."""
