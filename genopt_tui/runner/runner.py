"""The runner: takes up commands, does one phase after the other, and ends when nobody needs it."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from genopt_tui.config import SessionSettings
from genopt_tui.errors import BudgetStop, Exit, GenoptError, ProposerPause, TaskChanged
from genopt_tui.runner.budget import Ledger
from genopt_tui.runner.candidate import store_broken_replies
from genopt_tui.runner.commands.dispatch import OS_ERROR_ADVICE, CommandDispatcher
from genopt_tui.runner.context import RunContext
from genopt_tui.runner.event_log import EventLog
from genopt_tui.runner.machine import Machine, Phase
from genopt_tui.runner.ranking import Ranking
from genopt_tui.runner.scoring import JournalCache
from genopt_tui.session.commands import Run
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Journal
from genopt_tui.session.progress import Progress

POLL = 0.05  # seconds between two looks for commands
LINGER = 2.0  # seconds a runner stays after its work, for a command that follows
# seconds a runner stays with a run that a person paused; the next one goes on from the journal
PAUSED_LINGER = 60.0
DEFAULT_STEPS = 20  # steps of a run that nothing else would end
MAX_TASK_CHANGES = 3  # a task that writes into its own folder changes with every phase
FREE_AFTER = 60.0  # seconds of waiting after which the pool's processes are ended


class Runner:
    """Runs the loop of one session. The caller holds the session's lock."""

    def __init__(self, session: Path) -> None:
        self.event_log = EventLog(Journal(session))
        repository = Repository.open(session)
        repository.recover()
        settings = SessionSettings.load(session)
        cache = JournalCache(
            self.event_log, int((self.event_log.p.run or {}).get("last_rollout", 0))
        )
        ledger = Ledger(self.event_log, find_unjournaled_records(repository, self.event_log))
        self.context = RunContext(session, self.event_log, repository, settings, cache, ledger)
        self.machine = Machine(self.context)
        self.ranking = Ranking(self.context)
        self.dispatcher = CommandDispatcher(self)
        self.ended = False
        self._stop_request: tuple[str, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._last_active = time.monotonic()
        self._needs_person = self._failed = False
        self._task_changes = 0  # phases in a row that a change of the task's files ended

    # the loop

    async def serve(self) -> None:
        """Work until nothing is wanted. A run that was cut off goes on where its last event left
        it."""
        store_broken_replies(self.event_log)
        try:
            while not self.ended:
                await self._take_commands()
                if not self._advance():
                    await asyncio.sleep(POLL)
                elif self._task:
                    await asyncio.wait([self._task], timeout=POLL)
        finally:
            await self.interrupt()
            await self.context.close()
            self.event_log.close()

    def stop(self, reason: str, code: int = Exit.DONE) -> None:
        """End the run and the runner. The present phase is cancelled, with its model calls: what
        arrived of a reply and finished rollouts are kept.
        """
        self._stop_request = (reason, code)
        self.suspend()
        if self._task:
            self._task.cancel()

    def suspend(self) -> None:
        """Begin nothing new; rollouts are cancelled (finished ones are kept), a model call goes on
        to its end."""
        self.context.suspended = True
        if self._task and not self.context.calls_in_flight:
            self._task.cancel()

    async def interrupt(self) -> None:
        """End the present phase at once; what arrived of a reply is kept."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.context.ledger.set_working(False)

    @property
    def active(self) -> bool:
        """Whether a run is wanted and not over."""
        return bool(self.event_log.p.run) and not self.event_log.p.finished

    def start_run(self, command: Run) -> None:
        """Begin a run, or go on with the one that was cut off."""
        p, journal = self.event_log.p, self.event_log.journal
        old = p.run or {}
        steps = command.steps
        if steps is None and self.active and old.get("steps") is not None:
            steps = max(int(old["steps"]) - self.count_steps_done(), 0)
        if steps is None and command.until is None and not self.context.settings.budget.limits():
            steps = DEFAULT_STEPS
        if p.batch is None or p.ended:
            self.context.cache.since = journal.last_rollout_id()
        self.event_log.append(
            "run_started",
            step=0,
            mode=self.context.settings.mode,
            steps=steps,
            until=command.until,
            no_wait=command.no_wait,
            model=self.context.settings.model,
            name=self.context.get_proposer().name,
            pid=os.getpid(),
            sandbox=self.context.sandbox or self.context.settings.sandbox.kind,
            workers=self.context.settings.workers,
            last_rollout=self.context.cache.since,
        )
        self.resume()

    def resume(self) -> None:
        """Begin phases again after a pause or a stop."""
        self.context.suspended = self._needs_person = False

    def end_run(self, reason: str, code: int = Exit.DONE) -> None:
        """Say that the run is over, and what came of it."""
        self.context.ledger.set_working(False)
        self.context.ledger.report(self.context.settings.budget)
        best, choices = (
            self.ranking.describe_result(),
            self.context.load_choices(self.context.repository.head()),
        )
        task = self.context.load_task(choices).task
        told = {
            "steps": self.count_steps_done(),
            "best": best,
            "rule": task.describe_scoring(task.resolve_settings(choices.task)),
        }
        self.event_log.append("run_finished", step=0, reason=reason, code=int(code), **told)

    def count_steps_done(self) -> int:
        """Steps that ended in the present run."""
        started = self.event_log.journal.find_last("run_started")
        return self.event_log.count_ended_steps(started.id) if started else 0

    # inside

    async def _take_commands(self) -> None:
        if self.event_log.journal.has_changed():
            for command in self.event_log.journal.read_commands():
                await self.dispatcher.execute(command)
                self._failed = False
                self._last_active = time.monotonic()

    def _advance(self) -> bool:
        """Look after the present phase, or begin the next one. False when there is nothing to do
        now."""
        if self._task and not self._task.done():
            return True
        if self._task:
            self._handle_phase_end(self._task)
            self._task = None
        if self._stop_request:
            self._stop_now()
            return False
        phase = self._next_phase()
        if phase is None:
            self._idle()
            return False
        self._last_active = time.monotonic()
        self.context.ledger.set_working(True)
        self._task = asyncio.create_task(phase())  # type: ignore[arg-type]
        return True

    def _next_phase(self) -> Phase | None:
        p = self.event_log.p
        if (
            self.active
            and not p.paused
            and (p.batch is None or p.ended)
            and self._end_run_if_over(p)
        ):
            return None
        if self.active and p.pending and (p.run or {}).get("no_wait"):
            self.end_run("a decision is wanted", Exit.DECISION_WANTED)
            return None
        if errand := self.dispatcher.take_phase():
            return errand
        if self._failed and not self.active:
            # what a person wished failed: it is tried again when the person asks for something
            return None
        return self.machine.next(active=self.active, paused=bool(p.paused))

    def _end_run_if_over(self, p: Progress) -> bool:
        """End the run where it has reached what was asked of it, or a budget."""
        run = p.run or {}
        if run.get("steps") is not None and self.count_steps_done() >= int(run["steps"]):
            self.end_run("1 step done" if run["steps"] == 1 else f"{run['steps']} steps done")
        elif run.get("until") is not None and self.ranking.has_reached(float(run["until"])):
            self.end_run(f"{run['until']:g} reached")
        elif ceiling := self.ranking.describe_ceiling():
            self.end_run(f"{ceiling}: nothing is left to gain")
        else:
            try:
                self.context.check_budget(new_step=True, idle_steps=self.ranking.count_idle_steps())
            except BudgetStop as stop:
                self.end_run(str(stop), Exit.BUDGET)
        return not self.active

    def _handle_phase_end(self, task: asyncio.Task[None]) -> None:
        """Take note of how a phase ended."""
        self.context.ledger.set_working(False)
        error = None if task.cancelled() else task.exception()
        self._failed = isinstance(error, GenoptError)
        if isinstance(error, BudgetStop):
            self.end_run(str(error), Exit.BUDGET)
        elif isinstance(error, TaskChanged) and self._task_changes < MAX_TASK_CHANGES:
            # the phase begins again, with the files as they are now
            self._failed = False
            self._task_changes += 1
            self.event_log.append(
                "notice", step=0, candidate=None, text=f"{error}: scored again", path=None
            )
        elif isinstance(error, ProposerPause):  # a person is needed; the step stays open
            self.event_log.append("paused", step=0, why=str(error), code=int(error.exit_code))
            self._needs_person = True
        elif isinstance(error, GenoptError):
            message = f"{error.what}: {error.why}" if error.why else error.what
            self.event_log.append(
                "error", step=0, message=message, advice=error.advice, detail=type(error).__name__
            )
            self.end_run(str(error), error.exit_code)
        elif isinstance(error, OSError):  # a full disk, most often
            message = f"{type(error).__name__}: {error}"
            self.event_log.append(
                "error", step=0, message=message, advice=OS_ERROR_ADVICE, detail=""
            )
            self._failed = True
            self.end_run(message, Exit.FAILED)
        elif error:
            raise error
        else:
            self._task_changes = 0
            self.context.ledger.report(self.context.settings.budget)

    def _idle(self) -> None:
        """Nothing to do: wait for a person, or end."""
        self.context.ledger.set_working(False)
        quiet = time.monotonic() - self._last_active
        paused = self.active and bool(self.event_log.p.paused)
        if (paused or not self.active) and quiet > (
            PAUSED_LINGER if paused and not self._needs_person else LINGER
        ):
            self.ended = True
        elif quiet > FREE_AFTER:
            self._last_active = time.monotonic()
            self._task = asyncio.create_task(self.context.free_pool())

    def _stop_now(self) -> None:
        if self._stop_request and self.active:
            self.end_run(*self._stop_request)
        self.ended = True


def find_unjournaled_records(repository: Repository, event_log: EventLog) -> list[Any]:
    """Records of steps that git holds and the journal does not (it was deleted)."""
    if event_log.journal.first_step() == 1 or repository.is_new():
        return []
    known = {event.step for event in event_log.journal.read_events(kinds=["step_ended"])}
    lost = [
        v
        for v in repository.read_log(all_branches=True)
        if v.step and v.step not in known and v.decision != "design"
    ]
    return [repository.read_record(v.commit) for v in lost if v.step != event_log.step]
