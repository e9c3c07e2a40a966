"""What the application remembers between visits: the theme, the sizes of the panes, and where each
session was left."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from genopt_tui.folders import replace_text, user_file
from genopt_tui.ui import pane_layout


@dataclass
class Preferences:
    """One file for all sessions of the user."""

    theme: str = ""
    shares: pane_layout.Shares = field(default_factory=pane_layout.validate_shares)
    left: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By session path: when it was left, after which event, and in which mode."""


def load_preferences() -> Preferences:
    """Read the preferences; defaults where the file cannot be read."""
    try:
        data = json.loads(user_file("interface.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Preferences()
    if not isinstance(data, dict):
        return Preferences()
    theme, left = data.get("theme"), data.get("left")
    is_valid = isinstance(left, dict) and all(
        isinstance(v, dict) and {"at", "event", "mode"} <= v.keys() for v in left.values()
    )
    return Preferences(
        theme if isinstance(theme, str) else "",
        pane_layout.validate_shares(data.get("shares")),
        left if isinstance(left, dict) and is_valid else {},
    )


def save_preferences(preferences: Preferences) -> None:
    """Replace the file, wholly or not at all. Raises OSError."""
    replace_text(user_file("interface.json"), json.dumps(asdict(preferences)))
