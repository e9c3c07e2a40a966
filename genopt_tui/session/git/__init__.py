"""The session's git repository: objects, refs, index and work tree."""
