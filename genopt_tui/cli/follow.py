"""Following a run: events as lines until it is over."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.cli.consent import require_consent
from genopt_tui.cli.output import print_line
from genopt_tui.cli.requests import (
    POLL_SECONDS,
    RunnerWatch,
)
from genopt_tui.cli.target import (
    open_journal,
)
from genopt_tui.errors import (
    Exit,
    SessionError,
)
from genopt_tui.session.commands import Pause, Run, Stop

if TYPE_CHECKING:
    from genopt_tui.session.journal import Event, Journal


class Terminated(BaseException):
    """SIGTERM came."""


def _raise_terminated(*_: object) -> None:
    raise Terminated


def run_session(path: Path, request: Run, *, detach: bool = False, as_jsonl: bool = False) -> int:
    """Leave a run command and follow what comes of it; the exit code."""
    from genopt_tui.session.client import ensure_runner, send_command
    from genopt_tui.session.places import quote_session

    require_consent(path)
    with open_journal(path) as journal:
        after = journal.last_event_id()
        if detach:
            send_command(path, journal, request)
            print_line(f"running; attach with: genopt open {quote_session(path)}", err=as_jsonl)
            return Exit.DONE
        identity = journal.add_command(request)
        signal.signal(signal.SIGTERM, _raise_terminated)
        try:
            ensure_runner(path)
            return follow_run(path, journal, after, identity, make_event_printer(as_jsonl))
        except Terminated:  # nobody is there to go on: the runner ends too
            send_command(path, journal, Stop())
            print_line(f"stopped; go on with: genopt run {quote_session(path)}", err=True)
            return Exit.INTERRUPTED
        except KeyboardInterrupt:
            send_command(path, journal, Pause())
            print_line(f"paused; go on with: genopt run {quote_session(path)}", err=True)
            return Exit.INTERRUPTED


def follow_run(
    path: Path, journal: "Journal", after: int, command: int, show_event: "Callable[[Event], None]"
) -> int:
    """Show events until the run that `command` asked for is over; its exit code. Raises
    SessionError when it is refused."""
    from genopt_tui.session.client import EventFollower
    from genopt_tui.session.places import quote_session

    follower, taken, watch = EventFollower(journal, after), False, RunnerWatch(path, journal)
    while True:
        for event in follower.poll():
            if event.kind == "command_done" and event.data["id"] == command:
                taken = True
                if not event.data["ok"]:
                    raise SessionError("the run was not started", event.data["why"])
            show_event(event)
            if taken and event.kind == "run_finished":
                return int(event.data["code"])
            if taken and event.kind == "paused" and event.data.get("code"):
                print_line(
                    f"genopt: {event.data['why']} (paused; go on with: genopt run {quote_session(path)})",
                    err=True,
                )
                return int(event.data["code"])
        watch.check()
        time.sleep(POLL_SECONDS)


def make_event_printer(as_jsonl: bool) -> "Callable[[Event], None]":
    """How events are shown: JSON lines, or lines for people."""
    from genopt_tui.cli.event_lines import format_event
    from genopt_tui.session.client import format_jsonl

    def show(event: "Event") -> None:
        if as_jsonl:
            for text in format_jsonl([event]):
                print(text, flush=True)
        elif text := format_event(event):
            print_line(text)
            sys.stdout.flush()

    return show
