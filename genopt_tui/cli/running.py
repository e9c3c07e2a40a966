"""Commands that run a session: run, demo, open."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import MODES, consent, find_session, journal_of, say
from genopt_tui.errors import EvaluationError, Exit, SessionError

if TYPE_CHECKING:
    from genopt_tui.session.journal import Event, Journal

POLL = 0.05
MISSING, STARTS = 40, 3  # polls without a runner before another is started, and how many are
SHOWS = {"rollout_finished", "reply_delta"}


@click.command()
@click.argument("session", required=False)
@click.option("--steps", type=click.IntRange(min=0), help="How many more steps.")
@click.option("--until", type=float, metavar="SCORE", help="Stop when the best version's lower bound reaches it.")
@click.option("--mode", type=MODES, help="Who decides; left out: as before.")
@click.option("--detach", is_flag=True, help="Start the run and return.")
@click.option("--no-wait", is_flag=True, help="Leave with exit code 4 when a decision is wanted.")
@click.option("--record", type=click.Path(dir_okay=False), help="Record the model's replies to this file.")
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


def run_session(path: Path, wish: dict[str, Any], *, detach: bool = False, as_jsonl: bool = False) -> int:
    """Leave a run command and follow what comes of it; the exit code."""
    from genopt_tui.session.client import ensure_runner, send
    from genopt_tui.session.places import word_for

    consent(path)
    with journal_of(path) as journal:
        after = journal.last_event()
        if detach:
            send(path, journal, "run", **wish)
            say(f"running; attach with: genopt open {word_for(path)}", err=as_jsonl)
            return Exit.DONE
        identity = journal.command("run", **wish)
        try:
            ensure_runner(path)
            return follow(path, journal, after, identity, printer(as_jsonl))
        except KeyboardInterrupt:
            send(path, journal, "pause")
            say(f"paused; go on with: genopt run {word_for(path)}", err=True)
            return Exit.INTERRUPTED


def follow(path: Path, journal: "Journal", after: int, command: int, show: "Callable[[Event], None]") -> int:
    """Show events until the run that `command` asked for is over; its exit code. Raises SessionError when it is refused."""
    from genopt_tui.session.client import Follower
    from genopt_tui.session.places import word_for

    follower, taken, watch = Follower(journal, after), False, Watch(path, journal)
    while True:
        for event in follower.poll():
            if event.kind == "command_done" and event.data["id"] == command:
                taken = True
                if not event.data["ok"]:
                    raise SessionError("the run was not started", event.data["why"])
            show(event)
            if taken and event.kind == "run_finished":
                return int(event.data["code"])
            if taken and event.kind == "paused" and event.data.get("code"):
                say(f"genopt: {event.data['why']} (paused; go on with: genopt run {word_for(path)})", err=True)
                return int(event.data["code"])
        watch.look()
        time.sleep(POLL)


class Watch:
    """Sees to it that a runner is there: starts one for a command that nobody took up, and tells when one died."""

    def __init__(self, path: Path, journal: "Journal") -> None:
        self._path, self._journal, self._missing, self._starts = path, journal, 0, 0

    def look(self) -> None:
        """Raises EvaluationError when the runner has gone without finishing the run."""
        from genopt_tui.session.client import ensure_runner, runner_pid

        self._missing = 0 if runner_pid(self._path) is not None else self._missing + 1
        if self._missing and self._missing % MISSING == 0:
            if not self._journal.commands() or self._starts == STARTS:
                log = self._path / ".genopt" / "runner.log"
                raise EvaluationError("the runner has ended", f"its last words are in {log}", "`genopt run` goes on")
            self._starts += 1
            ensure_runner(self._path)


def printer(as_jsonl: bool) -> "Callable[[Event], None]":
    """How events are shown: JSON lines, or lines for people."""
    from genopt_tui.cli.lines import line
    from genopt_tui.session.client import jsonl

    def show(event: "Event") -> None:
        if as_jsonl:
            for text in jsonl([event]):
                print(text, flush=True)
        elif text := line(event):
            say(text)
            sys.stdout.flush()

    return show


@click.command("open")
@click.argument("session", required=False)
@click.option("--plain", is_flag=True, help="Lines instead of the full-screen application.")
def open_(session: str | None, plain: bool) -> int:
    """The application on a session; it attaches to a live run. Branches of a plain git clone become its own."""
    from genopt_tui.session.travel import settle

    path = find_session(session)
    for name in settle(path):
        say(f"branch {name} from the remote", err=True)
    if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        from genopt_tui.cli.plain import converse

        return converse(path)
    from genopt_tui.ui.app import run_app

    return run_app(path)


@click.command()
@click.option("--headless", is_flag=True, help="No application: the gate decides, progress as lines.")
@click.option("--record", type=click.Path(dir_okay=False), help="Record the model's replies to this file.")
def demo(headless: bool, record: str | None) -> int:
    """The main job on the embedded default: Pong in the real emulator, no key, no network."""
    from genopt_tui.cli.making import demo_session

    path, steps = demo_session()
    if headless or not (sys.stdin.isatty() and sys.stdout.isatty()):
        say(f"session {path.name}: recorded replies of a model; every score is measured here and now")
        wish: dict[str, Any] = {"steps": steps, "mode": "auto"}
        if record:
            wish["record"] = str(Path(record).resolve())
        return run_session(path, wish)
    from genopt_tui.session.client import ensure_runner
    from genopt_tui.ui.app import run_app

    with journal_of(path) as journal:
        journal.command("run", mode="ask")
    ensure_runner(path)
    return run_app(path)


COMMANDS = [demo, open_, run]
