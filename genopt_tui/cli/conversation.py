"""`genopt open --plain`: the session as lines, with a prompt when it needs an answer.

Screen readers can follow it.
"""

import os
import select
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genopt_tui.cli.consent import require_consent
from genopt_tui.cli.decisions import parse_hunk_numbers
from genopt_tui.cli.follow import make_event_printer
from genopt_tui.cli.invoke import invoke
from genopt_tui.cli.output import print_line, print_text
from genopt_tui.cli.target import open_journal, open_repository
from genopt_tui.errors import Exit, GenoptError
from genopt_tui.session.commands import (
    Approve,
    AskAgain,
    Command,
    Hint,
    Pause,
    Reject,
    Resume,
    Run,
    SendPrompt,
    SetMode,
)
from genopt_tui.session.history.versions import candidate_letter
from genopt_tui.session.progress import PAUSED, RUNNING, Progress

if TYPE_CHECKING:
    from genopt_tui.session.client import EventFollower
    from genopt_tui.session.journal import Event, Journal

POLL_SECONDS = 0.05  # between two polls of the journal
MAX_RESTARTS = 2  # of a runner that exits before it takes up a command
RESTART_SECONDS = 4.0  # between two starts
DECIDE, PROPOSE, IDLE, IN_PROGRESS = "decide", "propose", "rest", "runs"
KEY_HELP = {
    DECIDE: "a [HUNKS] approve, r REASON reject, v view the edit, g ask again, "
    "n next candidate, h HINT, ? more",
    PROPOSE: "s send the prompt, v view it, h HINT, ? more",
    IDLE: "s one step, p run on, m step|ask|auto, h HINT, ? more",
    IN_PROGRESS: "p pause, h HINT, ? more",
}
COMMAND_KEYS = {
    "u": "undo",
    "t": "rewind",
    "b": "branch",
    "c": "compare",
    "l": "log",
    "d": "set",
    "W": "whatif",
}
"""Keys of the application, and the commands that do the same."""
MORE_HELP = (
    "u undo, t VERSION rewind, b NAME branch, c A B compare, l log, d KEY=VALUE design, "
    "W STEP --set KEY=VALUE what if, hh HINT for every step, q leave; any other genopt command, "
    "without the session's name: status, diff 1 2, show 3"
)
EXCLUDED_COMMANDS = {"open", "new", "demo", "run", "tasks", "ls", "task", "doctor", "clone", "eval"}
"""Commands that are not about a session, or that need the whole terminal."""


class Keyboard:
    """Reads lines from the keyboard with a timeout."""

    def __init__(self) -> None:
        self._file, self._buffer = sys.stdin.fileno(), b""

    def read_line(self, seconds: float) -> str | None:
        """The next whole line, or None if none comes within `seconds`. Raises EOFError at the end
        of the input."""
        if b"\n" not in self._buffer and select.select([self._file], [], [], seconds)[0]:
            chunk = os.read(self._file, 4096)
            if not chunk:
                raise EOFError
            self._buffer += chunk
        if b"\n" not in self._buffer:
            return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("utf-8", "replace").strip()


def run_conversation(path: Path, commands: click.Group) -> int:
    """Print events as lines and ask for answers until the user leaves.

    Without a terminal on standard input, print events until the run ends or a decision is wanted
    (exit code 4). `commands` are the commands that the user may type.
    """
    from genopt_tui.session.client import EventFollower

    invoke(commands, ["status", str(path)])
    with open_journal(path) as journal:
        started = journal.find_last("run_started")
        follower = EventFollower(journal, max(started.id - 1, 0) if started else 0)
        conversation = Conversation(path, journal, follower, make_event_printer(False), commands)
        if sys.stdin.isatty():
            return conversation.run_interactive()
        return conversation.run_unattended()


class Conversation:
    """One conversation about one session."""

    def __init__(
        self,
        path: Path,
        journal: "Journal",
        follower: "EventFollower",
        show_event: "Callable[[Event], None]",
        commands: click.Group,
    ) -> None:
        self.path = path
        self.journal = journal
        self.follower = follower
        self.show_event = show_event
        self.commands = commands
        self.progress = Progress()
        self.runner_alive = False
        self._pending_command: int | None = None
        self._chosen_candidate = -1
        self._restarts_left, self._restart_at = 0, 0.0

    def refresh(self) -> None:
        """Print new events and update the state."""
        from genopt_tui.session.lock import runner_pid
        from genopt_tui.session.progress import load_progress

        for event in self.follower.poll():
            self.show_event(event)
        self.runner_alive = runner_pid(self.path) is not None
        self.progress, _ = load_progress(self.journal)

    def run_unattended(self) -> int:
        """Print events until the run ends or needs an answer, which nobody can give here."""
        while True:
            self.refresh()
            if self.progress.pending and not self.progress.ended:
                return Exit.DECISION_WANTED
            if not self.runner_alive or self.progress.state(self.runner_alive) != RUNNING:
                return Exit.DONE
            time.sleep(POLL_SECONDS)

    def run_interactive(self) -> int:
        """Print events and carry out answers; prompt again when the possible answers change."""
        keyboard, shown_kind = Keyboard(), ""
        while True:
            self.refresh()
            kind = "" if self.is_command_pending() else self.find_prompt_kind()
            if kind and kind != shown_kind:
                print_line(f"[{self.label_candidate(kind)}{KEY_HELP[kind]}]")
                print("> ", end="", flush=True)
            shown_kind = kind or shown_kind
            try:
                answer = keyboard.read_line(POLL_SECONDS)
            except EOFError:
                answer = "q"
            if answer == "q":
                self.print_farewell()
                return Exit.DONE
            if answer is not None:
                self.handle_answer(self.find_prompt_kind(), answer)
                shown_kind = ""

    def find_prompt_kind(self) -> str:
        """Which answers are possible now."""
        if self.progress.pending and not self.progress.ended:
            return str(self.progress.pending["pending"])
        return IN_PROGRESS if self.progress.state(self.runner_alive) == RUNNING else IDLE

    def list_waiting_candidates(self) -> list[int]:
        """Numbers of the candidates that are waiting for a decision."""
        return [int(number) for number in (self.progress.pending or {}).get("candidates", ())]

    def find_current_candidate(self) -> int:
        """The candidate that an answer is about: the newest, unless the user chose another."""
        waiting = self.list_waiting_candidates()
        return self._chosen_candidate if self._chosen_candidate in waiting else waiting[-1]

    def label_candidate(self, prompt_kind: str) -> str:
        """Which candidate an answer is about, if several are waiting."""
        count = len(self.list_waiting_candidates())
        if prompt_kind != DECIDE or count < 2:
            return ""
        letter = candidate_letter(self.find_current_candidate())
        return f"{self.progress.step}{letter}, one of {count}: "

    def is_command_pending(self) -> bool:
        """Whether the runner has not answered our last command yet; restarts a runner that exited
        before it did."""
        from genopt_tui.session.client import ensure_runner

        if (
            self._pending_command is not None
            and self.journal.read_command_result(self._pending_command) is not None
        ):
            self._pending_command = None
        if (
            self._pending_command is not None
            and not self.runner_alive
            and time.monotonic() > self._restart_at
        ):
            if not self._restarts_left:
                print_line(f"the runner keeps exiting: see {self.path / '.genopt' / 'runner.log'}")
                self._pending_command = None
                return False
            self._restarts_left, self._restart_at = (
                self._restarts_left - 1,
                time.monotonic() + RESTART_SECONDS,
            )
            ensure_runner(self.path)
        return self._pending_command is not None

    def print_farewell(self) -> None:
        is_running = self.runner_alive and self.progress.state(True) == RUNNING
        state = "goes on running" if is_running else "stays as it is"
        print_line(f"{self.path.name} {state}; return with: genopt open --plain {self.path.name}")

    def handle_answer(self, prompt_kind: str, line: str) -> None:
        """Carry out one answer. Its effect appears as an event."""
        word, _, rest = line.partition(" ")
        try:
            if not self.dispatch(prompt_kind, word, rest.strip()):
                print_line(f"not understood: {KEY_HELP[prompt_kind]}")
        except GenoptError as error:
            print_line(str(error))

    def dispatch(self, prompt_kind: str, word: str, rest: str) -> bool:
        """Carry out an answer; False if it means nothing here."""
        step = self.progress.step
        if word == "?":
            print_line(MORE_HELP)
        elif word in {"h", "hh"} and rest:
            self.queue_command(Hint(text=rest, always=word == "hh"))
        elif prompt_kind == DECIDE and word in {"a", "r", "g", "v", "n"}:
            self.decide(word, rest, step, self.find_current_candidate())
        elif prompt_kind == PROPOSE and word == "s":
            self.queue_command(SendPrompt(step=step))
        elif prompt_kind == PROPOSE and word == "v":
            self.run_cli_command("prompt", "")
        elif prompt_kind == IDLE and word in {"s", "p"}:
            paused = self.runner_alive and self.progress.state(True) == PAUSED
            go_on = Resume() if paused else Run()
            self.queue_command(Run(steps=1) if word == "s" else go_on)
        elif prompt_kind == IN_PROGRESS and word == "p":
            self.queue_command(Pause())
        elif word == "m" and rest in {"step", "ask", "auto"}:
            self.queue_command(SetMode(mode=rest))
        else:
            return self.run_cli_command(COMMAND_KEYS.get(word, word), rest)
        return True

    def decide(self, word: str, rest: str, step: int, number: int) -> None:
        if word == "a":
            hunks = parse_hunk_numbers(rest.replace(" ", ",")) if rest else None
            self.queue_command(Approve(step=step, candidate=number, hunks=hunks))
        elif word == "r":
            self.queue_command(Reject(step=step, candidate=number, reason=rest))
        elif word == "g":
            self.queue_command(AskAgain(step=step))
        elif word == "n":
            waiting = self.list_waiting_candidates()
            self._chosen_candidate = waiting[(waiting.index(number) + 1) % len(waiting)]
        else:
            self.print_edit(number)

    def queue_command(self, command: Command) -> None:
        """Send a command to the runner, and start one if there is none."""
        from genopt_tui.session.client import ensure_runner

        require_consent(self.path)
        self._pending_command = self.journal.add_command(command)
        self._restarts_left, self._restart_at = MAX_RESTARTS, time.monotonic() + RESTART_SECONDS
        ensure_runner(self.path)

    def run_cli_command(self, name: str, rest: str) -> bool:
        """Run a genopt command on this session; False if there is no command of that name."""
        if name in EXCLUDED_COMMANDS or name not in self.commands.commands:
            return False
        invoke(self.commands, [name, str(self.path), *shlex.split(rest)])
        return True

    def print_edit(self, number: int) -> None:
        """Print a proposal: its reasoning, and its numbered hunks as a unified diff."""
        from genopt_tui.learn.edit.diff import find_hunks

        edit = self.progress.candidates[number].edit or {}
        with open_repository(self.path) as repository:
            old = repository.read_artifact_tree(str((self.progress.batch or {})["tree"]))
            new = repository.read_artifact_tree(str(edit["tree"]))
        print_text(str(edit["reasoning"]))
        for hunk in find_hunks(old, new):
            print_line(f"hunk {hunk.number}: {hunk.file} {hunk.header}")
            print_text("\n".join(f"{row.sign}{row.text}" for row in hunk.rows))
