"""Commands that steer a run: begin, pause and end it, change choices, settings, hints and
examples."""

from collections.abc import Sequence

from genopt_tui.config import (
    ALIASES,
    DesignChoices,
    SessionSettings,
    assign,
    format_exclusion,
    list_setting_keys,
)
from genopt_tui.errors import UsageError
from genopt_tui.runner.commands.session_control import SessionControl
from genopt_tui.runner.context import assign_choices
from genopt_tui.session import commands
from genopt_tui.session.commands import CommandResult
from genopt_tui.session.git.refs import ACTS
from genopt_tui.session.progress import read_pending_input


class RunHandlers:
    """Handlers of run, pause, resume, stop, mode, set, hint and examples."""

    def __init__(self, control: SessionControl) -> None:
        self.runner, self.context, self.machine = control.runner, control.context, control.machine

    async def run(self, command: commands.Run) -> CommandResult:
        if not self.context.settings.model:
            raise UsageError(
                "no model is set",
                advice="genopt set model=NAME, command:PROGRAM, manual, search or replay:FILE",
            )
        if command.record:
            self.context.settings.record = command.record
        if command.mode:
            self._assign_settings([f"mode={command.mode}"])
        self.context.get_proposer()
        if self.context.event_log.p.paused:
            self._resume()
            if self.runner.active and command.steps is None:
                return CommandResult(why="resumed")
        self.runner.start_run(command)
        return CommandResult()

    async def pause(self, command: commands.Pause) -> CommandResult:
        if self.context.event_log.p.paused:
            return CommandResult(why="paused already")
        self.context.event_log.append("paused", step=0, why=command.why or "paused by a person")
        self.runner.suspend()
        if self.context.calls_in_flight:
            return CommandResult(why="after the model call under way")
        return CommandResult()

    async def resume(self, command: commands.Resume) -> CommandResult:
        self._resume()
        return CommandResult()

    async def stop(self, command: commands.Stop) -> CommandResult:
        self.runner.stop("stopped")
        return CommandResult()

    async def set_mode(self, command: commands.SetMode) -> CommandResult:
        self._assign_settings([f"mode={command.mode}"])
        return CommandResult()

    async def set_options(self, command: commands.SetOptions) -> CommandResult:
        """Settings count from the next phase on; design choices are collected for the next step."""
        return CommandResult(why=self._set_pairs(command.pairs))

    def _resume(self) -> None:
        self.runner.resume()
        if self.context.event_log.p.paused:
            self.context.event_log.append("resumed", step=0, why="")

    def _set_pairs(self, pairs: Sequence[str]) -> str:
        """Returns a remark for people."""
        head = self.context.load_choices(self.context.repository.head())
        design = [pair for pair in pairs if self._is_design(pair, head)]
        self._assign_settings([pair for pair in pairs if pair not in design])
        if not design:
            return ""
        new = assign_choices(head, design, self.context)
        if new.start != head.start:
            raise UsageError(
                "another start is another beginning", advice="Use `genopt new TASK --start NAME`"
            )
        self.context.load_task(new).task.resolve_settings(new.task)
        self.context.event_log.append(
            "design_set", step=0, pairs=design, acts=self.context.repository.refs.read(ACTS)
        )
        return "counts from the next step on"

    async def hint(self, command: commands.Hint) -> CommandResult:
        text = command.text.strip()
        if not text:
            raise UsageError("the hint is empty")
        standing = read_pending_input(
            self.context.event_log.journal, self.context.event_log.step
        ).standing
        if command.remove and text not in standing:
            raise UsageError("no such hint stands", f"these do: {'; '.join(standing) or 'none'}")
        self.context.event_log.append(
            "hint",
            step=0,
            text=text,
            always=command.always,
            remove=command.remove,
        )
        return CommandResult(why=await self.machine.step.refresh_preview())

    async def set_examples(self, command: commands.SetExamples) -> CommandResult:
        """Examples excluded for good (with a reason), or pinned."""
        if command.pinned is not None:
            self.context.event_log.append("examples_set", step=0, pinned=command.pinned)
        if not command.excluded:
            return CommandResult()
        self._set_pairs(
            [format_exclusion(name, why or "") for name, why in command.excluded.items()]
        )
        return CommandResult(why=await self.machine.step.refresh_preview())

    def _assign_settings(self, pairs: list[str]) -> None:
        """Change session settings and keep them; the running ones too."""
        if not pairs:
            return
        settings = self.context.settings.model_copy(deep=True)
        assign(DesignChoices(), settings, pairs)
        settings.save(self.context.session)
        for name in SessionSettings.model_fields:
            setattr(self.context.settings, name, getattr(settings, name))

    def _is_design(self, pair: str, head: DesignChoices) -> bool:
        """Whether KEY=VALUE is a design choice: it then leaves the session settings as they are."""
        settings = self.context.settings.model_copy(deep=True)
        assign(
            head.model_copy(deep=True), settings, [pair], self.context.load_task(head).task.settings
        )
        key = pair.partition("=")[0].strip()
        return ALIASES.get(key, key) not in list_setting_keys(
            SessionSettings
        ) and not key.startswith("params.")
