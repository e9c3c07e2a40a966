"""Keeping keys out of everything that is shown or stored."""

import os
import re
from collections.abc import Mapping

_NAMES = re.compile(r"(API)?KEY(_ID)?$|TOKEN|SECRET|PASSWORD|PASSWD", re.IGNORECASE)
_SHAPES = re.compile(r"\b(Bearer\s+|sk-|key-)[A-Za-z0-9_\-.]{8,}")
_SHORTEST = 8  # shorter values are ordinary words
HIDDEN = "***"


def secrets(environment: Mapping[str, str] | None = None) -> list[str]:
    """Values of environment variables whose names say that they are secret, longest first."""
    environment = os.environ if environment is None else environment
    values = {v for k, v in environment.items() if _NAMES.search(k) and len(v) >= _SHORTEST}
    return sorted(values, key=len, reverse=True)


def scrub(text: str) -> str:
    """A message without anything that is, or looks like, a key."""
    for value in secrets():
        text = text.replace(value, HIDDEN)
    return _SHAPES.sub(r"\1" + HIDDEN, text)


class Scrubber:
    """Takes the environment's keys out of a text that comes in pieces; holds back what may be the beginning of one."""

    def __init__(self) -> None:
        self._secrets, self._held = secrets(), ""

    def feed(self, piece: str) -> str:
        """What may be said now."""
        text = self._held + piece
        for value in self._secrets:
            text = text.replace(value, HIDDEN)
        keep = max((_overlap(text, value) for value in self._secrets), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back to the end."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, value: str) -> int:
    """Length of the longest end of `text` that begins `value`."""
    return next((n for n in range(min(len(text), len(value) - 1), 0, -1) if text.endswith(value[:n])), 0)
