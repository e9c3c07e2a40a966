"""The start screen lists sessions and opens one."""

from pathlib import Path

from conftest import Visit
from sample import make_session

from genopt_tui.ui.app import GenoptApp
from genopt_tui.ui.screens.main import MainScreen
from genopt_tui.ui.screens.start import StartScreen


async def test_a_session_is_listed_and_opened(home: Path) -> None:
    (home / "sessions").mkdir()
    make_session(home / "sessions", "first")
    app = GenoptApp()
    async with app.run_test(size=(100, 30)) as pilot:
        person = Visit(app, pilot)
        screen = app.screen
        assert isinstance(screen, StartScreen)
        await person.until(lambda: "first" in str(screen.query_one("#list").content))  # type: ignore[attr-defined]
        assert "main@1" in str(screen.query_one("#list").content)  # type: ignore[attr-defined]
        await person.press("enter")
        await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.snapshot.loaded)


async def test_without_sessions_it_says_how_to_begin(home: Path) -> None:
    app = GenoptApp()
    async with app.run_test(size=(100, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: "genopt demo" in str(app.screen.query_one("#list").content))  # type: ignore[attr-defined]
        await person.press("q")
        assert app.return_code == 0
