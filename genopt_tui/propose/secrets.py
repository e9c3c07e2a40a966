"""Keeping keys out of everything that is shown or stored."""

import os
import re
from collections.abc import Mapping

_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)", re.IGNORECASE)
_SHAPES = re.compile(r"\b(Bearer\s+|sk-|key-)[A-Za-z0-9_\-.]{8,}")
SHORTEST = 8  # shorter values are ordinary words


def secrets(environment: Mapping[str, str] | None = None) -> list[str]:
    """Values of environment variables whose names say that they are secret, longest first."""
    environment = os.environ if environment is None else environment
    values = {v for k, v in environment.items() if _NAMES.search(k) and len(v) >= SHORTEST}
    return sorted(values, key=len, reverse=True)


def scrub(text: str) -> str:
    """`text` without anything that is, or looks like, a key."""
    for value in secrets():
        text = text.replace(value, "***")
    return _SHAPES.sub(r"\1***", text)
