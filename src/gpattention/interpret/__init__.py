"""What one map has learned."""
