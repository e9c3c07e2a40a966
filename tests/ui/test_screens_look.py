"""How the main screen looks, at the three sizes, in three themes, while a decision is wanted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Visit
from rich.console import Console
from sample import Stage, make_session
from textual.pilot import Pilot
from textual.widgets import Input

from genopt_tui.ui.app import GenoptApp
from genopt_tui.ui.themes import all_themes
from genopt_tui.ui.widgets.diff import DiffView

SIZES = [(200, 55), (120, 35), (80, 24)]
Look = Callable[..., bool]


@pytest.fixture(autouse=True)
def same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture's own name depends on how its text was cut into pieces, which nobody sees: all get the same."""
    draw = Console.export_svg
    monkeypatch.setattr(Console, "export_svg", lambda console, **how: draw(console, **{**how, "unique_id": "look"}))


async def settle(pilot: Pilot[Any], theme: str, keys: tuple[str, ...]) -> None:
    app = pilot.app
    assert isinstance(app, GenoptApp)
    person = Visit(app, pilot)
    await person.until(lambda: app.main is not None and person.main.snapshot.pending == "decide", "a decision")
    await person.until(lambda: theme in app.available_themes, "themes")
    await person.until(lambda: person.main.active == 5 and person.main.query_one(DiffView).ready, "the edit is shown")
    await person.until(lambda: app.own is not None, "the user's settings")
    app.theme = theme
    await person.look()
    await person.press(*keys)
    for box in app.screen.query(Input):
        box.cursor_blink = False
    await app.workers.wait_for_complete()
    await person.until(lambda: person.still, "nothing more to draw")


def screen(tmp_path: Path, snap_compare: Look, size: tuple[int, int], theme: str = "dark", *keys: str) -> bool:
    session = make_session(tmp_path)
    with Stage(session) as stage:
        stage.to_decision()
        app = GenoptApp(session)
        return snap_compare(app, terminal_size=size, run_before=lambda pilot: settle(pilot, theme, keys))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("theme", ["dark", "light", "monochrome"])
def test_a_decision_is_wanted(tmp_path: Path, snap_compare: Look, size: tuple[int, int], theme: str) -> None:
    assert screen(tmp_path, snap_compare, size, theme)


@pytest.mark.parametrize("keys", ["question_mark", "M", "r", "i", "1"])
def test_questions_and_panes_at_the_smallest_usual_size(tmp_path: Path, snap_compare: Look, keys: str) -> None:
    assert screen(tmp_path, snap_compare, (80, 24), "dark", keys)


def test_every_theme_can_be_worn() -> None:
    assert len(list(all_themes())) >= 5
