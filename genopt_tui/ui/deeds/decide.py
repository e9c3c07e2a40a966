"""Deciding on the proposal that is shown: approve, reject, edit, ask again, or ask what would have been."""

from typing import cast

from genopt_tui.ui.deeds.base import Deeds
from genopt_tui.ui.panes.proposal import ProposalPane
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.snapshot import ProposalView


class DecideDeeds(Deeds):
    """a A r R e W D."""

    @property
    def proposal(self) -> ProposalView:
        proposal = self.snapshot.proposal
        assert proposal is not None
        return proposal

    def do_approve(self) -> None:
        self._approve()

    def do_approve_unmeasured(self) -> None:
        self._approve(unmeasured=True)

    def _approve(self, **how: bool) -> None:
        p, kept = self.proposal, self.screen.kept()
        chosen: dict[str, object] = {"tree": p.tree}
        if p.edited:
            chosen = {"files": dict(self.pane.files_left())}
        elif kept is not None:
            chosen["hunks"] = sorted(kept)
        self.command("approve", step=p.step, candidate=p.number, **chosen, **how)

    def do_reject(self) -> None:
        proposal = self.proposal

        def send(reason: str | None) -> None:
            if reason is not None:
                self.command("reject", step=proposal.step, candidate=proposal.number, reason=reason)

        question = f"Reject {proposal.label or proposal.step}: why? The model is told"
        keys = "Enter rejects (empty: no reason)  Esc keeps it waiting"
        self.screen.app.push_screen(dialogs.AskText(question, keys), send)

    def do_again(self) -> None:
        step = self.snapshot.progress.step
        self.ask(dialogs.confirm(f"Ask again for step {step}?", self._price(), "ask again"), "again", step=step)

    def _price(self) -> str:
        """What the same question cost the last time."""
        replies = self.proposal.candidate.replies
        usage = (replies[-1].get("usage") or {}) if replies else {}
        cost = replies[-1].get("cost") if replies else None
        sizes = f"{usage.get('input', '?')} tokens in, {usage.get('output', '?')} out"
        return f"The last reply took {sizes}; it cost {'$?' if cost is None else f'${cost:.4f}'}."

    async def do_edit(self) -> None:
        """The proposal's files in $EDITOR, what comes back is shown as a new candidate; or the prompt that waits to be sent; or,
        where a person is the model, the reply."""
        from genopt_tui.ui.editor import edit_files

        if self.snapshot.reply_wanted:
            text = (edit_files(self.screen.app, {"reply.md": ""}) or {}).get("reply.md", "")
            if text.strip():
                self.command("reply", text=text, candidate=self.proposal.number)
            else:
                self.screen.say("No reply was written")
            return
        if self.snapshot.pending == "propose":
            *before, last = self.snapshot.evidence.messages
            text = (edit_files(self.screen.app, {"prompt.md": last["content"]}) or {}).get("prompt.md", last["content"])
            if text != last["content"]:
                messages = [*before, {**last, "content": text}]
                self.command("preview", step=self.snapshot.progress.step, messages=messages)
            else:
                self.screen.say("Nothing was changed")
            return
        files = self.pane.files_left()
        names = [n for n in self.proposal.changes if n in files] or sorted(files)
        edited = edit_files(self.screen.app, {name: files[name] for name in names})
        if edited is not None and any(files[name] != text for name, text in edited.items()):
            self.screen.take_edit({**files, **edited})
        else:
            self.screen.say("Nothing was changed")

    def do_whatif(self) -> None:
        """Ask the step again with one choice changed."""
        step = self.snapshot.progress.step

        def send(text: str | None) -> None:
            if text:
                self.command("whatif", step=step, pairs=[part for part in text.split() if part])

        question = f"What if, for step {step}: which choice changed? One more model call; gated on the same examples"
        self.screen.app.push_screen(
            dialogs.AskText(question, "KEY=VALUE, Enter asks  Esc leaves", "horizon.steps=1"), send
        )

    def do_which_hunk(self) -> None:
        """The gate with each hunk left out once: of the version under the history's cursor, else of what Proposal shows."""
        s = self.snapshot
        p = None if self.screen.context().in_history else s.proposal
        if p is None or p.files is None:
            self._ask_which(self.row.label, s.session.gate_size, {"version": self.row.commit})
        elif s.looking_back and s.version is not None:
            self._ask_which(s.version.label, s.session.gate_size, {"version": s.version.commit})
        else:
            n = int((p.gate or {}).get("n") or p.gate_size)
            self._ask_which(p.label, n, {"step": p.step, "candidate": p.number})

    def _ask_which(self, label: str, n: int, edit: dict[str, object]) -> None:
        what = f"The gate of {label} runs once more for each hunk, without it: {n} rollouts each. No model call."

        def answer(value: str | None) -> None:
            if value:
                self.screen.store.aside("hunks", **edit)

        self.screen.app.push_screen(dialogs.confirm(f"Which hunk of {label} did it?", what, "run them"), answer)

    @property
    def pane(self) -> ProposalPane:
        return cast(ProposalPane, self.screen.pane(5))
