"""Carries out the commands of clients: one handler for each class of command.

A command is marked as done only after its effect is durable, and every effect may be repeated: a
runner that died in between takes the command up again.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from genopt_tui.errors import GenoptError, SessionError
from genopt_tui.runner.commands.decisions import DecisionHandlers
from genopt_tui.runner.commands.history import HistoryHandlers
from genopt_tui.runner.commands.run import RunHandlers
from genopt_tui.runner.commands.session_control import RunnerControl, SessionControl
from genopt_tui.runner.commands.side_jobs import SideJobHandlers
from genopt_tui.runner.machine import Phase
from genopt_tui.session import commands
from genopt_tui.session.commands import Command, CommandResult
from genopt_tui.session.journal import CommandRow

OS_ERROR_ADVICE = "Free space or rights on the disk, then try again"
C = TypeVar("C", bound=Command)


class CommandDispatcher:
    """Gives each command of the journal to its handler, and the result back to the journal."""

    def __init__(self, runner: RunnerControl) -> None:
        self.context = runner.context
        self._control = SessionControl(runner)
        self._handlers: dict[type[Command], Callable[[Any], Awaitable[CommandResult]]] = {}
        self._register_handlers()

    def _register_handlers(self) -> None:
        run = RunHandlers(self._control)
        self._on(commands.Run, run.run)
        self._on(commands.Pause, run.pause)
        self._on(commands.Resume, run.resume)
        self._on(commands.Stop, run.stop)
        self._on(commands.SetMode, run.set_mode)
        self._on(commands.SetOptions, run.set_options)
        self._on(commands.Hint, run.hint)
        self._on(commands.SetExamples, run.set_examples)
        decisions = DecisionHandlers(self._control)
        self._on(commands.SendPrompt, decisions.send_prompt)
        self._on(commands.PreviewPrompt, decisions.preview_prompt)
        self._on(commands.StageChoices, decisions.stage_choices)
        self._on(commands.WhatIf, decisions.whatif)
        self._on(commands.Approve, decisions.approve)
        self._on(commands.Reject, decisions.reject)
        self._on(commands.AskAgain, decisions.ask_again)
        self._on(commands.Reply, decisions.reply)
        history = HistoryHandlers(self._control)
        self._on(commands.Rewind, history.rewind)
        self._on(commands.Switch, history.switch)
        self._on(commands.Undo, history.undo)
        self._on(commands.Redo, history.redo)
        self._on(commands.Branch, history.branch)
        self._on(commands.Tag, history.tag)
        self._on(commands.Note, history.note)
        self._on(commands.RecordTestOpening, history.record_test_opening)
        self._on(commands.StoreTask, history.store_task)
        self._on(commands.AcceptEdits, history.accept_edits)
        self._on(commands.Revive, history.revive)
        self._on(commands.Pick, history.pick)
        side_jobs = SideJobHandlers(self._control)
        self._on(commands.Evaluate, side_jobs.evaluate)
        self._on(commands.FillScores, side_jobs.fill_scores)
        self._on(commands.RunTraced, side_jobs.run_traced)
        self._on(commands.ScoreHunks, side_jobs.score_hunks)
        self._on(commands.DropSideJob, side_jobs.drop)

    def _on(self, command: type[C], handler: Callable[[C], Awaitable[CommandResult]]) -> None:
        self._handlers[command] = handler

    async def execute(self, row: CommandRow) -> None:
        """Carry out one command and store its result."""
        event_log, step = self.context.event_log, self.context.event_log.step
        try:
            command = commands.decode_command(row.kind, row.data)
            self._require_same_head(command.head)
            result = await self._handlers[type(command)](command)
        except GenoptError as error:
            result = CommandResult(False, str(error))
        except OSError as error:  # a full disk: the command failed, the runner goes on
            result = CommandResult(False, f"{row.kind}: {error}. {OS_ERROR_ADVICE}")
        except Exception:
            # a fault of ours ends the runner; answered, so that the next one does not repeat it
            why = f"{row.kind}: internal error, see .genopt/runner.log"
            event_log.journal.finish_command(row, CommandResult(False, why), step=step)
            event_log.flush()
            raise
        event_log.journal.finish_command(row, result, step=step)
        event_log.flush()
        event_log.sync()

    def take_phase(self) -> Phase | None:
        """A phase that a command asked for, to be done between the phases of steps."""
        queue = self._control.queued_phases
        return queue.pop(0) if queue else None

    def _require_same_head(self, expected: str | None) -> None:
        if expected and expected != self.context.repository.head():
            raise SessionError(
                "the head has moved since", f"it was {expected[:7]}", "Look again, then decide"
            )
