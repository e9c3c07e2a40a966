"""The terminal application."""

import os

MAX_FPS = 240
"""Times a second that the screen may be drawn: after each, the next key waits for a whole frame, or
two, to pass."""
os.environ.setdefault("TEXTUAL_FPS", str(MAX_FPS))  # read when Textual is loaded
