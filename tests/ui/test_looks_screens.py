"""How the screens look that need no main screen beneath: each at three sizes and in three themes
(see looks.py)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest
from conftest import Visit, visit
from looks import look
from story import AT, make_story, stop_the_clock
from syrupy.assertion import SnapshotAssertion
from textual.screen import Screen

from genopt_tui.session import places
from genopt_tui.session.places import SessionEntry
from genopt_tui.ui import new_session
from genopt_tui.ui.app import GenoptApp
from genopt_tui.ui.new_session import SetupOption
from genopt_tui.ui.screens import dialogs, export, start
from genopt_tui.ui.screens.compare import CompareScreen
from genopt_tui.ui.screens.design import DesignScreen, SettingsScreen
from genopt_tui.ui.screens.export import ExportScreen
from genopt_tui.ui.screens.hunk_picker import HunkPickerScreen
from genopt_tui.ui.screens.log import LogScreen
from genopt_tui.ui.screens.matrix import MatrixScreen
from genopt_tui.ui.screens.new_session import STEPS, NewSessionScreen
from genopt_tui.ui.screens.plot import PlotScreen
from genopt_tui.ui.screens.start import StartScreen
from genopt_tui.ui.screens.tabbed_screen import TabbedScreen
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.state.store import Store

NOBODY = cast(Store, None)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        stop_the_clock(patch)
        yield make_story(tmp_path_factory.mktemp("story"))


@pytest.fixture(autouse=True)
def same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch)


class Stand(GenoptApp):
    """An application that shows what it is given."""

    def _begin(self) -> None:
        Thread(target=self._read_app_settings, daemon=True).start()


@asynccontextmanager
async def stand(screen: Screen[Any]) -> AsyncIterator[Visit]:
    app = Stand()
    async with app.run_test(size=(200, 55)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: app.app_settings is not None, "the user's settings")
        await app.push_screen(screen)
        await person.until(
            lambda: not isinstance(screen, TabbedScreen) or screen.ready, "it was read"
        )
        yield person


async def seen(session: Path) -> Snapshot:
    """What the main screen knows of the session."""
    async with visit(session) as person:
        return person.main.snapshot


async def test_pages(session: Path, snapshot: SnapshotAssertion) -> None:
    s = await seen(session)
    start_row = next(row for row in s.rows if row.decision == "start")
    pages = {
        "design": DesignScreen(s, NOBODY),
        "settings": SettingsScreen(s, NOBODY),
        "log": LogScreen(s),
        "plot": PlotScreen(s),
        "matrix": MatrixScreen(s, NOBODY),
        "compare": CompareScreen(s, NOBODY, start_row.commit, s.head),
    }
    for name, page in pages.items():
        async with stand(page) as person:
            await look(person, snapshot, name)


async def test_tabs_of_a_comparison(session: Path, snapshot: SnapshotAssertion) -> None:
    s = await seen(session)
    start_row = next(row for row in s.rows if row.decision == "start")
    async with stand(CompareScreen(s, NOBODY, start_row.commit, s.head)) as person:
        for name in ("examples", "traces", "cost"):
            await person.press("tab")
            await look(person, snapshot, name)


async def test_parts_of_a_version(session: Path, snapshot: SnapshotAssertion) -> None:
    s = await seen(session)
    async with stand(
        HunkPickerScreen(s, NOBODY, next(row for row in s.rows if row.label == "3"))
    ) as person:
        await person.press("space")
        await look(person, snapshot, "pick")


async def test_an_export(
    session: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = await seen(session)
    row = next(row for row in s.rows if row.label == "3")
    said = [
        "genopt export pong 1234567 --to policy",
        "fresh repeats: 6 of 6 rollouts",
        "test split: 8 of 8 rollouts",
        "as recorded 8.67 n=6 se=0.8",
        "on fresh repeats 8.5 n=6 se=0.9",
        "on the test split 8.1 n=8 se=0.7",
        "1234567 -> policy",
    ]
    monkeypatch.setattr(ExportScreen, "read", lambda self: ("Exported", [export.build_page(said)]))
    shown = {
        "export-form": export.ask_form(s, row),
        "export-name": export.ask_name(row, "to"),
        "export": ExportScreen(session, row, "to", "policy"),
    }
    for name, page in shown.items():
        async with stand(page) as person:
            await look(person, snapshot, name)


QUESTIONS = {
    "mode": lambda: dialogs.choose_mode("ask"),
    "leave": lambda: dialogs.ask_leave("ask"),
    "hint": dialogs.HintDialog,
    "what-if": lambda: dialogs.TextDialog(
        "What if, for step 6?", "KEY=VALUE  Enter ask  Esc cancel", "horizon.steps=1"
    ),
    "confirm": lambda: dialogs.confirm(
        "Take main back to 1?", "main goes from 3 back to 1.", "take it back"
    ),
}


async def test_questions(snapshot: SnapshotAssertion) -> None:
    for name, ask in QUESTIONS.items():
        async with stand(ask()) as person:
            await look(person, snapshot, name)


async def test_the_start_screen(
    snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "list_sessions", lambda: [])
    async with stand(StartScreen()) as person:
        await person.until(
            lambda: "No sessions" in str(person.app.screen.query_one("#nothing").content), "nothing"
        )  # type: ignore[attr-defined]
        await look(person, snapshot, "no-session")
    at = AT.timestamp()
    best = {"version": "3", "step": 3, "score": 8.67, "n": 6}
    found = [
        SessionEntry(
            Path("pong"), "waiting", "main", 6, "atari/pong", best, 1, "approved", at, head="6"
        ),
        SessionEntry(
            Path("sorter"),
            "running",
            "main",
            14,
            "sorter",
            {**best, "score": 0.071},
            2,
            "gate",
            at - 3600,
            head="14",
        ),
        SessionEntry(
            Path("prompt"), "paused", "aim", 2, "prompt", None, None, "start", at - 86400, head="2"
        ),
        SessionEntry(Path("old"), problem="this is no session: no commit"),
    ]
    monkeypatch.setattr(places, "list_sessions", lambda: found)
    monkeypatch.setattr(start, "read_curve", lambda path: "▁▃▄▆█" if path.name == "pong" else "")
    async with stand(StartScreen()) as person:
        screen = cast(StartScreen, person.app.screen)
        await person.until(lambda: len(screen._curves) == 3, "the curves")
        await look(person, snapshot, "sessions")


async def test_a_new_session(snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [
        SetupOption("atari/pong", "atari/pong", "Pong in the Atari emulator"),
        SetupOption("bbeh/nycc", "bbeh/nycc", "Captions"),
    ]
    monkeypatch.setattr(new_session, "list_tasks", lambda: tasks)
    monkeypatch.setattr(
        new_session.shutil, "which", lambda name: name if name == "claude" else None
    )
    monkeypatch.setattr(new_session, "_is_listening", lambda port: port == 11434)
    monkeypatch.setattr(new_session, "MODELS_BY_API_KEY", {})
    found = [
        SetupOption(
            "", "time", "A rollout takes 4.1 s; a step about 12 s beside the model's reply."
        ),
        SetupOption("", "calls", "none: command:claude -p asks no model service"),
        SetupOption(
            "",
            "warning gate-small",
            "The gate has 10 examples. Differences under 1.4 will stay undecided. gate.examples=40 halves that.",
        ),
        SetupOption("", "info template", "Learning template: batch of episodes."),
    ]
    monkeypatch.setattr(new_session, "check_draft", lambda wish: found)
    screen = NewSessionScreen()
    async with stand(screen) as person:
        await person.press("tab")
        await look(person, snapshot, "new-1-my-files")
        await person.press("tab")
        for step, name in enumerate(STEPS):
            await person.until(lambda step=step: screen.step == step and screen.ready, name)
            await look(person, snapshot, f"new-{step + 1}-{name.replace(' ', '-')}")
            await person.press("enter" if step < len(STEPS) - 1 else "escape")
