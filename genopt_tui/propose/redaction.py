"""Keeping keys out of everything that is shown or stored."""

import os
import re
from collections.abc import Mapping

_SECRET_NAMES = re.compile(r"(API)?KEY(_ID)?$|TOKEN|SECRET|PASSWORD|PASSWD", re.IGNORECASE)
_SECRET_SHAPES = re.compile(r"\b(Bearer\s+|sk-|key-)[A-Za-z0-9_\-.]{8,}")
_MIN_LENGTH = 8  # shorter values are ordinary words
REDACTED = "***"


def list_secrets(environment: Mapping[str, str] | None = None) -> list[str]:
    """Values of environment variables whose names say that they are secret, longest first."""
    environment = os.environ if environment is None else environment
    values = {
        v for k, v in environment.items() if _SECRET_NAMES.search(k) and len(v) >= _MIN_LENGTH
    }
    return sorted(values, key=len, reverse=True)


def redact(text: str) -> str:
    """A message without anything that is, or looks like, a key."""
    for value in list_secrets():
        text = text.replace(value, REDACTED)
    return _SECRET_SHAPES.sub(r"\1" + REDACTED, text)


class StreamRedactor:
    """Takes the environment's keys out of a text that comes in pieces; holds back what may be the
    beginning of one."""

    def __init__(self) -> None:
        self._secrets, self._held = list_secrets(), ""

    def feed(self, piece: str) -> str:
        """What may be said now."""
        text = self._held + piece
        for value in self._secrets:
            text = text.replace(value, REDACTED)
        keep = max((_measure_overlap(text, value) for value in self._secrets), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was held back to the end."""
        held, self._held = self._held, ""
        return held


def _measure_overlap(text: str, value: str) -> int:
    """Length of the longest end of `text` that begins `value`."""
    return next(
        (n for n in range(min(len(text), len(value) - 1), 0, -1) if text.endswith(value[:n])), 0
    )
