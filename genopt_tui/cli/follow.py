"""Following a run: print its events as lines until it ends."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.cli.consent import require_consent
from genopt_tui.cli.output import encode_json, print_line
from genopt_tui.cli.requests import (
    POLL_SECONDS,
    RunnerWatch,
)
from genopt_tui.cli.streams import discard_output
from genopt_tui.cli.target import open_journal
from genopt_tui.errors import Exit, SessionError
from genopt_tui.session.commands import Pause, Run, Stop

if TYPE_CHECKING:
    from genopt_tui.session.journal import Event, Journal


class Terminated(BaseException):
    """The process received SIGTERM."""


def _raise_terminated(*_: object) -> None:
    raise Terminated


def run_session(path: Path, request: Run, *, detach: bool = False, as_jsonl: bool = False) -> int:
    """Start a run and follow it; returns the exit code."""
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
        except Terminated:  # nobody will resume this run, so end the runner too
            send_command(path, journal, Stop())
            print_line(f"stopped; continue with: genopt run {quote_session(path)}", err=True)
            return Exit.INTERRUPTED
        except KeyboardInterrupt:
            send_command(path, journal, Pause())
            print_line(f"paused; continue with: genopt run {quote_session(path)}", err=True)
            return Exit.INTERRUPTED


def follow_run(
    path: Path, journal: "Journal", after: int, command: int, show_event: "Callable[[Event], None]"
) -> int:
    """Show events until the run that `command` started ends; returns the run's exit code.

    Raises SessionError if the runner refuses the command.
    """
    from genopt_tui.session.client import EventFollower
    from genopt_tui.session.places import quote_session

    follower, watch = EventFollower(journal, after), RunnerWatch(path, journal)
    started = False
    while True:
        for event in follower.poll():
            if event.kind == "command_done" and event.data["id"] == command:
                started = True
                if not event.data["ok"]:
                    raise SessionError("the run was not started", event.data["why"])
            show_event(event)
            if started and event.kind == "run_finished":
                return int(event.data["code"])
            if started and event.kind == "paused" and event.data.get("code"):
                advice = f"paused; continue with: genopt run {quote_session(path)}"
                print_line(f"genopt: {event.data['why']} ({advice})", err=True)
                return int(event.data["code"])
        watch.check()
        time.sleep(POLL_SECONDS)


def make_event_printer(as_jsonl: bool) -> "Callable[[Event], None]":
    """A function that prints an event, as JSON or as a line for people."""
    from genopt_tui.cli.event_lines import format_event

    def show(event: "Event") -> None:
        text = encode_json(event.to_dict()) if as_jsonl else format_event(event)
        if not text:
            return
        try:
            if as_jsonl:
                print(text)
            else:
                print_line(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:  # a full disk must not end the run that is followed
            discard_output()
            print_line(f"standard output: {error.strerror}; the run continues", err=True)

    return show
