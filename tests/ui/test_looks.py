"""How every screen looks: each state at three sizes and in three themes, kept as text (see
looks.py)."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from conftest import Visit, visit
from looks import look
from story import AT, Scene, make_story, stop_the_clock
from syrupy.assertion import SnapshotAssertion

from genopt_tui.ui import preferences
from genopt_tui.ui.screens.away_summary import AwaySummaryScreen
from genopt_tui.ui.widgets.diff_view import DiffView


@pytest.fixture(scope="module")
def story_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        stop_the_clock(patch)
        yield make_story(tmp_path_factory.mktemp("story"))


@pytest.fixture
def session(tmp_path: Path, story_session: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stop_the_clock(monkeypatch)
    return shutil.copytree(story_session, tmp_path / story_session.name, symlinks=True)


@pytest.fixture
def scene(session: Path) -> Iterator[Scene]:
    with Scene(session) as live:
        yield live


def rolling(scene: Scene) -> None:
    scene.start()
    scene.roll_out(("seed-1",))


def streaming(scene: Scene) -> None:
    scene.start()
    scene.roll_out()
    scene.show_evidence()
    scene.ask()
    scene.say(
        "The paddle **lags** because `predict_ball` gives the present row.\n\n- time to the paddle"
    )


def gating(scene: Scene) -> None:
    scene.start()
    scene.roll_out()
    scene.show_evidence()
    scene.ask()
    scene.edit()
    scene.score_some()


def deciding(scene: Scene) -> None:
    gating(scene)
    scene.gate()
    scene.want()


def asked_twice(scene: Scene) -> None:
    """What if: a second candidate of the step, with one choice changed, beside the first."""
    deciding(scene)
    scene.event(
        "edit_parsed",
        candidate=1,
        attempt=0,
        tree=scene.tree,
        files=["policy.py"],
        hunks=2,
        added=2,
        removed=1,
        reasoning="With less of the trace: the paddle is late.",
        because=[],
        expects=[],
        whatif=["horizon.steps=1"],
    )
    scene.event("decision_wanted", pending="decide", candidates=[0, 1], since=AT.isoformat())


def sending(scene: Scene) -> None:
    """Mode step: the prompt waits to be sent."""
    scene.start("step")
    scene.roll_out()
    scene.show_evidence()
    scene.event(
        "prompt_preview",
        messages=[{"role": "user", "content": "Improve `policy.py`."}],
        tokens=4820,
        sections=[],
    )
    scene.want("propose")


def answering(scene: Scene) -> None:
    """The person is the model: the prompt is written, its reply is wanted."""
    scene.start()
    scene.journal.append_event(
        0, "run_started", mode="ask", model="manual", pid=os.getpid(), sandbox="bwrap", workers=2
    )
    scene.roll_out()
    scene.show_evidence()
    scene.ask()


def paused(scene: Scene) -> None:
    streaming(scene)
    scene.journal.append_event(0, "paused", why="a person paused the run")


def finished(scene: Scene) -> None:
    deciding(scene)
    scene.event("step_ended", outcome="rejected", counts=True)
    scene.journal.append_event(
        0, "run_finished", reason="20 steps were made", code=3, steps=20, best=None
    )


STATES: dict[str, tuple[Callable[[Scene], None], str]] = {
    "rolling": (rolling, "rolling out"),
    "streaming": (streaming, "asking"),
    "answering": (answering, "asking"),
    "sending": (sending, "propose"),
    "gating": (gating, "gate"),
    "deciding": (deciding, "decide"),
    "what-if": (asked_twice, "decide"),
    "paused": (paused, "paused"),
    "finished": (finished, "finished"),
}


@asynccontextmanager
async def at(session: Path, scene: Scene, state: str) -> AsyncIterator[Visit]:
    """The application on a session in a state."""
    async with visit(session) as person:
        await person.until(lambda: person.app.app_settings is not None, "the user's settings")
        play, wanted = STATES[state]
        play(scene)

        def there() -> bool:
            s = person.main.snapshot
            return wanted in {s.pending, s.state, s.progress.phase}

        await person.until(there, wanted)
        if state in {"gating", "deciding"}:
            await person.until(lambda: person.main.query_one(DiffView).ready, "the edit is shown")
        await person.look()
        yield person


@pytest.mark.parametrize("state", STATES)
@pytest.mark.slow
async def test_the_main_screen(
    session: Path, scene: Scene, snapshot: SnapshotAssertion, state: str
) -> None:
    async with at(session, scene, state) as person:
        await look(person, snapshot, state)


@pytest.mark.slow
async def test_an_edit_is_written_here(
    session: Path, scene: Scene, snapshot: SnapshotAssertion
) -> None:
    async with at(session, scene, "deciding") as person:
        await person.press("right_square_bracket", "space")
        await look(person, snapshot, "part", sizes=((80, 24),))
        await person.press("E")
        await look(person, snapshot, "editing")


@pytest.mark.slow
async def test_panes_that_fill_the_screen(
    session: Path, scene: Scene, snapshot: SnapshotAssertion
) -> None:
    async with at(session, scene, "deciding") as person:
        await person.press("1", "z")
        for number, name in enumerate(("history", "artifact", "trace", "evidence", "proposal"), 1):
            await person.press(str(number))
            await look(person, snapshot, name)


@pytest.mark.slow
async def test_an_older_version_is_looked_at(
    session: Path, scene: Scene, snapshot: SnapshotAssertion
) -> None:
    async with at(session, scene, "deciding") as person:
        await person.press("1", "G", "enter")
        await person.until(lambda: person.main.snapshot.is_historical, "the start")
        await look(person, snapshot, "looking-back")


@pytest.mark.slow
async def test_what_lies_above_the_main_screen(
    session: Path, scene: Scene, snapshot: SnapshotAssertion
) -> None:
    async with at(session, scene, "deciding") as person:
        await person.press("r")
        await look(person, snapshot, "reject")
        await person.press("escape", "question_mark")
        await look(person, snapshot, "help")
        await person.press("escape", "ctrl+p", *"undo")
        await look(person, snapshot, "palette")
        await person.press("escape", "escape", "4", "v", "z")
        await look(person, snapshot, "prompt")


@pytest.mark.slow
async def test_coming_back(session: Path, scene: Scene, snapshot: SnapshotAssertion) -> None:
    last = scene.journal.last_event_id()
    finished(scene)
    remembered = preferences.load_preferences()
    remembered.left[str(session)] = {"at": AT.isoformat(), "event": last, "mode": "auto"}
    preferences.save_preferences(remembered)
    async with visit(session) as person:
        await person.until(
            lambda: isinstance(person.app.screen, AwaySummaryScreen) and person.app.screen.ready,
            "back",
        )
        await look(person, snapshot, "returned")


async def test_a_terminal_that_is_too_small(session: Path, snapshot: SnapshotAssertion) -> None:
    async with visit(session, (59, 15)) as person:
        await look(person, snapshot, "small", sizes=((59, 15), (60, 16)))
