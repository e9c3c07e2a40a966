"""Commands that start, follow and steer a run."""

import sys
import time
from pathlib import Path

import click

from genopt_tui.cli.follow import run_session
from genopt_tui.cli.new import MODEL_KEYS, read_model_settings
from genopt_tui.cli.output import print_line
from genopt_tui.cli.requests import (
    send_and_print,
)
from genopt_tui.cli.target import (
    MODES,
    find_session,
    open_journal,
)
from genopt_tui.errors import (
    Exit,
    UsageError,
)
from genopt_tui.session.commands import Pause, Resume, Run, SetMode, SetOptions, Stop


@click.command()
@click.option(
    "--headless",
    is_flag=True,
    help="Without the application: the gate decides, progress appears as lines.",
)
@click.option(
    "--record", type=click.Path(dir_okay=False), help="Record the model's replies to this file."
)
def demo(headless: bool, record: str | None) -> int:
    """Watch Pong being improved: the real emulator, recorded replies.

    No key and no network are needed.
    """
    from genopt_tui.session.creation import create_demo_session

    path, steps = create_demo_session()
    if headless or not (sys.stdin.isatty() and sys.stdout.isatty()):
        print_line(f"session {path.name}: recorded replies; every score is measured now")
        record = record and str(Path(record).resolve())
        return run_session(path, Run(steps=steps, mode="auto", record=record))
    from genopt_tui.session.client import ensure_runner
    from genopt_tui.ui.app import run_app

    with open_journal(path) as journal:
        journal.add_command(Run(mode="ask"))
    ensure_runner(path)
    return run_app(path)


@click.command("open")
@click.argument("session", required=False)
@click.option("--plain", is_flag=True, help="Lines instead of the full-screen application.")
def open_(session: str | None, plain: bool) -> int:
    """Open a session in the terminal application.

    It attaches to a live run. In a plain git clone, remote branches become local ones.
    """
    from genopt_tui.session.travel import finish_clone

    path = find_session(session)
    for name in finish_clone(path):
        print_line(f"branch {name} from the remote", err=True)
    if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        from genopt_tui.cli.conversation import run_conversation

        root = click.get_current_context().find_root().command
        assert isinstance(root, click.Group)
        return run_conversation(path, root)
    from genopt_tui.ui.app import run_app

    return run_app(path)


@click.command()
@click.argument("session", required=False)
@click.option("--steps", type=click.IntRange(min=0), help="How many more steps.")
@click.option(
    "--until",
    type=float,
    metavar="SCORE",
    help="Stop when the best version's lower bound reaches it.",
)
@click.option("--mode", type=MODES, help="Who decides; default: as before.")
@click.option("--detach", is_flag=True, help="Start the run and return.")
@click.option("--no-wait", is_flag=True, help="Exit with code 4 when a decision is wanted.")
@click.option(
    "--record", type=click.Path(dir_okay=False), help="Record the model's replies to this file."
)
@click.option("--jsonl", "as_jsonl", is_flag=True, help="Print events, one JSON object per line.")
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
    """Run the loop of a session and follow it.

    Ctrl-C pauses it.
    """
    path = find_session(session)
    record = record and str(Path(record).resolve())
    request = Run(steps=steps, until=until, mode=mode, no_wait=no_wait, record=record)
    return run_session(path, request, detach=detach, as_jsonl=as_jsonl)


@click.command()
@click.argument("session", required=False)
def pause(session: str | None) -> int:
    """Pause a run.

    A model call in progress is finished first, and its reply is kept.
    """
    return send_and_print(session, Pause())


@click.command()
@click.argument("session", required=False)
def resume(session: str | None) -> int:
    """Continue a paused run."""
    return send_and_print(session, Resume())


@click.command()
@click.argument("session", required=False)
def stop(session: str | None) -> int:
    """End a run and its runner after the current phase."""
    from genopt_tui.session.lock import runner_pid

    path = find_session(session)
    if runner_pid(path) is None:
        print_line("nothing is running")
        return Exit.DONE
    code = send_and_print(str(path), Stop())
    while runner_pid(path) is not None:  # the caller may move or remove the session next
        time.sleep(0.05)
    return code


@click.command()
@click.argument("mode", type=click.Choice(["step", "ask", "auto"]))
@click.argument("session", required=False)
def mode(mode: str, session: str | None) -> int:
    """Choose who decides: a person (step, ask) or the gate (auto)."""
    return send_and_print(session, SetMode(mode=mode))


@click.command("set")
@click.argument("words", nargs=-1, required=True, metavar="KEY=VALUE... [SESSION]")
def set_(words: tuple[str, ...]) -> int:
    """Change settings.

    Session settings change at once, design choices with the next step.
    """
    pairs = [w for w in words if "=" in w]
    others = [w for w in words if "=" not in w]
    if not pairs or len(others) > 1:
        raise UsageError(
            "give settings, and at most one session",
            advice="For example genopt set horizon.steps=100",
        )
    path = find_session(others[0] if others else None)
    if any(pair.partition("=")[0].strip() in MODEL_KEYS for pair in pairs):
        from genopt_tui.propose.model_check import check_models

        check_models(read_model_settings(pairs, path))
    return send_and_print(str(path), SetOptions(pairs=tuple(pairs)))


COMMANDS = [demo, open_, run, pause, resume, stop, mode, set_]
