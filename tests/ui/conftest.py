"""The interface under Pilot: real sessions, a stand-in for the runner, waiting for states instead
of sleeping."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from sample import Stage, make_session
from textual.pilot import Pilot

from genopt_tui.session.commands import CommandResult
from genopt_tui.ui.app import GenoptApp
from genopt_tui.ui.screens.main import MainScreen
from genopt_tui.ui.state import poller

if TYPE_CHECKING:
    from genopt_tui.config import SessionSettings


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No runner is started behind a test's back, and nothing moves by itself."""
    monkeypatch.setattr(poller, "ensure_runner", lambda session: None)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session that every test gets a copy of."""
    return make_session(tmp_path_factory.mktemp("pattern"))


@pytest.fixture
def session(tmp_path: Path, pattern: Path) -> Path:
    return shutil.copytree(pattern, tmp_path / pattern.name, symlinks=True)


@pytest.fixture
def stage(session: Path) -> Iterator[Stage]:
    """A live session: this test is its runner."""
    with Stage(session) as live:
        yield live


@pytest.fixture(scope="session")
def lived_pattern(
    tmp_path_factory: pytest.TempPathFactory,
) -> "Iterator[tuple[Path, SessionSettings]]":
    """A session that a real runner has lived through, which every test gets a copy of."""
    from lived import live

    folder = tmp_path_factory.mktemp("lived")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENOPT_HOME", str(folder))
        yield live(folder)


@pytest.fixture
def lived(
    lived_pattern: "tuple[Path, SessionSettings]",
    tmp_path: Path,
    still: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """A session with history, whose runner the application may start; none is left."""
    from lived import copied, end

    from genopt_tui.session.client import ensure_runner
    from genopt_tui.session.journal import Journal

    monkeypatch.setattr(poller, "ensure_runner", ensure_runner)
    path = copied(*lived_pattern, tmp_path)
    yield path
    journal = Journal(path)
    end(path, journal)
    journal.close()


class Visit:
    """A person at the main screen."""

    def __init__(self, app: GenoptApp, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def main(self) -> MainScreen:
        return next(s for s in self.app.screen_stack if isinstance(s, MainScreen))

    async def until(self, condition: Callable[[], Any], what: str = "") -> None:
        """Wait until something is so."""
        deadline = monotonic() + 60
        while not condition():
            assert monotonic() < deadline, f"never happened: {what or condition}"
            await self.pilot.pause(0.01)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def look(self) -> None:
        """Let the half second pass in which a new proposal cannot be decided on."""
        self.main.pending.since -= 1

    @property
    def still(self) -> bool:
        """Whether the screen looks as it did a moment ago, and the trace and the diff have been
        drawn."""
        picture = self.app.export_screenshot()
        before, self._picture = getattr(self, "_picture", ""), picture
        self._same = getattr(self, "_same", 0) + 1 if before == picture else 0
        return self._same >= 10

    @property
    def said(self) -> str:
        return "\n".join(n.message for n in self.app._notifications)

    def line(self, name: str) -> str:
        """The text of one of the lines around the panes."""
        return str(self.main.query_one(f"#{name}").text)  # type: ignore[attr-defined]

    async def command(self, stage: Stage) -> tuple[str, dict[str, Any]]:
        """The next command that the application leaves; it is answered with yes."""
        await self.until(lambda: stage.journal.read_commands(), "a command")
        command = stage.journal.read_commands()[0]
        stage.journal.finish_command(command, CommandResult())
        return command.kind, dict(command.data)


@asynccontextmanager
async def visit(session: Path, size: tuple[int, int] = (200, 55)) -> AsyncIterator[Visit]:
    """Open the application on a session and wait until all is loaded."""
    app = GenoptApp(session)
    async with app.run_test(size=size) as pilot:
        person = Visit(app, pilot)
        await person.until(
            lambda: (
                app.main is not None and app.main.is_mounted and person.main.snapshot.is_complete
            ),
            "loaded",
        )
        await asyncio.sleep(0)
        yield person
