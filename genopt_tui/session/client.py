"""What interface and command line do with a live session: send commands, start a runner, follow
events."""

import subprocess
import sys
import time
from pathlib import Path

from genopt_tui.errors import SessionError
from genopt_tui.session import prespawn
from genopt_tui.session.commands import Command, CommandResult
from genopt_tui.session.journal import Event, Journal, utc_timestamp
from genopt_tui.session.lock import runner_pid
from genopt_tui.session.places import require_trust


def ensure_runner(session: Path) -> None:
    """Start a runner for the session unless one is alive. It leads a process session of its own and
    outlives its starter.

    Raises SessionError where the session came from elsewhere and nobody agreed that it runs here.
    """
    if runner_pid(session) is not None:
        prespawn.cancel()
        return
    require_trust(session)
    log = session / ".genopt" / "runner.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if prespawn.hand_over(session):
        return
    with log.open("ab") as out:
        subprocess.Popen(
            [sys.executable, "-m", "genopt_tui.runner", str(session)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd=session,
        )


def send_command(
    session: Path, journal: Journal, command: "Command", *, wait: float = 30.0
) -> "CommandResult":
    """Leave a command for the runner, started where there is none, and return its result.

    Raises SessionError when the runner refuses the command, or has no result after `wait` seconds.
    """
    identity = journal.add_command(command)
    ensure_runner(session)
    deadline, looked = time.monotonic() + wait, time.monotonic()
    while time.monotonic() < deadline:
        if time.monotonic() - looked > 1.0:  # the runner that was there may have been about to end
            ensure_runner(session)
            looked = time.monotonic()
        if (result := journal.read_command_result(identity)) is not None:
            if not result.ok:
                raise SessionError(f"{command.kind} was not done", result.why)
            return result
        time.sleep(0.02)
    raise SessionError(
        f"{command.kind} was not taken up in {wait:.0f} s",
        advice=f"See {session / '.genopt' / 'runner.log'}",
    )


class EventFollower:
    """Events as they happen, with the pieces of replies under way as `reply_delta` events."""

    def __init__(self, journal: Journal, after: int) -> None:
        self._journal, self._after, self._chunk = journal, after, 0
        self._delivered_lengths: dict[tuple[int, int, int], int] = {}

    def poll(self) -> list[Event]:
        """What is new since the last poll, in order."""
        if not self._journal.has_changed():
            return []
        events, pieces = self._journal.read_updates(self._after, self._chunk)
        out: list[Event] = []
        for event in events:
            if event.kind == "reply_finished" and (rest := self._build_last_delta(event)):
                out.append(rest)
            out.append(event)
            self._after = event.id
        for identity, step, candidate, attempt, text in pieces:
            self._chunk = identity
            key = (step, candidate, attempt)
            self._delivered_lengths[key] = self._delivered_lengths.get(key, 0) + len(text)
            out.append(
                Event(
                    0,
                    utc_timestamp(),
                    step,
                    "reply_delta",
                    {"candidate": candidate, "attempt": attempt, "text": text},
                )
            )
        return out

    def _build_last_delta(self, event: Event) -> Event | None:
        """The end of a finished reply that no piece delivered, because storing a reply drops its
        pieces."""
        key = (event.step, event.data["candidate"], event.data["attempt"])
        reply = next(
            (r for r in self._journal.read_replies(event.step) if r.id == event.data["reply"]), None
        )
        text = reply.text[self._delivered_lengths.pop(key, 0) :] if reply else ""
        return (
            Event(
                0,
                event.at,
                event.step,
                "reply_delta",
                {"candidate": key[1], "attempt": key[2], "text": text},
            )
            if text
            else None
        )
