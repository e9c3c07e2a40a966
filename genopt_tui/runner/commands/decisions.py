"""Commands about the step in flight: send its prompt, ask again, approve or reject its
proposals."""

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.learn.edit.edit import Edit
from genopt_tui.runner.candidate import CandidatePipeline
from genopt_tui.runner.commands.handlers import CommandData, CommandHandlers
from genopt_tui.runner.records import Outcome
from genopt_tui.runner.state import is_resolved
from genopt_tui.session.progress import Candidate


class DecisionHandlers(CommandHandlers):
    """propose, preview, stage, whatif, approve, reject, again, reply."""

    async def do_propose(self, data: CommandData) -> str:
        """Send the prompt: to the byte what was shown last, unless the person leaves out, pins or
        edits with the same command."""
        await self.do_preview(data)
        shown = self.step.last_preview()
        known = self.context.event_log.p.evidence or {}
        if any(known.get(key, []) != shown[key] for key in ("dropped", "pinned")):
            await self.step.build_evidence(shown["dropped"], shown["pinned"])
        await CandidatePipeline(self.step).build_prompt(0, shown)
        return ""

    async def do_preview(self, data: CommandData) -> str:
        """Show the prompt that waits without `dropped`, with `pinned` first, or with the `messages`
        a person made of it."""
        self.require_pending("propose", data)
        shown = self.step.last_preview()
        dropped, pinned = data.get("dropped", shown["dropped"]), data.get("pinned", shown["pinned"])
        if data.get("messages") or (dropped, pinned) != (shown["dropped"], shown["pinned"]):
            await self.step.preview_prompt(dropped, pinned, data.get("messages", ()))
        return ""

    async def do_stage(self, data: CommandData) -> str:
        """Before sending: other choices for this step alone (KEY=VALUE); the batch is sampled and
        shown anew."""
        self.require_pending("propose", data)
        p, pairs = self.context.event_log.p, list(data["pairs"])
        batch = p.batch or {}
        await self.starter.sample_batch(p.step, batch["base"], [*batch.get("set", []), *pairs])
        return "for this step alone; it is shown again before it is sent"

    async def do_whatif(self, data: CommandData) -> str:
        """Ask a step again with choices changed (KEY=VALUE); the first edit stands beside the new
        one."""
        step, pairs = int(data["step"]), list(data["pairs"])
        asked = self.context.event_log.journal.find_last("batch_sampled", step=step)
        if asked is None or asked.data.get("hand"):
            raise SessionError(
                f"step {step} cannot be asked again", "it was not asked in this journal"
            )
        if not pairs:
            raise UsageError("what is to be changed?", advice="For example --set horizon.steps=1")
        self.starter.check_changes(asked.data["base"], pairs)
        await self.end_step("whatif")
        self.runner.resume()
        return str(self.starter.begin_whatif(asked, pairs))

    async def do_approve(self, data: CommandData) -> str:
        candidate = self._require_candidate(data)
        shown, reason = (candidate.edit or {})["tree"], str(data.get("reason") or "")
        tree = self._write_accepted_tree(candidate, data)
        if tree == shown:
            self.step.record_decision(candidate.number, Outcome("approved", "person", reason))
            return ""
        number = self._add_edited_candidate(candidate, tree, data)
        unmeasured = bool(data.get("unmeasured"))
        self.step.record_decision(
            number, Outcome("edited", "person", reason), unmeasured=unmeasured
        )
        return "committed without a score" if unmeasured else "committed after the gate"

    async def do_reject(self, data: CommandData) -> str:
        """Reject one candidate, or all that are open; what its gate still runs is cancelled."""
        p = self.context.event_log.p
        self.require_same_step(data)
        open_ = [c for c in p.candidates.values() if c.edit and not is_resolved(c)]
        chosen = [c for c in open_ if data.get("candidate") in (None, c.number)]
        if not chosen or p.ended:
            raise SessionError(
                "already decided", "no such proposal waits", "`genopt status` shows what does"
            )
        for candidate in chosen:
            self.step.record_decision(
                candidate.number, Outcome("rejected", "person", str(data.get("reason") or ""))
            )
        if any(c.gate is None for c in chosen) and not self.context.calls_in_flight:
            await self.runner.interrupt()
        return ""

    async def do_again(self, data: CommandData) -> str:
        """Ask once more for the step that waits: one candidate more."""
        self.require_pending("decide", data)
        self.context.check_budget()
        await CandidatePipeline(self.step).build_prompt(max(self.step.candidate_numbers()) + 1)
        return ""

    async def do_reply(self, data: CommandData) -> str:
        """Give the reply that the proposer `manual` waits for."""
        self.step.proposer().supply(str(data["text"]), data.get("candidate"))
        return ""

    def _require_candidate(self, data: CommandData) -> Candidate:
        """The candidate that a decision is about. Raises SessionError."""
        pending, p = self.require_pending("decide", data), self.context.event_log.p
        numbers = [k for k in pending["candidates"] if p.candidates[k].edit]
        number = data.get("candidate")
        if number is None and len(numbers) != 1:
            raise SessionError(
                "several proposals wait", f"candidates {numbers}", "Name one: --candidate K"
            )
        number = numbers[0] if number is None else number
        if number not in numbers:
            raise SessionError(
                "already decided", f"candidate {number} does not wait", f"These do: {numbers}"
            )
        return p.candidates[number]

    def _write_accepted_tree(self, candidate: Candidate, data: CommandData) -> str:
        """The artifact that is to be accepted: as shown, some of its hunks, or what the person made
        of it."""
        from genopt_tui.learn.edit.diff import apply_hunks

        repository, edit, base = (
            self.context.repository,
            candidate.edit or {},
            (self.context.event_log.p.batch or {})["base"],
        )
        if files := data.get("files"):
            return repository.write_artifact(files)
        tree = str(data.get("tree") or edit["tree"])
        if data.get("hunks") is not None:
            old, new = repository.read_artifact(base), repository.read_artifact_tree(tree)
            known = range(1, int(edit["hunks"]) + 1)
            if wrong := [h for h in data["hunks"] if h not in known]:
                raise SessionError(f"there is no hunk {wrong[0]}", f"the edit has {len(known)}")
            tree = repository.write_artifact(apply_hunks(old, new, set(data["hunks"])))
        if tree == repository.artifact_tree(base):
            raise SessionError("nothing of the edit is left", advice="Reject it instead")
        return tree

    def _add_edited_candidate(self, candidate: Candidate, tree: str, data: CommandData) -> int:
        """The new candidate that a person made out of another; the same one when the command is
        taken up twice."""
        p = self.context.event_log.p
        for number, other in p.candidates.items():
            if (
                other.edit
                and other.edit["tree"] == tree
                and other.edit.get("origin")
                and not is_resolved(other)
            ):
                return number
        number, edit = max(self.step.candidate_numbers()) + 1, candidate.edit or {}
        walk = CandidatePipeline(self.step)
        files = self.context.repository.read_artifact_tree(tree)
        names = sorted(
            n for n in {*files, *walk.base.files} if files.get(n) != walk.base.files.get(n)
        )
        made = Edit(
            files,
            names,
            edit["reasoning"],
            [(e, s) for e, s in edit["because"]],
            [(e, w) for e, w in edit["expects"]],
        )
        origin = {"candidate": candidate.number, "hunks": data.get("hunks")}
        walk.record_edit(number, candidate.attempt, made, origin=origin)
        return number
