"""Many runs: which, on which machines, and what they come to."""
