"""What the application remembers by itself between visits: the theme worn last, and the sizes of the panes."""

import json
import os
from dataclasses import dataclass, field

from genopt_tui.config import user_file
from genopt_tui.ui import sizes


@dataclass
class Kept:
    theme: str = ""
    shares: sizes.Shares = field(default_factory=sizes.shares)


def load() -> Kept:
    """What was kept; nothing of a file that cannot be read is needed."""
    try:
        data = json.loads(user_file("interface.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Kept()
    if not isinstance(data, dict):
        return Kept()
    theme = data.get("theme")
    return Kept(theme if isinstance(theme, str) else "", sizes.shares(data.get("shares")))


def save(kept: Kept) -> None:
    """Keep it, at once or not at all. Raises OSError."""
    file = user_file("interface.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".interface.{os.getpid()}.json")
    temporary.write_text(json.dumps({"theme": kept.theme, "shares": kept.shares}), encoding="utf-8")
    temporary.replace(file)
