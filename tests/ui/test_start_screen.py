"""The start screen lists sessions and opens one."""

from pathlib import Path

import pytest
from conftest import Visit
from sample import make_session
from terminal import make_task

from genopt_tui.task import loader
from genopt_tui.ui.app import GenoptApp
from genopt_tui.ui.screens.main import MainScreen
from genopt_tui.ui.screens.new import STEPS, NewScreen
from genopt_tui.ui.screens.start import StartScreen
from genopt_tui.ui.widgets.lines import plain
from genopt_tui.ui.widgets.text import Plain


def shown(app: GenoptApp) -> str:
    """What the start screen lists; empty while it is not there yet."""
    screen = app.screen
    if not isinstance(screen, StartScreen):
        return ""
    lines = [plain(screen.view.line(y)) for y in range(len(screen.view.source))]
    return "\n".join([*lines, str(screen.query_one("#nothing", Plain).content)])


async def test_a_session_is_listed_and_opened(home: Path) -> None:
    (home / "sessions").mkdir()
    make_session(home / "sessions", "first")
    app = GenoptApp()
    async with app.run_test(size=(120, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: "first" in shown(app))
        assert "main@1" in shown(app) and "approved" in shown(app)
        await person.press("enter")
        await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.snapshot.loaded)


async def test_without_sessions_it_says_how_to_begin(home: Path) -> None:
    app = GenoptApp()
    async with app.run_test(size=(100, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: "genopt demo" in shown(app))
        await person.press("q")
        assert app.return_code == 0


async def test_enter_five_times_makes_a_session(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    make_task(home / "tasks")
    monkeypatch.setattr(loader, "bundled_root", lambda: tmp_path / "nothing")
    app = GenoptApp()
    async with app.run_test(size=(120, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: isinstance(app.screen, StartScreen))
        await person.press("n")
        for step in range(5):
            await person.until(lambda step=step: at_step(app, step), f"step {step}")
            await person.press("enter")
        await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.snapshot.loaded, "opened")
        assert app.main is not None and app.main.snapshot.session.task == "tiny"
        assert app.main.snapshot.session.model.startswith("openai/")


def at_step(app: GenoptApp, step: int) -> bool:
    screen = app.screen
    return (
        isinstance(screen, NewScreen)
        and screen.step == step
        and bool(screen.pages)
        and screen.pages[0].name == STEPS[step]
    )
