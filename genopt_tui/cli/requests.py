"""Requests to the runner of a session: send one, wait for its result, start the runner anew."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.cli.consent import require_consent
from genopt_tui.cli.output import print_line
from genopt_tui.cli.target import find_session, open_journal, open_repository
from genopt_tui.errors import EvaluationError, Exit, SessionError
from genopt_tui.session.commands import (
    Command,
    CommandResult,
    RecordTestOpening,
    SideJob,
    StoreTask,
)

if TYPE_CHECKING:
    from genopt_tui.session.journal import Journal

POLL_SECONDS = 0.05  # between two looks at the journal
MISSING_POLLS = 40  # polls without a runner before another is started
MAX_STARTS = 3  # runners started for one command


def ask_runner(session: Path, command: Command) -> CommandResult:
    """Leave a command for the runner, started where there is none, and return its result."""
    from genopt_tui.session.client import send_command

    require_consent(session)
    with open_journal(session) as journal:
        return send_command(session, journal, command)


def send_and_print(session: str | None, command: Command) -> int:
    """Leave a command for the runner and print its remark."""
    if why := ask_runner(find_session(session), command).why:
        print_line(why)
    return Exit.DONE


def run_side_job(path: Path, job: SideJob) -> dict[str, Any]:
    """Ask the runner for work beside the steps, tell its progress, and return what came of it.
    Raises EvaluationError."""
    from genopt_tui.session.client import send_command
    from genopt_tui.session.lock import runner_pid

    with open_journal(path) as journal:
        after = journal.last_event_id()
        send_command(path, journal, job)
        told = make_rollout_reporter(lambda: journal.last_rollout_id())
        while True:
            for event in journal.read_events(after, kinds=["aside_finished"]):
                if event.data["token"] == job.token:
                    if event.data["error"]:
                        raise EvaluationError(str(event.data["error"]))
                    return dict(event.data)
            if runner_pid(path) is None:
                raise EvaluationError(
                    "the runner has ended", f"see {path / '.genopt' / 'runner.log'}"
                )
            told()
            time.sleep(POLL_SECONDS)


def make_rollout_reporter(count: Callable[[], int]) -> Callable[[], None]:
    """Tells people how many rollouts were run, whenever that changes."""
    first = last = count()

    def tell() -> None:
        nonlocal last
        if (now := count()) != last:
            last = now
            print_line(f"{now - first} rollouts run", err=True)

    return tell


class RunnerWatch:
    """Sees to it that a runner is there: starts one for a command that nobody took up, and tells
    when one died."""

    def __init__(self, path: Path, journal: "Journal") -> None:
        self._path, self._journal, self._missing_polls, self._starts = path, journal, 0, 0

    def check(self) -> None:
        """Raises EvaluationError when the runner has gone without finishing the run."""
        from genopt_tui.session.client import ensure_runner
        from genopt_tui.session.lock import runner_pid

        self._missing_polls = 0 if runner_pid(self._path) is not None else self._missing_polls + 1
        if self._missing_polls and self._missing_polls % MISSING_POLLS == 0:
            if not self._journal.read_commands() or self._starts == MAX_STARTS:
                log = self._path / ".genopt" / "runner.log"
                raise EvaluationError(
                    "the runner has ended", f"its last words are in {log}", "`genopt run` goes on"
                )
            self._starts += 1
            ensure_runner(self._path)


def write_opening(path: Path, commit: str, why: str) -> None:
    """Write down that the test split was looked at: by the runner where one lives, else here."""
    from genopt_tui.session.history.notes import record_opening
    from genopt_tui.session.lock import SessionLock

    try:
        lock = SessionLock(path)
    except SessionError:
        ask_runner(path, RecordTestOpening(version=commit, why=why))
        return
    with lock, open_repository(path) as repository:
        record_opening(repository, commit, why)


def keep_task(path: Path, task: Path) -> None:
    """Keep the task's folder in the session by content: by the runner where one lives, else
    here."""
    from genopt_tui.session.history import export
    from genopt_tui.session.lock import SessionLock

    try:
        lock = SessionLock(path)
    except SessionError:
        ask_runner(path, StoreTask())
        return
    with lock, open_repository(path) as repository:
        export.store_task(repository, task)
