"""Commands about the step in flight: send its prompt, ask again, approve or reject its
proposals."""

from collections.abc import Sequence

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.learn.edit.edit import Edit
from genopt_tui.runner.candidate import CandidatePipeline
from genopt_tui.runner.commands.session_control import SessionControl
from genopt_tui.runner.records import Outcome
from genopt_tui.runner.state import is_resolved
from genopt_tui.session import commands
from genopt_tui.session.commands import CommandResult
from genopt_tui.session.progress import Candidate


class DecisionHandlers:
    """Handlers of propose, preview, stage, whatif, approve, reject, again and reply."""

    def __init__(self, control: SessionControl) -> None:
        self.control, self.context = control, control.context
        self.starter, self.step = control.machine.starter, control.machine.step

    async def send_prompt(self, command: commands.SendPrompt) -> CommandResult:
        """Send the prompt: to the byte what was shown last, unless the person leaves out, pins or
        edits with the same command."""
        await self._preview(command)
        shown = self.step.last_preview()
        known = self.context.event_log.p.evidence or {}
        if any(known.get(key, []) != shown[key] for key in ("dropped", "pinned")):
            await self.step.build_evidence(shown["dropped"], shown["pinned"])
        await CandidatePipeline(self.step).build_prompt(0, shown)
        return CommandResult()

    async def preview_prompt(self, command: commands.PreviewPrompt) -> CommandResult:
        await self._preview(command)
        return CommandResult()

    async def _preview(self, command: commands.PreviewPrompt) -> None:
        """Show the waiting prompt anew where the command changes it."""
        self.control.require_pending("propose", command.step)
        shown = self.step.last_preview()
        dropped = shown["dropped"] if command.dropped is None else list(command.dropped)
        pinned = shown["pinned"] if command.pinned is None else list(command.pinned)
        if command.messages or (dropped, pinned) != (shown["dropped"], shown["pinned"]):
            await self.step.preview_prompt(dropped, pinned, command.messages)

    async def stage_choices(self, command: commands.StageChoices) -> CommandResult:
        """The batch is sampled and shown anew."""
        self.control.require_pending("propose", command.step)
        p = self.context.event_log.p
        batch = p.batch or {}
        pairs = [*batch.get("set", []), *command.pairs]
        await self.starter.sample_batch(p.step, batch["base"], pairs)
        return CommandResult(why="for this step alone; it is shown again before it is sent")

    async def whatif(self, command: commands.WhatIf) -> CommandResult:
        """Ask a step again with choices changed; the first edit stands beside the new one."""
        step, pairs = command.step, list(command.pairs)
        asked = self.context.event_log.journal.find_last("batch_sampled", step=step)
        if asked is None or asked.data.get("hand"):
            raise SessionError(
                f"step {step} cannot be asked again", "it was not asked in this journal"
            )
        if not pairs:
            raise UsageError("what is to be changed?", advice="For example --set horizon.steps=1")
        self.starter.check_changes(asked.data["base"], pairs)
        await self.control.end_step("whatif")
        self.control.runner.resume()
        number = self.starter.begin_whatif(asked, pairs)
        return CommandResult(why=f"asked again as step {number}", step=number)

    async def approve(self, command: commands.Approve) -> CommandResult:
        candidate = self._require_candidate(command)
        shown, reason = (candidate.edit or {})["tree"], command.reason
        tree = self._write_accepted_tree(candidate, command)
        if tree == shown:
            self.step.record_decision(candidate.number, Outcome("approved", "person", reason))
            return CommandResult()
        number = self._add_edited_candidate(candidate, tree, command.hunks)
        self.step.record_decision(
            number, Outcome("edited", "person", reason), unmeasured=command.unmeasured
        )
        measured = "without a score" if command.unmeasured else "after the gate"
        return CommandResult(why=f"committed {measured}")

    async def reject(self, command: commands.Reject) -> CommandResult:
        """What the gate of a rejected candidate still runs is cancelled."""
        p = self.context.event_log.p
        self.control.require_same_step(command.step)
        open_ = [c for c in p.candidates.values() if c.edit and not is_resolved(c)]
        chosen = [c for c in open_ if command.candidate in (None, c.number)]
        if not chosen or p.ended:
            raise SessionError(
                "already decided", "no such proposal waits", "`genopt status` shows what does"
            )
        for candidate in chosen:
            self.step.record_decision(
                candidate.number, Outcome("rejected", "person", command.reason)
            )
        if any(c.gate is None for c in chosen) and not self.context.calls_in_flight:
            await self.control.runner.interrupt()
        return CommandResult()

    async def ask_again(self, command: commands.AskAgain) -> CommandResult:
        self.control.require_pending("decide", command.step)
        self.context.check_budget()
        await CandidatePipeline(self.step).build_prompt(max(self.step.candidate_numbers()) + 1)
        return CommandResult()

    async def reply(self, command: commands.Reply) -> CommandResult:
        self.step.proposer().supply(command.text, command.candidate)
        return CommandResult()

    def _require_candidate(self, command: commands.Approve) -> Candidate:
        """The candidate that a decision is about. Raises SessionError."""
        self.control.require_pending("decide", command.step)
        p = self.context.event_log.p
        numbers = [k for k in (p.pending or {})["candidates"] if p.candidates[k].edit]
        number = command.candidate
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

    def _write_accepted_tree(self, candidate: Candidate, command: commands.Approve) -> str:
        """The tree of the accepted artifact: as shown, some of its hunks, or the person's files."""
        from genopt_tui.learn.edit.diff import apply_hunks

        repository, edit, base = (
            self.context.repository,
            candidate.edit or {},
            (self.context.event_log.p.batch or {})["base"],
        )
        if command.files:
            return repository.write_artifact(command.files)
        tree = command.tree or str(edit["tree"])
        if command.hunks is not None:
            old, new = repository.read_artifact(base), repository.read_artifact_tree(tree)
            known = range(1, int(edit["hunks"]) + 1)
            if wrong := [h for h in command.hunks if h not in known]:
                raise SessionError(f"there is no hunk {wrong[0]}", f"the edit has {len(known)}")
            tree = repository.write_artifact(apply_hunks(old, new, set(command.hunks)))
        if tree == repository.artifact_tree(base):
            raise SessionError("nothing of the edit is left", advice="Reject it instead")
        return tree

    def _add_edited_candidate(
        self, candidate: Candidate, tree: str, hunks: Sequence[int] | None
    ) -> int:
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
        origin = {"candidate": candidate.number, "hunks": hunks}
        walk.record_edit(number, candidate.attempt, made, origin=origin)
        return number
