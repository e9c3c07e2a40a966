"""A session that a real runner has lived through: one version accepted, one proposal rejected,
another version accepted."""

import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from conftest import Visit, visit

from genopt_tui.config import SessionSettings
from genopt_tui.session import places
from genopt_tui.session.client import send_command
from genopt_tui.session.commands import Reject, Run, Stop
from genopt_tui.session.creation import create_session
from genopt_tui.session.journal import Event, Journal
from genopt_tui.session.lock import runner_pid
from genopt_tui.task import loader
from genopt_tui.ui.state.snapshot import HistoryRow
from genopt_tui.ui.widgets.safe_text import PlainText
from tests import tiny

PATIENCE = 120.0  # seconds that a test waits for what takes one or two
ARTIFACT = (
    "LEVEL = 3.0\n"
    + "# a line between\n" * 9
    + "DRIFT = 0.0\n\n\ndef value(shift):\n    return LEVEL + DRIFT + shift\n"
)
MODEL = '''
"""A model of two hunks: the first raises the level by 2, which helps; the second lets it drift down by 1, which does not."""
import re, sys
prompt = sys.stdin.read()
level = float(re.search(r"LEVEL = ([0-9.-]+)", prompt).group(1))
drift = float(re.search(r"DRIFT = ([0-9.-]+)", prompt).group(1))
print(f"""The level is too low, so I raise it from {level}.

answer.py
<<<<<<< SEARCH
LEVEL = {level}
=======
LEVEL = {level + 2}
>>>>>>> REPLACE
<<<<<<< SEARCH
DRIFT = {drift}
=======
DRIFT = {drift - 1}
>>>>>>> REPLACE
""")
'''


def live(folder: Path) -> tuple[Path, SessionSettings]:
    """Make the session and its story, and say its settings; no runner is left. Its home is
    GENOPT_HOME."""
    task = tiny.write(folder, ARTIFACT)
    model = folder / "model.py"
    model.write_text(MODEL)
    settings = [f"model=command:{sys.executable} {model}", "sandbox=none", "workers=2"]
    path = create_session(loader.find_task(str(task)), str(task), name="lived", pairs=settings)
    journal = Journal(path)
    send_command(path, journal, Run(steps=1, mode="auto"), wait=PATIENCE)
    wait(journal, "run_finished")
    after = journal.last_event_id()
    send_command(path, journal, Run(steps=1, mode="ask"), wait=PATIENCE)
    wait(journal, "decision_wanted", after)
    send_command(path, journal, Reject(step=2, candidate=0, reason="too timid"), wait=PATIENCE)
    wait(journal, "run_finished", after)
    after = journal.last_event_id()
    send_command(path, journal, Run(steps=1, mode="auto"), wait=PATIENCE)
    wait(journal, "run_finished", after)
    end(path, journal)
    journal.close()
    return path, SessionSettings.load(path).model_copy(update={"mode": "ask"})


def wait(journal: Journal, kind: str, after: int = 0) -> Event:
    """The first event of this kind after the event `after`."""
    found = until(lambda: journal.read_events(after, kinds=[kind]), kind)
    assert isinstance(found, list)
    event: Event = found[0]
    return event


def until(look: Callable[[], object], what: str) -> object:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.02)
    return found


def end(path: Path, journal: Journal) -> None:
    """Let no runner be left."""
    if runner_pid(path) is not None:
        send_command(path, journal, Stop(), wait=PATIENCE)
    until(lambda: runner_pid(path) is None, "the runner's end")


def copied(pattern: Path, settings: SessionSettings, folder: Path) -> Path:
    """A copy of the session that may be run under this test's home."""
    path = shutil.copytree(pattern, folder / pattern.name, symlinks=True)
    places.register(path)
    settings.save(path)
    return path


class Person(Visit):
    """A person who waits for what takes a runner a moment, and looks at the history."""

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        deadline = monotonic() + PATIENCE
        while not condition():
            assert monotonic() < deadline, f"never happened: {what or condition}; said: {self.said}"
            await self.pilot.pause(0.02)
        await self.pilot.pause()

    @property
    def shown(self) -> dict[str, HistoryRow]:
        """The rows of the history by what they are called."""
        return {row.label: row for row in self.main.history_pane.row_list.rows if row.commit}

    async def stand_on(self, label: str) -> None:
        """Move the history's cursor to a version, by keys."""
        await self.press("1", "g")
        await self.until(lambda: label in self.shown, f"{label} in {list(self.shown)}")
        rows = [row.label for row in self.main.history_pane.row_list.rows]
        await self.press(*"j" * rows.index(label))
        assert self.main.history_pane.row is not None
        assert self.main.history_pane.row.label == label

    @property
    def banner(self) -> str:
        return str(self.main.query_one("#banner", PlainText).content).strip()

    @property
    def about(self) -> str:
        """What the history says of the version under its cursor."""
        return str(self.main.history_pane.details.content)

    async def head_is(self, label: str, branch: str = "main") -> None:
        await self.until(lambda: f"{branch}@{label}" in self.line("status"), f"{branch}@{label}")
        await self.until(
            lambda: self.main.snapshot.version.label == label, f"the artifact of {label}"
        )  # type: ignore[union-attr]

    async def decision(self, step: int) -> None:
        await self.until(
            lambda: (
                self.main.snapshot.pending == "decide" and self.main.snapshot.progress.step == step
            ),
            f"DECIDE {step}; {self.main.snapshot.activity}",
        )
        await self.until(lambda: self.main.query_one("#diff").ready, "the edit")  # type: ignore[attr-defined]
        await self.look()


@asynccontextmanager
async def person_at(session: Path, size: tuple[int, int] = (200, 55)) -> AsyncIterator[Person]:
    async with visit(session, size) as found:
        person = Person(found.app, found.pilot)
        await person.until(lambda: not person.main.snapshot.unread_versions)
        yield person
