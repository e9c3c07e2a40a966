"""The terminal application."""

import os

FRAMES = 240
"""Times a second that the screen may be drawn: after each, the next key waits for a whole frame, or two, to pass."""
os.environ.setdefault("TEXTUAL_FPS", str(FRAMES))  # read when Textual is loaded
