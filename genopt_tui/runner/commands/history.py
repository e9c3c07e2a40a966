"""Commands that move or annotate history: each act on it ends the step in flight first."""

from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.runner.commands.handlers import CommandData, CommandHandlers
from genopt_tui.runner.records import Outcome
from genopt_tui.session.git.refs import ACTS
from genopt_tui.session.history import acts, export
from genopt_tui.session.history.act_log import Act
from genopt_tui.session.history.notes import record_opening, write_note


class HistoryHandlers(CommandHandlers):
    """rewind, switch, undo, redo, branch, tag, note, opened, keep-task, accept-edits, revive,
    pick."""

    async def do_rewind(self, data: CommandData) -> str:
        return await self._move_head(
            "rewind", lambda: acts.rewind(self.context.repository, str(data["version"]))
        )

    async def do_switch(self, data: CommandData) -> str:
        return await self._move_head(
            "switch", lambda: acts.switch(self.context.repository, str(data["name"]))
        )

    async def do_undo(self, data: CommandData) -> str:
        if pairs := self._find_pending_design("design_set"):
            self.context.event_log.append(
                "design_undone", step=0, pairs=pairs, acts=self.context.repository.refs.read(ACTS)
            )
            return f"{', '.join(pairs)} is taken back: no step had taken it up"
        what = acts.find_undoable(self.context.repository)
        told = await self._move_head("undo", lambda: acts.undo(self.context.repository))
        return f"{self._describe_act(what)} is taken back: {told}"

    async def do_redo(self, data: CommandData) -> str:
        if pairs := self._find_pending_design("design_undone"):
            self.context.event_log.append(
                "design_set", step=0, pairs=pairs, acts=self.context.repository.refs.read(ACTS)
            )
            return f"{', '.join(pairs)} counts from the next step on again"
        what = acts.find_redoable(self.context.repository)
        told = await self._move_head("redo", lambda: acts.redo(self.context.repository))
        return f"{self._describe_act(what)} is done again: {told}"

    async def do_branch(self, data: CommandData) -> str:
        acts.branch(self.context.repository, str(data["name"]), str(data.get("at") or "head"))
        return ""

    async def do_tag(self, data: CommandData) -> str:
        acts.tag(self.context.repository, str(data["name"]), str(data.get("version") or "head"))
        return ""

    async def do_note(self, data: CommandData) -> str:
        repository = self.context.repository
        write_note(
            repository, repository.resolve(str(data["version"])), str(data.get("text") or "")
        )
        return ""

    async def do_opened(self, data: CommandData) -> str:
        record_opening(self.context.repository, str(data["version"]), str(data["why"]))
        return ""

    async def do_keep_task(self, data: CommandData) -> str:
        """Keep the task's folder by content, so that it travels with the session."""
        repository = self.context.repository
        export.store_task(
            repository, self.context.load_task(self.context.load_choices(repository.head())).path
        )
        return ""

    async def do_accept_edits(self, data: CommandData) -> str:
        """A hand edit becomes a version after the gate has scored it; without a gate where it
        changes design choices too."""
        repository = self.context.repository
        repository.recover()
        files = acts.resolve_hand_edit(repository)
        if files is None or data.get("unmeasured"):
            step = self.starter.next_step_number()
            return await self._move_head(
                "accept-edits", lambda: acts.accept_edits(repository, step)
            )
        await self.end_step("accept-edits")
        self.starter.begin_from_edit(
            files, f"edited by hand: {acts.describe_hand_edit(repository)}"
        )
        self.step.record_decision(0, Outcome("manual", "person", str(data.get("reason") or "")))
        return "committed after the gate"

    async def do_revive(self, data: CommandData) -> str:
        return await self._propose_stored_edit("revive", data)

    async def do_pick(self, data: CommandData) -> str:
        return await self._propose_stored_edit("pick", data)

    async def _move_head(self, name: str, act: Any) -> str:
        """End the step in flight, then move the head."""
        repository = self.context.repository
        await self.end_step(name)
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

    async def _propose_stored_edit(self, act: str, data: CommandData) -> str:
        """A kept edit, applied to the head, becomes the proposal of a step of its own: gate and
        decision as for any other."""
        version, repository = str(data["version"]), self.context.repository
        applied = (
            acts.revive(repository, version)
            if act == "revive"
            else acts.pick(repository, version, data.get("files", ()), data.get("hunks", ()))
        )
        if applied.conflicts:
            acts.write_conflicts(repository, applied)
            where = repository.path / "artifact"
            return f"conflicts in {', '.join(applied.conflicts)}: edit them in {where}, then genopt accept-edits (H on the screen)"
        if not applied.changed:
            raise SessionError(f"{version} changes nothing here", "the head has it already")
        await self.end_step(act)
        source = repository.read_version(applied.source)
        subject = source.subject.partition(": ")[2] if source.step else source.subject
        self.starter.begin_from_edit(applied.files, f"{act} {source.name}: {subject}")
        return f"proposed as step {self.context.event_log.step}"

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
