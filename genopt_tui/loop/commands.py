"""What clients may ask of a runner: one method for each kind of command row.

A command is marked as done only after its effect is durable, and every effect may be repeated: a runner that died in
between takes the command up again.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from genopt_tui.config import ALIASES, DesignChoices, SessionSettings, assign, keys_of
from genopt_tui.errors import GenoptError, SessionError, UsageError
from genopt_tui.learn.edit import Edit
from genopt_tui.loop.asides import Asides
from genopt_tui.loop.candidate import CandidateWalk
from genopt_tui.loop.machine import Phase, changed, settled
from genopt_tui.loop.records import Outcome
from genopt_tui.session.journal import Command
from genopt_tui.session.progress import Candidate

if TYPE_CHECKING:
    from genopt_tui.loop.runner import Runner

Data = Mapping[str, Any]


class Commands:
    """Carries out commands. Each method returns what is to be said of it, and raises GenoptError where it cannot be done."""

    def __init__(self, runner: "Runner") -> None:
        self.runner, self.desk, self.machine = runner, runner.desk, runner.machine
        self.asides = Asides(self.desk)
        self._errands: list[Phase] = []

    async def take(self, command: Command) -> None:
        """Carry out one command and say how it went."""
        name = "do_" + command.kind.replace("-", "_")
        step = self.desk.book.step
        try:
            if not hasattr(self, name):
                raise UsageError(f"no command '{command.kind}'", advice="Update genopt")
            self._same_head(command.data)
            why = await getattr(self, name)(command.data)
        except GenoptError as error:
            self.desk.book.journal.command_done(command, False, str(error), step=step)
        else:
            self.desk.book.journal.command_done(command, True, why or "", step=step)
        self.desk.book.flush()
        self.desk.book.sync()

    def errand(self) -> Phase | None:
        """Something asked for that is done between phases."""
        return self._errands.pop(0) if self._errands else None

    # the run

    async def do_run(self, data: Data) -> str:
        if not self.desk.settings.model:
            raise UsageError(
                "no model is set", advice="genopt set model=NAME, command:PROGRAM, manual, search or replay:FILE"
            )
        if data.get("record"):
            self.desk.settings.record = str(data["record"])
        if data.get("mode"):
            await self.do_mode(data)
        self.desk.proposer()
        if self.desk.book.p.paused:
            await self.do_resume(data)
            if self.runner.active and data.get("steps") is None:
                return "resumed"
        self.runner.start_run(dict(data))
        return ""

    async def do_pause(self, data: Data) -> str:
        if self.desk.book.p.paused:
            return "paused already"
        self.desk.book.say("paused", step=0, why=str(data.get("why") or "paused by a person"))
        self.runner.hold()
        return "after the model call under way" if self.desk.asking else ""

    async def do_resume(self, data: Data) -> str:
        self.runner.go_on()
        if self.desk.book.p.paused:
            self.desk.book.say("resumed", step=0, why="")
        return ""

    async def do_stop(self, data: Data) -> str:
        self.runner.stop("stopped")
        return ""

    async def do_mode(self, data: Data) -> str:
        self._assign([f"mode={data['mode']}"])
        return ""

    async def do_set(self, data: Data) -> str:
        """Settings count from the next phase on; design choices are collected for the next step."""
        pairs = list(data["pairs"])
        head = self.desk.choices(self.desk.repository.head())
        design = [pair for pair in pairs if self._is_design(pair, head)]
        self._assign([pair for pair in pairs if pair not in design])
        if not design:
            return ""
        new = changed(head, design, self.desk)
        if new.start != head.start:
            raise UsageError("another start is another beginning", advice="Use `genopt new TASK --start NAME`")
        self.desk.task(new).task.resolve(new.task)
        self.desk.book.say("design_set", step=0, pairs=design)
        return "counts from the next step on"

    async def do_hint(self, data: Data) -> str:
        text = str(data.get("text", "")).strip()
        if not text:
            raise UsageError("the hint is empty")
        self.desk.book.say("hint", step=0, text=text, always=bool(data.get("always")), remove=bool(data.get("remove")))
        return ""

    async def do_examples(self, data: Data) -> str:
        """Examples excluded for good (with a reason), or pinned."""
        known = {key: data[key] for key in ("excluded", "pinned") if key in data}
        self.desk.book.say("examples_set", step=0, **known)
        if pairs := [f"exclude.{example}={reason or ''}" for example, reason in data.get("excluded", {}).items()]:
            return await self.do_set({"pairs": pairs})
        return ""

    # decisions

    async def do_propose(self, data: Data) -> str:
        """Send the prompt, without what the person left out."""
        self._pending("propose", data)
        if data.get("dropped") or data.get("pinned"):
            await self.machine.build_evidence(tuple(data.get("dropped", ())), tuple(data.get("pinned", ())))
        await CandidateWalk(self.machine).prompt(0, data.get("messages", ()))
        return ""

    async def do_stage(self, data: Data) -> str:
        """Before sending: other choices for this step alone (KEY=VALUE); the batch is sampled and shown anew."""
        self._pending("propose", data)
        p, pairs = self.desk.book.p, list(data["pairs"])
        batch = p.batch or {}
        await self.machine.sample(p.step, batch["base"], [*batch.get("set", []), *pairs])
        return "for this step alone; it is shown again before it is sent"

    async def do_whatif(self, data: Data) -> str:
        """Ask a step again with choices changed (KEY=VALUE); the first edit stands beside the new one."""
        step, pairs = int(data["step"]), list(data["pairs"])
        asked = self.desk.book.journal.last("batch_sampled", step=step)
        if asked is None or asked.data.get("hand"):
            raise SessionError(f"step {step} cannot be asked again", "it was not asked in this journal")
        if not pairs:
            raise UsageError("what is to be changed?", advice="For example --set horizon.steps=1")
        self.machine.check(asked.data["base"], pairs)
        await self._end_step("whatif")
        self.runner.go_on()
        return str(self.machine.begin_whatif(asked, pairs))

    async def do_approve(self, data: Data) -> str:
        candidate = self._wanted(data)
        shown, reason = (candidate.edit or {})["tree"], str(data.get("reason") or "")
        tree = self._tree_of(candidate, data)
        if tree == shown:
            self.machine.decided(candidate.number, Outcome("approved", "person", reason))
            return ""
        number = self._edited(candidate, tree, data)
        unmeasured = bool(data.get("unmeasured"))
        self.machine.decided(number, Outcome("edited", "person", reason), unmeasured=unmeasured)
        return "committed without a score" if unmeasured else "committed after the gate"

    async def do_reject(self, data: Data) -> str:
        """Reject one candidate, or all that are open; what its gate still runs is cancelled."""
        p = self.desk.book.p
        self._same_step(data)
        open_ = [c for c in p.candidates.values() if c.edit and not settled(c)]
        chosen = [c for c in open_ if data.get("candidate") in (None, c.number)]
        if not chosen or p.ended:
            raise SessionError("already decided", "no such proposal waits", "`genopt status` shows what does")
        for candidate in chosen:
            self.machine.decided(candidate.number, Outcome("rejected", "person", str(data.get("reason") or "")))
        if any(c.gate is None for c in chosen) and not self.desk.asking:
            await self.runner.interrupt()
        return ""

    async def do_again(self, data: Data) -> str:
        """Ask once more for the step that waits: one candidate more."""
        self._pending("decide", data)
        self.desk.check_budget()
        await CandidateWalk(self.machine).prompt(max(self.machine.numbers()) + 1)
        return ""

    async def do_reply(self, data: Data) -> str:
        """Give the reply that the proposer `manual` waits for."""
        self.machine.proposer().supply(str(data["text"]), data.get("candidate"))
        return ""

    async def do_evaluate(self, data: Data) -> str:
        commit = self.desk.repository.resolve(str(data.get("version") or "head"))
        self._errands.append(lambda: self.machine.score(commit))
        return ""

    async def do_fill(self, data: Data) -> str:
        """Score versions on the gate where that is missing; `token` names the `aside_finished` that tells the end."""
        versions, token = [str(v) for v in data["versions"]], str(data["token"])
        for version in versions:
            self.desk.repository.objects.commit(version)
        self._aside(token, lambda: self.asides.fill(versions, data.get("examples"), token))
        return ""

    async def do_hunks(self, data: Data) -> str:
        """Score a version with each of its hunks left out once."""
        commit, token = self.desk.repository.resolve(str(data["version"])), str(data["token"])
        self._aside(token, lambda: self.asides.hunks(commit, token))
        return ""

    def _aside(self, token: str, work: Phase) -> None:
        """Do this between phases; what goes wrong in it ends no run."""

        async def phase() -> None:
            try:
                await work()
            except GenoptError as error:
                self.asides.failed(token, str(error))

        self._errands.append(phase)

    # acts on history

    async def do_rewind(self, data: Data) -> str:
        from genopt_tui.session import acts

        return await self._act("rewind", lambda: acts.rewind(self.desk.repository, str(data["version"])))

    async def do_switch(self, data: Data) -> str:
        from genopt_tui.session import acts

        return await self._act("switch", lambda: acts.switch(self.desk.repository, str(data["name"])))

    async def do_undo(self, data: Data) -> str:
        from genopt_tui.session import acts

        return await self._act("undo", lambda: acts.undo(self.desk.repository))

    async def do_redo(self, data: Data) -> str:
        from genopt_tui.session import acts

        return await self._act("redo", lambda: acts.redo(self.desk.repository))

    async def do_branch(self, data: Data) -> str:
        from genopt_tui.session import acts

        acts.branch(self.desk.repository, str(data["name"]), str(data.get("at") or "head"))
        return ""

    async def do_tag(self, data: Data) -> str:
        from genopt_tui.session import acts

        acts.tag(self.desk.repository, str(data["name"]), str(data.get("version") or "head"))
        return ""

    async def do_note(self, data: Data) -> str:
        from genopt_tui.session.notes import note

        repository = self.desk.repository
        note(repository, repository.resolve(str(data["version"])), str(data.get("text") or ""))
        return ""

    async def do_opened(self, data: Data) -> str:
        from genopt_tui.session.notes import opened

        opened(self.desk.repository, str(data["version"]), str(data["why"]))
        return ""

    async def do_keep_task(self, data: Data) -> str:
        """Keep the task's folder by content, so that it travels with the session."""
        from genopt_tui.session import export

        repository = self.desk.repository
        export.keep_task(repository, self.desk.task(self.desk.choices(repository.head())).path)
        return ""

    async def do_accept_edits(self, data: Data) -> str:
        """A hand edit becomes a version after the gate has scored it; without a gate where it changes design choices too."""
        from genopt_tui.session import acts

        repository = self.desk.repository
        repository.recover()
        files = acts.edited(repository)
        if files is None or data.get("unmeasured"):
            step = self.machine.next_step()
            return await self._act("accept-edits", lambda: acts.accept_edits(repository, step))
        await self._end_step("accept-edits")
        self.machine.begin_by_hand(files, f"edited by hand: {acts.names_of(repository)}")
        self.machine.decided(0, Outcome("manual", "person", str(data.get("reason") or "")))
        return "committed after the gate"

    async def do_revive(self, data: Data) -> str:
        return await self._by_hand("revive", data)

    async def do_pick(self, data: Data) -> str:
        return await self._by_hand("pick", data)

    # inside

    async def _act(self, name: str, act: Any) -> str:
        """End the step in flight, then move the head."""
        repository = self.desk.repository
        await self._end_step(name)
        old = repository.head()
        act()
        self.desk.book.say("moved", step=0, act=name, branch=repository.branch(), old=old, new=repository.head())
        return f"{repository.branch()} is at {repository.head()[:7]}"

    async def _end_step(self, act: str) -> None:
        await self.runner.interrupt()
        p = self.desk.book.p
        if p.batch and not p.ended:
            await self.machine.supersede(act)

    async def _by_hand(self, act: str, data: Data) -> str:
        """A kept edit, applied to the head, becomes the proposal of a step of its own: gate and decision as for any other."""
        from genopt_tui.session import acts

        version, repository = str(data["version"]), self.desk.repository
        applied = (
            acts.revive(repository, version)
            if act == "revive"
            else acts.pick(repository, version, data.get("files", ()), data.get("hunks", ()))
        )
        if applied.conflicts:
            acts.lay_out(repository, applied)
            where = repository.path / "artifact"
            return f"conflicts in {', '.join(applied.conflicts)}: edit them in {where}, then genopt accept-edits"
        if not applied.changed:
            raise SessionError(f"{version} changes nothing here", "the head has it already")
        await self._end_step(act)
        self.machine.begin_by_hand(applied.files, f"{act} {version}")
        return ""

    def _assign(self, pairs: list[str]) -> None:
        """Change session settings and keep them; the running ones too."""
        if not pairs:
            return
        settings = self.desk.settings.model_copy(deep=True)
        assign(DesignChoices(), settings, pairs)
        settings.save(self.desk.session)
        for name in SessionSettings.model_fields:
            setattr(self.desk.settings, name, getattr(settings, name))

    def _is_design(self, pair: str, head: DesignChoices) -> bool:
        """Whether KEY=VALUE is a design choice: it then leaves the session settings as they are."""
        settings = self.desk.settings.model_copy(deep=True)
        assign(head.model_copy(deep=True), settings, [pair], self.desk.task(head).task.settings)
        key = pair.partition("=")[0].strip()
        return ALIASES.get(key, key) not in keys_of(SessionSettings) and not key.startswith("params.")

    def _same_head(self, data: Data) -> None:
        expected = data.get("head")
        if expected and expected != self.desk.repository.head():
            raise SessionError("the head has moved since", f"it was {str(expected)[:7]}", "Look again, then decide")

    def _same_step(self, data: Data) -> None:
        p = self.desk.book.p
        if data.get("step") not in (None, p.step):
            raise SessionError("already decided", f"step {data['step']} is not the one in flight ({p.step})")

    def _pending(self, kind: str, data: Data) -> Mapping[str, Any]:
        p = self.desk.book.p
        self._same_step(data)
        if not p.pending or p.ended:
            raise SessionError("already decided", "nothing waits for a decision", "`genopt status` shows what does")
        if p.pending["pending"] != kind:
            word = "the prompt waits to be sent" if kind == "decide" else "a proposal waits for a decision"
            raise SessionError("not what is waited for", word)
        return p.pending

    def _wanted(self, data: Data) -> Candidate:
        """The candidate that a decision is about. Raises SessionError."""
        pending, p = self._pending("decide", data), self.desk.book.p
        numbers = [k for k in pending["candidates"] if p.candidates[k].edit]
        number = data.get("candidate")
        if number is None and len(numbers) != 1:
            raise SessionError("several proposals wait", f"candidates {numbers}", "Name one: --candidate K")
        number = numbers[0] if number is None else number
        if number not in numbers:
            raise SessionError("already decided", f"candidate {number} does not wait", f"These do: {numbers}")
        return p.candidates[number]

    def _tree_of(self, candidate: Candidate, data: Data) -> str:
        """The artifact that is to be accepted: as shown, some of its hunks, or what the person made of it."""
        from genopt_tui.learn.diff import keep

        repository, edit, base = self.desk.repository, candidate.edit or {}, (self.desk.book.p.batch or {})["base"]
        if files := data.get("files"):
            return repository.write_artifact(files)
        tree = str(data.get("tree") or edit["tree"])
        if data.get("hunks") is not None:
            old, new = repository.files(base), repository.files_of(tree)
            known = range(1, int(edit["hunks"]) + 1)
            if wrong := [h for h in data["hunks"] if h not in known]:
                raise SessionError(f"there is no hunk {wrong[0]}", f"the edit has {len(known)}")
            tree = repository.write_artifact(keep(old, new, set(data["hunks"])))
        if tree == repository.tree(base):
            raise SessionError("nothing of the edit is left", advice="Reject it instead")
        return tree

    def _edited(self, candidate: Candidate, tree: str, data: Data) -> int:
        """The new candidate that a person made out of another; the same one when the command is taken up twice."""
        p = self.desk.book.p
        for number, other in p.candidates.items():
            if other.edit and other.edit["tree"] == tree and other.edit.get("origin") and not settled(other):
                return number
        number, edit = max(self.machine.numbers()) + 1, candidate.edit or {}
        walk = CandidateWalk(self.machine)
        files = self.desk.repository.files_of(tree)
        names = sorted(n for n in {*files, *walk.base.files} if files.get(n) != walk.base.files.get(n))
        made = Edit(
            files, names, edit["reasoning"], [(e, s) for e, s in edit["because"]], [(e, w) for e, w in edit["expects"]]
        )
        origin = {"candidate": candidate.number, "hunks": data.get("hunks")}
        walk.parsed(number, candidate.attempt, made, origin=origin)
        return number
