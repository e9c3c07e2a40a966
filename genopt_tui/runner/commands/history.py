"""Commands that move or annotate history: each act on it ends the step in flight first."""

from collections.abc import Callable

from genopt_tui.errors import SessionError
from genopt_tui.runner.commands.session_control import SessionControl
from genopt_tui.runner.records import Outcome
from genopt_tui.session import commands
from genopt_tui.session.commands import CommandResult
from genopt_tui.session.git.refs import ACTS
from genopt_tui.session.history import acts, export
from genopt_tui.session.history.act_log import Act
from genopt_tui.session.history.merge import AppliedEdit
from genopt_tui.session.history.notes import record_opening, write_note


class HistoryHandlers:
    """Handlers of rewind, switch, undo, redo, branch, tag, note, opened, keep-task, accept-edits,
    revive and pick."""

    def __init__(self, control: SessionControl) -> None:
        self.control, self.context = control, control.context
        self.starter, self.step = control.machine.starter, control.machine.step

    async def rewind(self, command: commands.Rewind) -> CommandResult:
        rewind = lambda: acts.rewind(self.context.repository, command.version)  # noqa: E731
        return CommandResult(why=await self._move_head("rewind", rewind))

    async def switch(self, command: commands.Switch) -> CommandResult:
        switch = lambda: acts.switch(self.context.repository, command.name)  # noqa: E731
        return CommandResult(why=await self._move_head("switch", switch))

    async def undo(self, command: commands.Undo) -> CommandResult:
        if pairs := self._find_pending_design("design_set"):
            self.context.event_log.append(
                "design_undone", step=0, pairs=pairs, acts=self.context.repository.refs.read(ACTS)
            )
            return CommandResult(why=f"{', '.join(pairs)} is taken back: no step had taken it up")
        act = acts.find_undoable(self.context.repository)
        place = await self._move_head("undo", lambda: acts.undo(self.context.repository))
        return CommandResult(why=f"{self._describe_act(act)} is taken back: {place}")

    async def redo(self, command: commands.Redo) -> CommandResult:
        if pairs := self._find_pending_design("design_undone"):
            self.context.event_log.append(
                "design_set", step=0, pairs=pairs, acts=self.context.repository.refs.read(ACTS)
            )
            return CommandResult(why=f"{', '.join(pairs)} counts from the next step on again")
        act = acts.find_redoable(self.context.repository)
        place = await self._move_head("redo", lambda: acts.redo(self.context.repository))
        return CommandResult(why=f"{self._describe_act(act)} is done again: {place}")

    async def branch(self, command: commands.Branch) -> CommandResult:
        acts.branch(self.context.repository, command.name, command.at)
        return CommandResult()

    async def tag(self, command: commands.Tag) -> CommandResult:
        acts.tag(self.context.repository, command.name, command.version)
        return CommandResult()

    async def note(self, command: commands.Note) -> CommandResult:
        repository = self.context.repository
        write_note(repository, repository.resolve(command.version), command.text)
        return CommandResult()

    async def record_test_opening(self, command: commands.RecordTestOpening) -> CommandResult:
        record_opening(self.context.repository, command.version, command.why)
        return CommandResult()

    async def store_task(self, command: commands.StoreTask) -> CommandResult:
        """Keep the task's folder by content, so that it travels with the session."""
        repository = self.context.repository
        export.store_task(
            repository, self.context.load_task(self.context.load_choices(repository.head())).path
        )
        return CommandResult()

    async def accept_edits(self, command: commands.AcceptEdits) -> CommandResult:
        """A hand edit becomes a version after the gate has scored it; without a gate where it
        changes design choices too."""
        repository = self.context.repository
        repository.recover()
        files = acts.resolve_hand_edit(repository)
        if files is None or command.unmeasured:
            step = self.starter.next_step_number()
            accept = lambda: acts.accept_edits(repository, step)  # noqa: E731
            return CommandResult(why=await self._move_head("accept-edits", accept))
        await self.control.end_step("accept-edits")
        self.starter.begin_from_edit(
            files, f"edited by hand: {acts.describe_hand_edit(repository)}"
        )
        self.step.record_decision(0, Outcome("manual", "person", command.reason))
        return CommandResult(why="committed after the gate", step=self.context.event_log.step)

    async def revive(self, command: commands.Revive) -> CommandResult:
        applied = acts.revive(self.context.repository, command.version)
        return await self._propose_stored_edit("revive", command.version, applied)

    async def pick(self, command: commands.Pick) -> CommandResult:
        applied = acts.pick(self.context.repository, command.version, command.files, command.hunks)
        return await self._propose_stored_edit("pick", command.version, applied)

    async def _move_head(self, name: str, act: Callable[[], object]) -> str:
        """End the step in flight, then move the head; where it is then, in words."""
        repository = self.context.repository
        await self.control.end_step(name)
        old = repository.head()
        act()
        self.context.event_log.append(
            "moved",
            step=0,
            act=name,
            branch=repository.current_branch(),
            old=old,
            new=repository.head(),
        )
        head = repository.read_version(repository.head())
        return f"{repository.current_branch()} is at {'start' if head.decision == 'start' else head.name} ({head.short})"

    async def _propose_stored_edit(
        self, act: str, version: str, applied: AppliedEdit
    ) -> CommandResult:
        """A stored edit, applied to the head, becomes the proposal of a step of its own: gate and
        decision as for any other."""
        repository = self.context.repository
        if applied.conflicts:
            acts.write_conflicts(repository, applied)
            where, files = repository.path / "artifact", ", ".join(applied.conflicts)
            advice = f"edit them in {where}, then genopt accept-edits (H on the screen)"
            return CommandResult(why=f"conflicts in {files}: {advice}")
        if not applied.changed:
            raise SessionError(f"{version} changes nothing here", "the head has it already")
        await self.control.end_step(act)
        source = repository.read_version(applied.source)
        subject = source.subject.partition(": ")[2] if source.step else source.subject
        self.starter.begin_from_edit(applied.files, f"{act} {source.name}: {subject}")
        step = self.context.event_log.step
        return CommandResult(why=f"proposed as step {step}", step=step)

    def _find_pending_design(self, kind: str) -> list[str]:
        """The design choices that were the last to be set, or undone (`kind`), where no act on
        history came after that."""
        self.context.repository.recover()
        last = self.context.event_log.journal.find_last(
            "design_set", "design_undone", "design_committed"
        )
        newest = (
            last
            and last.kind == kind
            and last.data.get("acts") == self.context.repository.refs.read(ACTS)
        )
        return list(last.data["pairs"]) if last and newest else []

    def _describe_act(self, act: Act | None) -> str:
        """The act that is undone or redone, in words, however often that was done before; a commit
        by its step."""
        while act and act.inverted:
            act = self.context.repository.acts.read(act.inverted)
        words = {"commit": f"step {act.step}" if act else "", "external": "what plain git did"}
        return words.get(act.kind, act.kind) if act else ""
