"""`genopt open --plain`: the session as lines, and a prompt whenever a person is wanted. Made for screen readers, too."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.cli.common import ask_runner, journal_of, say, say_text
from genopt_tui.errors import Exit, GenoptError

if TYPE_CHECKING:
    from genopt_tui.session.journal import Journal

POLL = 0.05
MEANT = {
    "decide": "a approve, r REASON reject, v view the edit, g ask again, h HINT, q leave",
    "propose": "s send the prompt, h HINT, q leave",
    "rest": "s one step, p run on, m step|ask|auto, h HINT, q leave",
}


def converse(path: Path) -> int:
    """Tell events as lines and ask where a person is wanted, until the person leaves; without a keyboard only tell."""
    from genopt_tui.cli.running import printer
    from genopt_tui.session.client import Follower, runner_pid
    from genopt_tui.session.progress import RUNNING, latest

    show, asks = printer(False), sys.stdin.isatty()
    with journal_of(path) as journal:
        started = journal.last("run_started")
        follower = Follower(journal, max(started.id - 1, 0) if started else 0)
        while True:
            for event in follower.poll():
                show(event)
            alive = runner_pid(path) is not None
            progress, _ = latest(journal)
            if not asks and not alive:
                return Exit.DONE
            if asks and progress.state(alive) != RUNNING and not prompt(path, journal, progress):
                return Exit.DONE
            time.sleep(POLL)


def prompt(path: Path, journal: "Journal", progress: Any) -> bool:
    """One question and what the answer asks for; False when the person leaves."""
    pending = str(progress.pending["pending"]) if progress.pending and not progress.ended else "rest"
    say(f"[{MEANT[pending]}]")
    try:
        answer = input("> ").strip()
    except EOFError:
        return False
    word, _, rest = answer.partition(" ")
    if word == "q":
        return False
    try:
        done = act(path, progress, pending, word, rest.strip())
    except GenoptError as error:
        say(str(error))
    else:
        say(done or "done")
    return True


def act(path: Path, progress: Any, pending: str, word: str, rest: str) -> str:
    """Carry out one answer; what the runner says of it. Raises GenoptError."""
    step = progress.step
    if word == "h" and rest:
        return ask_runner(path, "hint", text=rest, always=False)
    if pending == "decide":
        number = int(progress.pending["candidates"][0])
        if word == "a":
            return ask_runner(path, "approve", step=step, candidate=number)
        if word == "r":
            return ask_runner(path, "reject", step=step, candidate=number, reason=rest)
        if word == "g":
            return ask_runner(path, "again", step=step)
        if word == "v":
            return view(path, progress, number)
    elif pending == "propose" and word == "s":
        return ask_runner(path, "propose", step=step)
    elif pending == "rest" and word in {"s", "p"}:
        ask_runner(path, "run", steps=1 if word == "s" else None)
        return "started"
    elif pending == "rest" and word == "m" and rest in {"step", "ask", "auto"}:
        return ask_runner(path, "mode", mode=rest)
    return f"not understood: {MEANT[pending]}"


def view(path: Path, progress: Any, number: int) -> str:
    """The edit that waits, with its reasoning, as a unified diff."""
    from genopt_tui.cli.common import repository_of
    from genopt_tui.learn.diff import unified

    edit = progress.candidates[number].edit
    with repository_of(path) as repository:
        old, new = repository.files_of(progress.batch["tree"]), repository.files_of(edit["tree"])
    say_text(f"{edit['reasoning']}\n{unified(old, new)}")
    return f"edit of step {progress.step}"
