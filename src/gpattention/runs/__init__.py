"""What makes one run."""
