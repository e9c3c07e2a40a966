"""Commands that move or annotate history: each act on it ends the step in flight first."""

from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.loop.orders import Data, Orders
from genopt_tui.loop.records import Outcome
from genopt_tui.session import acts, export
from genopt_tui.session.actlog import Act
from genopt_tui.session.notes import note, opened
from genopt_tui.session.refs import ACTS


class Acting(Orders):
    """rewind, switch, undo, redo, branch, tag, note, opened, keep-task, accept-edits, revive, pick."""

    async def do_rewind(self, data: Data) -> str:
        return await self._act("rewind", lambda: acts.rewind(self.desk.repository, str(data["version"])))

    async def do_switch(self, data: Data) -> str:
        return await self._act("switch", lambda: acts.switch(self.desk.repository, str(data["name"])))

    async def do_undo(self, data: Data) -> str:
        if pairs := self._waiting("design_set"):
            self.desk.book.say("design_undone", step=0, pairs=pairs, acts=self.desk.repository.refs.value(ACTS))
            return f"{', '.join(pairs)} is taken back: no step had taken it up"
        what = acts.undoable(self.desk.repository)
        told = await self._act("undo", lambda: acts.undo(self.desk.repository))
        return f"{self._named(what)} is taken back: {told}"

    async def do_redo(self, data: Data) -> str:
        if pairs := self._waiting("design_undone"):
            self.desk.book.say("design_set", step=0, pairs=pairs, acts=self.desk.repository.refs.value(ACTS))
            return f"{', '.join(pairs)} counts from the next step on again"
        what = acts.redoable(self.desk.repository)
        told = await self._act("redo", lambda: acts.redo(self.desk.repository))
        return f"{self._named(what)} is done again: {told}"

    async def do_branch(self, data: Data) -> str:
        acts.branch(self.desk.repository, str(data["name"]), str(data.get("at") or "head"))
        return ""

    async def do_tag(self, data: Data) -> str:
        acts.tag(self.desk.repository, str(data["name"]), str(data.get("version") or "head"))
        return ""

    async def do_note(self, data: Data) -> str:
        repository = self.desk.repository
        note(repository, repository.resolve(str(data["version"])), str(data.get("text") or ""))
        return ""

    async def do_opened(self, data: Data) -> str:
        opened(self.desk.repository, str(data["version"]), str(data["why"]))
        return ""

    async def do_keep_task(self, data: Data) -> str:
        """Keep the task's folder by content, so that it travels with the session."""
        repository = self.desk.repository
        export.keep_task(repository, self.desk.task(self.desk.choices(repository.head())).path)
        return ""

    async def do_accept_edits(self, data: Data) -> str:
        """A hand edit becomes a version after the gate has scored it; without a gate where it changes design choices too."""
        repository = self.desk.repository
        repository.recover()
        files = acts.edited(repository)
        if files is None or data.get("unmeasured"):
            step = self.beginning.next_step()
            return await self._act("accept-edits", lambda: acts.accept_edits(repository, step))
        await self.end_step("accept-edits")
        self.beginning.by_hand(files, f"edited by hand: {acts.names_of(repository)}")
        self.step.decided(0, Outcome("manual", "person", str(data.get("reason") or "")))
        return "committed after the gate"

    async def do_revive(self, data: Data) -> str:
        return await self._by_hand("revive", data)

    async def do_pick(self, data: Data) -> str:
        return await self._by_hand("pick", data)

    async def _act(self, name: str, act: Any) -> str:
        """End the step in flight, then move the head."""
        repository = self.desk.repository
        await self.end_step(name)
        old = repository.head()
        act()
        self.desk.book.say("moved", step=0, act=name, branch=repository.branch(), old=old, new=repository.head())
        head = repository.version(repository.head())
        return f"{repository.branch()} is at {'start' if head.decision == 'start' else head.name} ({head.short})"

    async def _by_hand(self, act: str, data: Data) -> str:
        """A kept edit, applied to the head, becomes the proposal of a step of its own: gate and decision as for any other."""
        version, repository = str(data["version"]), self.desk.repository
        applied = (
            acts.revive(repository, version)
            if act == "revive"
            else acts.pick(repository, version, data.get("files", ()), data.get("hunks", ()))
        )
        if applied.conflicts:
            acts.lay_out(repository, applied)
            where = repository.path / "artifact"
            return f"conflicts in {', '.join(applied.conflicts)}: edit them in {where}, then genopt accept-edits (H on the screen)"
        if not applied.changed:
            raise SessionError(f"{version} changes nothing here", "the head has it already")
        await self.end_step(act)
        source = repository.version(applied.source)
        subject = source.subject.partition(": ")[2] if source.step else source.subject
        self.beginning.by_hand(applied.files, f"{act} {source.name}: {subject}")
        return f"proposed as step {self.desk.book.step}"

    def _waiting(self, kind: str) -> list[str]:
        """The design choices that were the last to be set, or undone (`kind`), where no act on history came after that."""
        self.desk.repository.recover()
        last = self.desk.book.journal.last("design_set", "design_undone", "design_committed")
        newest = last and last.kind == kind and last.data.get("acts") == self.desk.repository.refs.value(ACTS)
        return list(last.data["pairs"]) if last and newest else []

    def _named(self, act: Act | None) -> str:
        """The act that is undone or redone, in words, however often that was done before; a commit by its step."""
        while act and act.of:
            act = self.desk.repository.acts.read(act.of)
        words = {"commit": f"step {act.step}" if act else "", "external": "what plain git did"}
        return words.get(act.kind, act.kind) if act else ""
