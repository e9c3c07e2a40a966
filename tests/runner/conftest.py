"""A small task whose score is read off a number in the artifact, and a session of it with a real
runner process."""

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.runner.__main__ import run
from genopt_tui.session.client import ensure_runner, send_command
from genopt_tui.session.commands import CommandResult, decode_command
from genopt_tui.session.creation import create_session
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Event, Journal
from genopt_tui.session.lock import SessionLock, runner_pid
from genopt_tui.task import loader
from tests import tiny

PATIENCE = 90.0  # seconds that a test waits for something that takes one or two
for library in (
    "git",
    "numpy",
):  # what every runner loads in its first step: those that are forked from here have it
    importlib.import_module(library)

MODEL = '''
"""A model: reads LEVEL in the prompt, proposes LEVEL + 1, and writes down every call."""
import pathlib, re, sys, time
prompt = sys.stdin.read()
here = pathlib.Path(__file__).parent
number = len(list(here.glob("call-*.txt")))
(here / f"call-{number:03}.txt").write_text(prompt)
special = here / "replies" / f"{number}.txt"
level = float(re.search(r"LEVEL = ([0-9.]+)", prompt).group(1))
block = f"answer.py\\n<<<<<<< SEARCH\\nLEVEL = {level}\\n=======\\nLEVEL = {level + 1}\\n>>>>>>> REPLACE\\n"
text = special.read_text() if special.exists() else f"Raise the level to {level + 1}.\\n\\n{block}"
for piece in text.splitlines(keepends=True):
    sys.stdout.write(piece)
    sys.stdout.flush()
    time.sleep(float((here / "pace").read_text()) if (here / "pace").exists() else 0)
'''


class Bench:
    """A session with its runner, and a model that counts its calls."""

    def __init__(self, path: Path, model: Path) -> None:
        self.path, self.model = path, model
        self.journal = Journal(path)
        self._forked: set[int] = set()

    def tell(self, kind: str, /, **data: Any) -> str:
        """Send a command; the remark of its result."""
        return self.send(kind, **data).why

    def send(self, kind: str, /, **data: Any) -> CommandResult:
        if runner_pid(self.path) is None:
            self.fork()
        command = decode_command(kind, data)
        return send_command(self.path, self.journal, command, wait=PATIENCE)

    def run(self, **data: Any) -> Event:
        """Ask for a run and wait for its end."""
        after = self.start(**data)
        return self.wait("run_finished", after)

    def start(self, **data: Any) -> int:
        """Ask for a run; the event after which it began."""
        after = self.journal.last_event_id()
        self.tell("run", **data)
        return after

    def wait(self, kind: str, after: int = 0, **match: Any) -> Event:
        """The first event of a kind after `after` whose data matches."""
        first = True

        def look() -> Event | None:
            nonlocal first
            if not (self.journal.has_changed() or first):
                return None
            first = False
            found = self.journal.read_events(after, kinds=[kind])
            return next((e for e in found if match.items() <= e.data.items()), None)

        return self.until(look, kind)

    def until(self, look: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.01)
        file = self.path / ".genopt" / "runner.log"
        log = file.read_text(errors="replace") if file.exists() else ""
        errors = [e.data["message"] for e in self.events("error")]
        raise AssertionError(
            f"{what} did not come; events: {self.kinds()[-12:]} {errors}\n{log[-2000:]}"
        )

    def kinds(self) -> list[str]:
        return [event.kind for event in self.journal.read_events()]

    def events(self, kind: str) -> list[Event]:
        return self.journal.read_events(kinds=[kind])

    def kill(self) -> None:
        """kill -9 of the runner."""
        if pid := runner_pid(self.path):
            os.kill(pid, signal.SIGKILL)
            if pid in self._forked:
                os.waitpid(pid, 0)
        self.gone()

    def gone(self) -> None:
        self.until(lambda: runner_pid(self.path) is None, "the runner's end")

    def wake(self) -> None:
        ensure_runner(self.path)

    def fork(self) -> None:
        """A runner, forked from here: a process like any other, without the time that a new one
        takes to import."""
        self.journal.close()  # SQLite's locks do not survive a fork
        pid = os.fork()
        if pid:
            self._forked.add(pid)
            self.journal = Journal(self.path)
            self.until(lambda: runner_pid(self.path), "the runner")
            return
        try:
            os.setsid()
            with SessionLock(self.path):
                run(self.path)
        finally:
            os._exit(0)

    def calls(self) -> list[str]:
        """The prompts that the model was asked, in order."""
        return [file.read_text() for file in sorted(self.model.parent.glob("call-*.txt"))]

    def will_reply(self, call: int, text: str) -> None:
        folder = self.model.parent / "replies"
        folder.mkdir(exist_ok=True)
        (folder / f"{call}.txt").write_text(text)

    def pace(self, seconds: float) -> None:
        """Seconds between two lines of a reply."""
        (self.model.parent / "pace").write_text(str(seconds))

    def versions(self, *, everything: bool = True) -> list[Any]:
        with Repository.open(self.path) as repository:
            return repository.read_log(all_branches=everything)

    def record(self, version: str) -> Any:
        with Repository.open(self.path) as repository:
            return repository.read_record(repository.resolve(version))

    def files(self, version: str = "head") -> dict[str, str]:
        with Repository.open(self.path) as repository:
            return repository.read_artifact(repository.resolve(version))

    def outcomes(self) -> list[tuple[int | None, str, float | None]]:
        """(step, decision, score) of everything in git, in order of steps."""
        return sorted((v.step, v.decision, v.score) for v in self.versions())


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return tiny.write(tmp_path)


Make = Callable[..., Bench]


@pytest.fixture
def make(task: Path, tmp_path: Path) -> Iterator[Make]:
    """Makes sessions of the small task; no runner is left afterwards."""
    made: list[Bench] = []

    def session(*pairs: str, name: str = "one") -> Bench:
        folder = tmp_path / f"model-{name}"
        folder.mkdir()
        model = folder / "model.py"
        model.write_text(MODEL)
        own = [f"model=command:{sys.executable} {model}", "sandbox=none", "workers=2", *pairs]
        bench = Bench(
            create_session(loader.find_task(str(task)), str(task), name=name, pairs=own), model
        )
        made.append(bench)
        return bench

    yield session
    for bench in made:
        bench.kill()
        bench.journal.close()
