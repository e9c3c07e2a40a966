"""What lasts of an optimization: versions in git, the journal of what is happening, records."""
