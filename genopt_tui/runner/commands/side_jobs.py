"""Commands that ask for scores beside the steps. They are carried out between phases."""

import asyncio
from typing import cast

from genopt_tui.errors import GenoptError, SessionError
from genopt_tui.runner.commands.session_control import SessionControl
from genopt_tui.runner.machine import Phase
from genopt_tui.runner.side_jobs import SideJobs
from genopt_tui.session import commands
from genopt_tui.session.commands import CommandResult
from genopt_tui.task.rollout import Split


class SideJobHandlers:
    """Handlers of evaluate, fill, trace, hunks and drop."""

    def __init__(self, control: SessionControl) -> None:
        self.control, self.context = control, control.context
        self.side_jobs = SideJobs(self.context)
        self._queued: dict[str, Phase] = {}
        self._running_token = ""

    async def evaluate(self, command: commands.Evaluate) -> CommandResult:
        commit = self.context.repository.resolve(command.version)
        starter = self.control.machine.starter
        self.control.queued_phases.append(lambda: starter.score_version(commit))
        return CommandResult()

    async def fill_scores(self, command: commands.FillScores) -> CommandResult:
        for version in command.versions:
            self.context.repository.objects.read_commit(version)
        jobs, token = self.side_jobs, command.token
        self._enqueue(token, lambda: jobs.run_missing(command.versions, command.examples, token))
        return CommandResult()

    async def run_traced(self, command: commands.RunTraced) -> CommandResult:
        commits = [self.context.repository.resolve(version) for version in command.versions]
        jobs, split, token = self.side_jobs, cast(Split, command.split), command.token
        self._enqueue(
            token, lambda: jobs.run_traced(commits, split, command.example, command.repeat, token)
        )
        return CommandResult()

    async def score_hunks(self, command: commands.ScoreHunks) -> CommandResult:
        jobs, token = self.side_jobs, command.token
        if command.version is not None:
            commit = self.context.repository.resolve(command.version)
            self._enqueue(token, lambda: jobs.score_hunks(commit, token))
        elif command.step is not None:
            step, number = command.step, command.candidate
            self._enqueue(token, lambda: jobs.score_pending_hunks(step, number, token))
        else:
            raise SessionError("which edit?", "the command names neither a version nor a step")
        return CommandResult()

    async def drop(self, command: commands.DropSideJob) -> CommandResult:
        token = command.token
        if token == self._running_token:
            await self.control.runner.interrupt()
        elif token in self._queued:
            self.control.queued_phases.remove(self._queued.pop(token))
            self.side_jobs.record_failure(token, "it was dropped before it began")
        else:
            raise SessionError("nothing to drop", "that work is over")
        return CommandResult(why="finished rollouts are kept")

    def _enqueue(self, token: str, work: Phase) -> None:
        """Do this between phases; what goes wrong in it ends no run."""

        async def phase() -> None:
            self._queued.pop(token, None)
            self._running_token = token
            try:
                await work()
            except GenoptError as error:
                self.side_jobs.record_failure(token, str(error))
            except asyncio.CancelledError:  # by an act on history; clients wait for this job
                self.side_jobs.record_failure(token, "it was ended before it was done: ask again")
                raise
            finally:
                self._running_token = ""

        self._queued[token] = phase
        self.control.queued_phases.append(phase)
