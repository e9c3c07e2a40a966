"""`genopt open --plain`: the session as lines, and a prompt whenever a person is wanted. Made for screen readers, too."""

import os
import select
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.cli.acting import numbers
from genopt_tui.cli.common import consent, journal_of, say, say_text
from genopt_tui.errors import Exit, GenoptError
from genopt_tui.session.history import letter
from genopt_tui.session.progress import PAUSED, RUNNING, Progress

if TYPE_CHECKING:
    from genopt_tui.session.journal import Journal

POLL = 0.05  # seconds between two looks at the journal
STARTS, STARTS_EVERY = 2, 4.0  # how often, and after how many seconds, a runner that went away is started again
DECIDE, PROPOSE, REST, RUNS = "decide", "propose", "rest", "runs"
MEANT = {
    DECIDE: "a [HUNKS] approve, r REASON reject, v view the edit, g ask again, n next candidate, h HINT, ? more",
    PROPOSE: "s send the prompt, v view it, h HINT, ? more",
    REST: "s one step, p run on, m step|ask|auto, h HINT, ? more",
    RUNS: "p pause, h HINT, ? more",
}
ANYWHERE = {"u": "undo", "t": "rewind", "b": "branch", "c": "compare", "l": "log", "d": "set", "W": "whatif"}
"""Letters of the application's keys that stand for commands of the command line."""
MORE = (
    "u undo, t VERSION take back, b NAME branch, c A B compare, l log, d KEY=VALUE design, W STEP --set KEY=VALUE what if, "
    "hh HINT for every step, q leave; any other command of genopt, without the session's name: status, diff 1 2, show 3"
)
ELSEWHERE = {"open", "new", "demo", "run", "tasks", "ls", "task", "doctor", "clone", "eval"}
"""Commands that are about no session, or take the terminal for themselves."""


class Keyboard:
    """Lines that a person types, taken without waiting for them."""

    def __init__(self) -> None:
        self._file, self._typed = sys.stdin.fileno(), b""

    def line(self, seconds: float) -> str | None:
        """The next whole line, waited for at most so long; None when none has come. Raises EOFError at the end."""
        if b"\n" not in self._typed and select.select([self._file], [], [], seconds)[0]:
            piece = os.read(self._file, 4096)
            if not piece:
                raise EOFError
            self._typed += piece
        if b"\n" not in self._typed:
            return None
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace").strip()


def converse(path: Path) -> int:
    """Tell events as lines and ask where a person is wanted, until the person leaves.

    Without a keyboard it only tells: until the run is over, or a decision is wanted (exit code 4).
    """
    from genopt_tui.cli.running import printer
    from genopt_tui.session.client import Follower

    call("status", path)
    with journal_of(path) as journal:
        started = journal.last("run_started")
        follower = Follower(journal, max(started.id - 1, 0) if started else 0)
        talk = Talk(path, journal, follower, printer(False))
        return talk.with_person() if sys.stdin.isatty() else talk.alone()


def call(name: str, path: Path, *words: str) -> int:
    """A command of the command line on this session; it says itself what came of it."""
    from genopt_tui.__main__ import call

    return call([name, str(path), *words])


class Talk:
    """One conversation about one session."""

    def __init__(self, path: Path, journal: "Journal", follower: Any, show: Callable[[Any], None]) -> None:
        self.path, self.journal, self.follower, self.show = path, journal, follower, show
        self.progress, self.alive = Progress(), False
        self._left: int | None = None
        self._chosen = -1
        self._starts, self._again_at = 0, 0.0

    def look(self) -> None:
        """Tell what is new."""
        from genopt_tui.session.client import runner_pid
        from genopt_tui.session.progress import latest

        for event in self.follower.poll():
            self.show(event)
        self.alive = runner_pid(self.path) is not None
        self.progress, _ = latest(self.journal)

    def alone(self) -> int:
        """Nobody can answer: tell until there is nothing more to tell."""
        while True:
            self.look()
            if self.progress.pending and not self.progress.ended:
                return Exit.DECISION_WANTED
            if not self.alive or self.progress.state(self.alive) != RUNNING:
                return Exit.DONE
            time.sleep(POLL)

    def with_person(self) -> int:
        """Tell, and do what is typed; a question stands whenever what can be answered changes."""
        keyboard, asked = Keyboard(), ""
        while True:
            self.look()
            place = "" if self.waits() else self.place()
            if place and place != asked:
                say(f"[{self.named(place)}{MEANT[place]}]")
                print("> ", end="", flush=True)
            asked = place or asked
            try:
                answer = keyboard.line(POLL)
            except EOFError:
                answer = "q"
            if answer == "q":
                self.farewell()
                return Exit.DONE
            if answer is not None:
                self.answer(self.place(), answer)
                asked = ""

    def place(self) -> str:
        """What can be answered now."""
        if self.progress.pending and not self.progress.ended:
            return str(self.progress.pending["pending"])
        return RUNS if self.progress.state(self.alive) == RUNNING else REST

    def candidates(self) -> list[int]:
        """Numbers of the candidates that wait for a decision."""
        return [int(number) for number in (self.progress.pending or {}).get("candidates", ())]

    def candidate(self) -> int:
        """The one that is talked about: the newest, unless the person went to another."""
        waiting = self.candidates()
        return self._chosen if self._chosen in waiting else waiting[-1]

    def named(self, place: str) -> str:
        """Which candidate an answer is about, where several wait."""
        if place != DECIDE or len(self.candidates()) < 2:
            return ""
        return f"{self.progress.step}{letter(self.candidate())}, one of {len(self.candidates())}: "

    def waits(self) -> bool:
        """Whether a command of this conversation has not been taken up yet; a runner that ended meanwhile is started again."""
        from genopt_tui.session.client import ensure_runner

        if self._left is not None and self.journal.outcome(self._left) is not None:
            self._left = None
        if self._left is not None and not self.alive and time.monotonic() > self._again_at:
            if not self._starts:
                say(f"the runner does not stay: see {self.path / '.genopt' / 'runner.log'}")
                self._left = None
                return False
            self._starts, self._again_at = self._starts - 1, time.monotonic() + STARTS_EVERY
            ensure_runner(self.path)
        return self._left is not None

    def farewell(self) -> None:
        goes_on = self.alive and self.progress.state(True) == RUNNING
        say(f"{self.path.name} {'goes on' if goes_on else 'is left as it is'}. genopt open --plain {self.path.name}")

    def answer(self, place: str, line: str) -> None:
        """Carry out one answer. What comes of it is told as an event."""
        word, _, rest = line.partition(" ")
        try:
            if not self.act(place, word, rest.strip()):
                say(f"not understood: {MEANT[place]}")
        except GenoptError as error:
            say(str(error))

    def act(self, place: str, word: str, rest: str) -> bool:
        """Whether the answer meant something here."""
        step = self.progress.step
        if word == "?":
            say(MORE)
        elif word in {"h", "hh"} and rest:
            self.leave("hint", text=rest, always=word == "hh")
        elif place == DECIDE and word in {"a", "r", "g", "v", "n"}:
            self.decide(word, rest, step, self.candidate())
        elif place == PROPOSE and word == "s":
            self.leave("propose", step=step)
        elif place == PROPOSE and word == "v":
            call("prompt", self.path)
        elif place == REST and word in {"s", "p"}:
            paused = self.alive and self.progress.state(True) == PAUSED
            self.leave("resume" if paused and word == "p" else "run", **({"steps": 1} if word == "s" else {}))
        elif place == RUNS and word == "p":
            self.leave("pause")
        elif word == "m" and rest in {"step", "ask", "auto"}:
            self.leave("mode", mode=rest)
        else:
            return self.command(ANYWHERE.get(word, word), rest)
        return True

    def decide(self, word: str, rest: str, step: int, number: int) -> None:
        if word == "a":
            chosen = {"hunks": numbers(rest.replace(" ", ","))} if rest else {}
            self.leave("approve", step=step, candidate=number, **chosen)
        elif word == "r":
            self.leave("reject", step=step, candidate=number, reason=rest)
        elif word == "g":
            self.leave("again", step=step)
        elif word == "n":
            waiting = self.candidates()
            self._chosen = waiting[(waiting.index(number) + 1) % len(waiting)]
        else:
            self.view(number)

    def leave(self, kind: str, /, **data: Any) -> None:
        """Leave a command for the runner, and see that there is one."""
        from genopt_tui.session.client import ensure_runner

        consent(self.path)
        self._left = self.journal.command(kind, **data)
        self._starts, self._again_at = STARTS, time.monotonic() + STARTS_EVERY
        ensure_runner(self.path)

    def command(self, name: str, rest: str) -> bool:
        """A command of the command line; False where there is none of that name that fits here."""
        from genopt_tui.cli import command

        if name in ELSEWHERE or name not in command.commands:
            return False
        call(name, self.path, *shlex.split(rest))
        return True

    def view(self, number: int) -> None:
        """The edit that waits: its reasoning, and its hunks by number as a unified diff."""
        from genopt_tui.cli.common import repository_of
        from genopt_tui.learn.diff import hunks

        edit = self.progress.candidates[number].edit or {}
        with repository_of(self.path) as repository:
            old = repository.files_of(str((self.progress.batch or {})["tree"]))
            new = repository.files_of(str(edit["tree"]))
        say_text(str(edit["reasoning"]))
        for hunk in hunks(old, new):
            say(f"hunk {hunk.number}: {hunk.file} {hunk.header}")
            say_text("\n".join(f"{row.sign}{row.text}" for row in hunk.rows))
