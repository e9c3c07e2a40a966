"""What the main screen does for the actions of the table: one module per group. Loaded with the
first key."""
