"""The runner: takes up commands, does one phase after the other, and ends when nobody needs it."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from genopt_tui.config import SessionSettings
from genopt_tui.errors import BudgetStop, Exit, GenoptError, ProposerPause
from genopt_tui.loop.asking import keep_pieces
from genopt_tui.loop.book import Book
from genopt_tui.loop.budget import Ledger
from genopt_tui.loop.cache import JournalCache
from genopt_tui.loop.commands import Commands
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.machine import Machine, Phase
from genopt_tui.loop.standing import Standings
from genopt_tui.session.journal import Journal
from genopt_tui.session.progress import Progress
from genopt_tui.session.repository import Repository

POLL = 0.05  # seconds between two looks for commands
LINGER = 2.0  # seconds a runner stays after its work, for a command that follows
PAUSED = 60.0  # seconds a runner stays with a run that a person paused; the next one goes on from the journal
UNBOUNDED = 20  # steps of a run that nothing else would end
FREE_AFTER = 60.0  # seconds of waiting after which the pool's processes are ended


class Runner:
    """Runs the loop of one session. The caller holds the session's lock."""

    def __init__(self, session: Path) -> None:
        self.book = Book(Journal(session))
        repository = Repository.open(session)
        repository.recover()
        settings = SessionSettings.load(session)
        cache = JournalCache(self.book, int((self.book.p.run or {}).get("last_rollout", 0)))
        ledger = Ledger(self.book, unjournaled(repository, self.book))
        self.desk = Desk(session, self.book, repository, settings, cache, ledger)
        self.machine = Machine(self.desk)
        self.standings = Standings(self.desk)
        self.commands = Commands(self)
        self.ended = False
        self._stopping: tuple[str, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._active_at = time.monotonic()
        self._gave_up = self._failed = False

    # the loop

    async def serve(self) -> None:
        """Work until nothing is wanted. A run that was cut off goes on where its last event left it."""
        keep_pieces(self.book)
        try:
            while not self.ended:
                await self._take_commands()
                if not self._advance():
                    await asyncio.sleep(POLL)
                elif self._task:
                    await asyncio.wait([self._task], timeout=POLL)
        finally:
            await self.interrupt()
            await self.desk.close()
            self.book.close()

    def stop(self, reason: str, code: int = Exit.DONE, *, at_once: bool = False) -> None:
        """End the run after the present phase (a model call is part of it), and the runner with it."""
        self._stopping = (reason, code)
        self.hold()
        if at_once and self._task:
            self._task.cancel()

    def hold(self) -> None:
        """Begin nothing new; rollouts are cancelled (finished ones are kept), a model call goes on to its end."""
        self.desk.held = True
        if self._task and not self.desk.asking:
            self._task.cancel()

    async def interrupt(self) -> None:
        """End the present phase at once; what arrived of a reply is kept."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.desk.ledger.working(False)

    @property
    def active(self) -> bool:
        """Whether a run is wanted and not over."""
        return bool(self.book.p.run) and not self.book.p.finished

    def start_run(self, data: dict[str, Any]) -> None:
        """Begin a run, or go on with the one that was cut off."""
        p, journal = self.book.p, self.book.journal
        old = p.run or {}
        steps = data.get("steps")
        if steps is None and self.active and old.get("steps") is not None:
            steps = max(int(old["steps"]) - self.steps_done(), 0)
        if steps is None and data.get("until") is None and not self.desk.settings.budget.limits():
            steps = UNBOUNDED
        if p.batch is None or p.ended:
            self.desk.cache.since = journal.last_rollout()
        self.book.say(
            "run_started",
            step=0,
            mode=self.desk.settings.mode,
            steps=steps,
            until=data.get("until"),
            no_wait=bool(data.get("no_wait")),
            model=self.desk.settings.model,
            name=self.desk.proposer().name,
            pid=os.getpid(),
            sandbox=self.desk.sandbox or self.desk.settings.sandbox.kind,
            workers=self.desk.settings.workers,
            last_rollout=self.desk.cache.since,
        )
        self.go_on()

    def go_on(self) -> None:
        """Begin phases again after a pause or a stop."""
        self.desk.held = self._gave_up = False

    def end_run(self, reason: str, code: int = Exit.DONE) -> None:
        """Say that the run is over, and what came of it."""
        self.desk.ledger.working(False)
        self.desk.ledger.say(self.desk.settings.budget)
        best, choices = self.standings.reported(), self.desk.choices(self.desk.repository.head())
        task = self.desk.task(choices).task
        told = {"steps": self.steps_done(), "best": best, "rule": task.scored_by(task.resolve(choices.task))}
        self.book.say("run_finished", step=0, reason=reason, code=int(code), **told)

    def steps_done(self) -> int:
        """Steps that ended in the present run."""
        started = self.book.journal.last("run_started")
        return self.book.ended_steps(started.id) if started else 0

    # inside

    async def _take_commands(self) -> None:
        if self.book.journal.changed():
            for command in self.book.journal.commands():
                await self.commands.take(command)
                self._failed = False
                self._active_at = time.monotonic()

    def _advance(self) -> bool:
        """Look after the present phase, or begin the next one. False when there is nothing to do now."""
        if self._task and not self._task.done():
            return True
        if self._task:
            self._finished(self._task)
            self._task = None
        if self._stopping:
            self._stop_now()
            return False
        phase = self._next()
        if phase is None:
            self._rest()
            return False
        self._active_at = time.monotonic()
        self.desk.ledger.working(True)
        self._task = asyncio.create_task(phase())  # type: ignore[arg-type]
        return True

    def _next(self) -> Phase | None:
        p = self.book.p
        if self.active and not p.paused and (p.batch is None or p.ended) and self._run_over(p):
            return None
        if self.active and p.pending and (p.run or {}).get("no_wait"):
            self.end_run("a decision is wanted", Exit.DECISION_WANTED)
            return None
        if errand := self.commands.errand():
            return errand
        if self._failed and not self.active:
            return None  # what a person wished failed: it is tried again when the person asks for something
        return self.machine.next(active=self.active, paused=bool(p.paused))

    def _run_over(self, p: Progress) -> bool:
        """End the run where it has reached what was asked of it, or a budget."""
        run = p.run or {}
        if run.get("steps") is not None and self.steps_done() >= int(run["steps"]):
            self.end_run("1 step done" if run["steps"] == 1 else f"{run['steps']} steps done")
        elif run.get("until") is not None and self.standings.reached(float(run["until"])):
            self.end_run(f"{run['until']:g} reached")
        else:
            try:
                self.desk.check_budget(new_step=True, idle_steps=self.standings.idle_steps())
            except BudgetStop as stop:
                self.end_run(str(stop), Exit.BUDGET)
        return not self.active

    def _finished(self, task: asyncio.Task[None]) -> None:
        """Take note of how a phase ended."""
        self.desk.ledger.working(False)
        error = None if task.cancelled() else task.exception()
        self._failed = isinstance(error, GenoptError)
        if isinstance(error, BudgetStop):
            self.end_run(str(error), Exit.BUDGET)
        elif isinstance(error, ProposerPause):  # a person is needed; the step stays open
            self.book.say("paused", step=0, why=str(error), code=int(error.exit_code))
            self._gave_up = True
        elif isinstance(error, GenoptError):
            message = f"{error.what}: {error.why}" if error.why else error.what
            self.book.say("error", step=0, message=message, advice=error.advice, detail=type(error).__name__)
            self.end_run(str(error), error.exit_code)
        elif error:
            raise error
        else:
            self.desk.ledger.say(self.desk.settings.budget)

    def _rest(self) -> None:
        """Nothing to do: wait for a person, or end."""
        self.desk.ledger.working(False)
        quiet = time.monotonic() - self._active_at
        paused = self.active and bool(self.book.p.paused)
        if (paused or not self.active) and quiet > (PAUSED if paused and not self._gave_up else LINGER):
            self.ended = True
        elif quiet > FREE_AFTER:
            self._active_at = time.monotonic()
            self._task = asyncio.create_task(self.desk.free())

    def _stop_now(self) -> None:
        if self._stopping and self.active:
            self.end_run(*self._stopping)
        self.ended = True


def unjournaled(repository: Repository, book: Book) -> list[Any]:
    """Records of steps that git holds and the journal does not (it was deleted)."""
    if book.journal.first_step() == 1 or repository.is_new():
        return []
    known = {event.step for event in book.journal.events(kinds=["step_ended"])}
    lost = [v for v in repository.log(all=True) if v.step and v.step not in known and v.decision != "design"]
    return [repository.record(v.commit) for v in lost if v.step != book.step]
