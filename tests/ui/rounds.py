"""A round of visits to every screen, and what the application holds: for tests and benchmarks of
leaks."""

import gc
import os
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget

SCREENS = ("d", "f3", "P", "X", "c", "at", "question_mark", "ctrl+p", "f2", "M", "i", "slash", "q")
"""Keys that open a screen of their own or a dialog; Escape leaves each."""
PANES = ("1", "2", "3", "4", "5", "tab", "shift+tab", "z", "z")
WITHIN = (
    "1 G enter escape",
    "1 m j m",
    "2 v v w w",
    "3 f escape space space",
    "4 l h v v",
    "5 w w right_square_bracket",
)
"""What changes what a pane shows, and changes it back."""


async def visits(pilot: Pilot[Any]) -> None:
    """Go through every screen and pane, and end where it began."""
    app = pilot.app
    for key in PANES:
        await pilot.press(key)
    for keys in WITHIN:
        await pilot.press(*keys.split())
        await pilot.pause()
    for key in ("escape", "escape", "1"):
        await pilot.press(key)
    depth = len(app.screen_stack)
    for key in SCREENS:
        await pilot.press(key)
        await pilot.pause()
        await app.workers.wait_for_complete()
        for _ in range(4):
            if len(app.screen_stack) > depth:
                await pilot.press("escape")
                await pilot.pause()
    assert len(app.screen_stack) == depth, app.screen_stack


def widgets(app: App[Any]) -> int:
    """Widgets that are alive, in the document or not, once what is garbage is gone."""
    gc.unfreeze()  # what was taken out of the collector's sight is counted, too
    gc.collect()
    return sum(isinstance(thing, Widget) for thing in gc.get_objects())


def files() -> int:
    """File descriptors that this process holds."""
    return len(os.listdir("/proc/self/fd"))


def resident() -> float:
    """Megabytes of memory that this process holds."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
