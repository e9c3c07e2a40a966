"""What the application shows: read off the loop, published as immutable snapshots."""
