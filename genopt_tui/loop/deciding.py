"""Commands about the step in flight: send its prompt, ask again, approve or reject its proposals."""

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.learn.edit import Edit
from genopt_tui.loop.candidate import CandidateWalk
from genopt_tui.loop.orders import Data, Orders
from genopt_tui.loop.records import Outcome
from genopt_tui.loop.rules import settled
from genopt_tui.session.progress import Candidate


class Deciding(Orders):
    """propose, preview, stage, whatif, approve, reject, again, reply."""

    async def do_propose(self, data: Data) -> str:
        """Send the prompt: to the byte what was shown last, unless the person leaves out, pins or edits with the same command."""
        await self.do_preview(data)
        shown = self.step.shown()
        known = self.desk.book.p.evidence or {}
        if any(known.get(key, []) != shown[key] for key in ("dropped", "pinned")):
            await self.step.build_evidence(shown["dropped"], shown["pinned"])
        await CandidateWalk(self.step).prompt(0, shown)
        return ""

    async def do_preview(self, data: Data) -> str:
        """Show the prompt that waits without `dropped`, with `pinned` first, or with the `messages` a person made of it."""
        self.pending("propose", data)
        shown = self.step.shown()
        dropped, pinned = data.get("dropped", shown["dropped"]), data.get("pinned", shown["pinned"])
        if data.get("messages") or (dropped, pinned) != (shown["dropped"], shown["pinned"]):
            await self.step.preview(dropped, pinned, data.get("messages", ()))
        return ""

    async def do_stage(self, data: Data) -> str:
        """Before sending: other choices for this step alone (KEY=VALUE); the batch is sampled and shown anew."""
        self.pending("propose", data)
        p, pairs = self.desk.book.p, list(data["pairs"])
        batch = p.batch or {}
        await self.beginning.sample(p.step, batch["base"], [*batch.get("set", []), *pairs])
        return "for this step alone; it is shown again before it is sent"

    async def do_whatif(self, data: Data) -> str:
        """Ask a step again with choices changed (KEY=VALUE); the first edit stands beside the new one."""
        step, pairs = int(data["step"]), list(data["pairs"])
        asked = self.desk.book.journal.last("batch_sampled", step=step)
        if asked is None or asked.data.get("hand"):
            raise SessionError(f"step {step} cannot be asked again", "it was not asked in this journal")
        if not pairs:
            raise UsageError("what is to be changed?", advice="For example --set horizon.steps=1")
        self.beginning.check(asked.data["base"], pairs)
        await self.end_step("whatif")
        self.runner.go_on()
        return str(self.beginning.whatif(asked, pairs))

    async def do_approve(self, data: Data) -> str:
        candidate = self._wanted(data)
        shown, reason = (candidate.edit or {})["tree"], str(data.get("reason") or "")
        tree = self._tree_of(candidate, data)
        if tree == shown:
            self.step.decided(candidate.number, Outcome("approved", "person", reason))
            return ""
        number = self._edited(candidate, tree, data)
        unmeasured = bool(data.get("unmeasured"))
        self.step.decided(number, Outcome("edited", "person", reason), unmeasured=unmeasured)
        return "committed without a score" if unmeasured else "committed after the gate"

    async def do_reject(self, data: Data) -> str:
        """Reject one candidate, or all that are open; what its gate still runs is cancelled."""
        p = self.desk.book.p
        self.same_step(data)
        open_ = [c for c in p.candidates.values() if c.edit and not settled(c)]
        chosen = [c for c in open_ if data.get("candidate") in (None, c.number)]
        if not chosen or p.ended:
            raise SessionError("already decided", "no such proposal waits", "`genopt status` shows what does")
        for candidate in chosen:
            self.step.decided(candidate.number, Outcome("rejected", "person", str(data.get("reason") or "")))
        if any(c.gate is None for c in chosen) and not self.desk.asking:
            await self.runner.interrupt()
        return ""

    async def do_again(self, data: Data) -> str:
        """Ask once more for the step that waits: one candidate more."""
        self.pending("decide", data)
        self.desk.check_budget()
        await CandidateWalk(self.step).prompt(max(self.step.numbers()) + 1)
        return ""

    async def do_reply(self, data: Data) -> str:
        """Give the reply that the proposer `manual` waits for."""
        self.step.proposer().supply(str(data["text"]), data.get("candidate"))
        return ""

    def _wanted(self, data: Data) -> Candidate:
        """The candidate that a decision is about. Raises SessionError."""
        pending, p = self.pending("decide", data), self.desk.book.p
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
        number, edit = max(self.step.numbers()) + 1, candidate.edit or {}
        walk = CandidateWalk(self.step)
        files = self.desk.repository.files_of(tree)
        names = sorted(n for n in {*files, *walk.base.files} if files.get(n) != walk.base.files.get(n))
        made = Edit(
            files, names, edit["reasoning"], [(e, s) for e, s in edit["because"]], [(e, w) for e, w in edit["expects"]]
        )
        origin = {"candidate": candidate.number, "hunks": data.get("hunks")}
        walk.parsed(number, candidate.attempt, made, origin=origin)
        return number
