"""What the application remembers by itself between visits: the theme worn last, and the sizes of
the panes."""

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from genopt_tui.folders import user_file
from genopt_tui.ui import pane_layout


@dataclass
class Preferences:
    """One file for all sessions of the user."""

    theme: str = ""
    shares: pane_layout.Shares = field(default_factory=pane_layout.validate_shares)
    left: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By session: when it was left, after which event, and in which mode."""


def load_preferences() -> Preferences:
    """What was kept; nothing of a file that cannot be read is needed."""
    try:
        data = json.loads(user_file("interface.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Preferences()
    if not isinstance(data, dict):
        return Preferences()
    theme, left = data.get("theme"), data.get("left")
    whole = isinstance(left, dict) and all(
        isinstance(v, dict) and {"at", "event", "mode"} <= v.keys() for v in left.values()
    )
    return Preferences(
        theme if isinstance(theme, str) else "",
        pane_layout.validate_shares(data.get("shares")),
        left if isinstance(left, dict) and whole else {},
    )


def save_preferences(kept: Preferences) -> None:
    """Keep it, at once or not at all. Raises OSError."""
    file = user_file("interface.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".interface.{os.getpid()}.json")
    temporary.write_text(json.dumps(asdict(kept)), encoding="utf-8")
    temporary.replace(file)
