"""What git holds of a session: versions, records, acts on history."""
