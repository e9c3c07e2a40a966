"""Commands that run a session: run, demo, open."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import MODES, find_session, open_journal, print_line, require_consent
from genopt_tui.errors import EvaluationError, Exit, SessionError

if TYPE_CHECKING:
    from genopt_tui.session.journal import Event, Journal

POLL_SECONDS = 0.05
MISSING_POLLS, MAX_STARTS = (
    40,
    3,
)  # polls without a runner before another is started, and how many are
SHOWS = {"rollout_finished", "reply_delta"}


@click.command()
@click.argument("session", required=False)
@click.option("--steps", type=click.IntRange(min=0), help="How many more steps.")
@click.option(
    "--until",
    type=float,
    metavar="SCORE",
    help="Stop when the best version's lower bound reaches it.",
)
@click.option("--mode", type=MODES, help="Who decides; left out: as before.")
@click.option("--detach", is_flag=True, help="Start the run and return.")
@click.option("--no-wait", is_flag=True, help="Leave with exit code 4 when a decision is wanted.")
@click.option(
    "--record", type=click.Path(dir_okay=False), help="Record the model's replies to this file."
)
@click.option("--jsonl", "as_jsonl", is_flag=True, help="Print events, one JSON object a line.")
def run(
    session: str | None,
    steps: int | None,
    until: float | None,
    mode: str | None,
    detach: bool,
    no_wait: bool,
    record: str | None,
    as_jsonl: bool,
) -> int:
    """Run the loop of a session and follow it. Ctrl-C pauses it."""
    path = find_session(session)
    wish: dict[str, Any] = {"steps": steps, "until": until, "mode": mode, "no_wait": no_wait}
    if record:
        wish["record"] = str(Path(record).resolve())
    return run_session(path, wish, detach=detach, as_jsonl=as_jsonl)


def run_session(
    path: Path, request: dict[str, Any], *, detach: bool = False, as_jsonl: bool = False
) -> int:
    """Leave a run command and follow what comes of it; the exit code."""
    from genopt_tui.session.client import ensure_runner, send_command
    from genopt_tui.session.places import quote_session

    require_consent(path)
    with open_journal(path) as journal:
        after = journal.last_event_id()
        if detach:
            send_command(path, journal, "run", **request)
            print_line(f"running; attach with: genopt open {quote_session(path)}", err=as_jsonl)
            return Exit.DONE
        identity = journal.add_command("run", **request)
        try:
            ensure_runner(path)
            return follow_run(path, journal, after, identity, make_event_printer(as_jsonl))
        except KeyboardInterrupt:
            send_command(path, journal, "pause")
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


class RunnerWatch:
    """Sees to it that a runner is there: starts one for a command that nobody took up, and tells
    when one died."""

    def __init__(self, path: Path, journal: "Journal") -> None:
        self._path, self._journal, self._missing_polls, self._starts = path, journal, 0, 0

    def check(self) -> None:
        """Raises EvaluationError when the runner has gone without finishing the run."""
        from genopt_tui.session.client import ensure_runner, runner_pid

        self._missing_polls = 0 if runner_pid(self._path) is not None else self._missing_polls + 1
        if self._missing_polls and self._missing_polls % MISSING_POLLS == 0:
            if not self._journal.read_commands() or self._starts == MAX_STARTS:
                log = self._path / ".genopt" / "runner.log"
                raise EvaluationError(
                    "the runner has ended", f"its last words are in {log}", "`genopt run` goes on"
                )
            self._starts += 1
            ensure_runner(self._path)


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


@click.command("open")
@click.argument("session", required=False)
@click.option("--plain", is_flag=True, help="Lines instead of the full-screen application.")
def open_(session: str | None, plain: bool) -> int:
    """The application on a session; it attaches to a live run. Branches of a plain git clone become
    its own."""
    from genopt_tui.session.travel import finish_clone

    path = find_session(session)
    for name in finish_clone(path):
        print_line(f"branch {name} from the remote", err=True)
    if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        from genopt_tui.cli.conversation import run_conversation

        return run_conversation(path)
    from genopt_tui.ui.app import run_app

    return run_app(path)


@click.command()
@click.option(
    "--headless", is_flag=True, help="No application: the gate decides, progress as lines."
)
@click.option(
    "--record", type=click.Path(dir_okay=False), help="Record the model's replies to this file."
)
def demo(headless: bool, record: str | None) -> int:
    """The main job on the embedded default: Pong in the real emulator, no key, no network."""
    from genopt_tui.cli.sessions import create_demo_session

    path, steps = create_demo_session()
    if headless or not (sys.stdin.isatty() and sys.stdout.isatty()):
        print_line(
            f"session {path.name}: recorded replies of a model; every score is measured here and now"
        )
        wish: dict[str, Any] = {"steps": steps, "mode": "auto"}
        if record:
            wish["record"] = str(Path(record).resolve())
        return run_session(path, wish)
    from genopt_tui.session.client import ensure_runner
    from genopt_tui.ui.app import run_app

    with open_journal(path) as journal:
        journal.add_command("run", mode="ask")
    ensure_runner(path)
    return run_app(path)


COMMANDS = [demo, open_, run]
