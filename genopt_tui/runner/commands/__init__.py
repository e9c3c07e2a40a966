"""Commands that clients leave for a live run."""
