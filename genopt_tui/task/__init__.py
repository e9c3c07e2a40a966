"""The task contract: what is optimized, on which examples, how it is scored."""
