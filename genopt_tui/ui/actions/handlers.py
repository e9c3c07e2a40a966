"""What all deeds have in common: the screen they act on, commands left for the runner, and
questions asked first.

Running, pausing, steering: what concerns the loop as a whole.

Deciding on the proposal that is shown: approve, reject, edit, ask again, or ask what would have
been.

Moving about, and what belongs to the application rather than to the loop.
"""

from typing import TYPE_CHECKING, Any, cast

from textual.screen import ModalScreen

from genopt_tui.session.progress import PAUSED, RUNNING, WAITING
from genopt_tui.ui.panes.evidence import EvidencePane
from genopt_tui.ui.panes.proposal import ProposalPane
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.state.snapshot import HistoryRow, ProposalView, Snapshot

if TYPE_CHECKING:
    from genopt_tui.ui.screens.main import MainScreen


class ActionHandlers:
    """Methods `do_ID` carry out actions; the table has checked that each is possible."""

    def __init__(self, screen: "MainScreen") -> None:
        self.screen = screen

    @property
    def snapshot(self) -> Snapshot:
        return self.screen.snapshot

    @property
    def row(self) -> HistoryRow:
        """The version under the history's cursor; the table's checks see to it that there is
        one."""
        row = self.screen.history_pane.row
        assert row is not None
        return row

    def send_command(self, kind: str, **data: Any) -> None:
        self.screen.store.send_command(kind, **data)

    def confirm_command(self, question: "ModalScreen[str]", kind: str, **data: Any) -> None:
        """Leave the command when the question is answered with yes."""

        def answer(value: str | None) -> None:
            if value:
                self.send_command(kind, **data)

        self.screen.app.push_screen(question, answer)


class LoopHandlers(ActionHandlers):
    """p s M i, and what becomes of a run when the application is left."""

    def do_run(self) -> None:
        state, mode = self.snapshot.state, self.snapshot.session.mode
        if self.snapshot.alive and state in {RUNNING, WAITING}:
            self.send_command("pause")
        elif self.snapshot.alive and state == PAUSED:
            self.send_command("resume")
        else:
            self.send_command("run", mode=mode)

    def do_step(self) -> None:
        if self.snapshot.pending == "propose":
            choices = cast(EvidencePane, self.screen.pane(4)).get_choices()
            self.send_command("propose", step=self.snapshot.progress.step, **choices)
        else:
            self.send_command("run", steps=1, mode=self.snapshot.session.mode)

    def do_hint(self) -> None:
        def send(hint: dialogs.Hint | None) -> None:
            if hint is not None:
                self.send_command("hint", text=hint.text, always=hint.always)
                when = "in every update" if hint.always else "in the next update"
                self.screen.show_notice(f"The model is told {when}")

        self.screen.app.push_screen(dialogs.HintDialog(), send)

    def do_mode(self) -> None:
        def send(mode: str | None) -> None:
            if mode and mode != self.snapshot.session.mode:
                self.send_command("mode", mode=mode)

        self.screen.app.push_screen(dialogs.choose_mode(self.snapshot.session.mode), send)

    def do_leave(self) -> None:
        """Ask what becomes of a live run; without one, go."""
        if not self.snapshot.alive:
            self.screen.app.exit(0)
            return
        paused = self.snapshot.state == PAUSED
        question = dialogs.ask_leave(
            self.snapshot.session.mode, self._describe_waiting(), paused=paused
        )
        self.screen.app.push_screen(question, self._finish_leaving)

    def _describe_waiting(self) -> str:
        """What waits for a person: also mode auto leaves it to them."""
        what = {"decide": "proposal", "propose": "the prompt of step"}.get(self.snapshot.pending)
        return f"{what} {self.snapshot.progress.step}" if what else ""

    def _finish_leaving(self, answer: str | None) -> None:
        if answer is None:
            return
        store, name, state = self.screen.store, self.snapshot.session.name, self.snapshot.state
        if answer == "auto":
            store.send_command("mode", mode="auto").wait(0.3)
        if answer == "pause" and state in {RUNNING, WAITING}:
            store.send_command("pause").wait(0.3)
        elif answer != "pause" and state == PAUSED:
            store.send_command("resume").wait(0.3)
        waits = self._describe_waiting()
        keep = f"waits for you: {waits}" if waits else "goes on"
        auto = (
            f"waits for you: {waits}, then the gate decides"
            if waits
            else "goes on, the gate decides"
        )
        said = {"pause": "paused", "keep": keep, "auto": auto}[answer]
        self.screen.genopt.exit_message = f"{name} {said}. genopt open {name}"
        self.screen.app.exit(0)


class DecisionHandlers(ActionHandlers):
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
        p, kept = self.proposal, self.screen.get_kept_hunks()
        chosen: dict[str, object] = {"tree": p.tree}
        if p.edited:
            chosen = {"files": dict(self.proposal_pane.get_kept_files())}
        elif kept is not None:
            chosen["hunks"] = sorted(kept)
        self.send_command("approve", step=p.step, candidate=p.number, **chosen, **how)

    def do_reject(self) -> None:
        proposal = self.proposal

        def send(reason: str | None) -> None:
            if reason is not None:
                self.send_command(
                    "reject", step=proposal.step, candidate=proposal.number, reason=reason
                )

        question = f"Reject {proposal.label or proposal.step}: why? The model is told"
        keys = "Enter rejects (empty: no reason)  Esc keeps it waiting"
        self.screen.app.push_screen(dialogs.TextDialog(question, keys), send)

    def do_again(self) -> None:
        step = self.snapshot.progress.step
        self.confirm_command(
            dialogs.confirm(f"Ask again for step {step}?", self._describe_last_cost(), "ask again"),
            "again",
            step=step,
        )

    def _describe_last_cost(self) -> str:
        """What the same question cost the last time."""
        replies = self.proposal.candidate.replies
        usage = (replies[-1].get("usage") or {}) if replies else {}
        cost = replies[-1].get("cost") if replies else None
        sizes = f"{usage.get('input', '?')} tokens in, {usage.get('output', '?')} out"
        return f"The last reply took {sizes}; it cost {'$?' if cost is None else f'${cost:.4f}'}."

    async def do_edit(self) -> None:
        """The proposal's files in $EDITOR, what comes back is shown as a new candidate; or the
        prompt that waits to be sent; or,
        where a person is the model, the reply."""
        from genopt_tui.ui.platform.external_editor import edit_files

        if self.snapshot.is_reply_awaited:
            text = (edit_files(self.screen.app, {"reply.md": ""}) or {}).get("reply.md", "")
            if text.strip():
                self.send_command("reply", text=text, candidate=self.proposal.number)
            else:
                self.screen.show_notice("No reply was written")
            return
        if self.snapshot.pending == "propose":
            *before, last = self.snapshot.evidence.messages
            text = (edit_files(self.screen.app, {"prompt.md": last["content"]}) or {}).get(
                "prompt.md", last["content"]
            )
            if text != last["content"]:
                messages = [*before, {**last, "content": text}]
                self.send_command("preview", step=self.snapshot.progress.step, messages=messages)
            else:
                self.screen.show_notice("Nothing was changed")
            return
        files = self.proposal_pane.get_kept_files()
        names = [n for n in self.proposal.changes if n in files] or sorted(files)
        edited = edit_files(self.screen.app, {name: files[name] for name in names})
        if edited is not None and any(files[name] != text for name, text in edited.items()):
            self.screen.set_edit({**files, **edited})
        else:
            self.screen.show_notice("Nothing was changed")

    def do_whatif(self) -> None:
        """Ask the step again with one choice changed."""
        step = self.snapshot.progress.step

        def send(text: str | None) -> None:
            if text:
                self.send_command(
                    "whatif", step=step, pairs=[part for part in text.split() if part]
                )

        question = f"What if, for step {step}: which choice changed? One more model call; gated on the same examples"
        self.screen.app.push_screen(
            dialogs.TextDialog(question, "KEY=VALUE, Enter asks  Esc leaves", "horizon.steps=1"),
            send,
        )

    def do_which_hunk(self) -> None:
        """The gate with each hunk left out once: of the version under the history's cursor, else of
        what Proposal shows."""
        s = self.snapshot
        p = None if self.screen.context().is_in_history else s.proposal
        if p is None or p.files is None:
            self._confirm_hunk_gates(
                self.row.label, s.session.gate_size, {"version": self.row.commit}
            )
        elif s.is_historical and s.version is not None:
            self._confirm_hunk_gates(
                s.version.label, s.session.gate_size, {"version": s.version.commit}
            )
        else:
            n = int((p.gate or {}).get("n") or p.gate_size)
            self._confirm_hunk_gates(p.label, n, {"step": p.step, "candidate": p.number})

    def _confirm_hunk_gates(self, label: str, n: int, edit: dict[str, object]) -> None:
        what = f"The gate of {label} runs once more for each hunk, without it: {n} rollouts each. No model call."

        def answer(value: str | None) -> None:
            if value:
                self.screen.store.request_side_job("hunks", **edit)

        self.screen.app.push_screen(
            dialogs.confirm(f"Which hunk of {label} did it?", what, "run them"), answer
        )

    @property
    def proposal_pane(self) -> ProposalPane:
        return cast(ProposalPane, self.screen.pane(5))


class NavigationHandlers(ActionHandlers):
    """Panes, zoom, search, palette, theme, help, log, settings, Esc."""

    def do_next_pane(self) -> None:
        self.screen.go_to_pane(self.screen.active % 5 + 1)

    def do_previous_pane(self) -> None:
        self.screen.go_to_pane((self.screen.active - 2) % 5 + 1)

    def do_zoom(self) -> None:
        self.screen.toggle_zoom()

    def do_search(self) -> None:
        pane = self.screen.focused_pane

        def find(text: str | None) -> None:
            if text and pane is not None:
                pane.search(text)

        keys = "Enter searches  n N next, previous  Esc leaves"
        self.screen.app.push_screen(dialogs.TextDialog("Search in this pane", keys), find)

    def do_palette(self) -> None:
        from textual.command import CommandPalette

        self.screen.app.push_screen(CommandPalette())

    def do_theme(self) -> None:
        self.screen.app.action_change_theme()

    def do_help(self) -> None:
        from genopt_tui.ui.screens.help import HelpScreen

        self.screen.app.push_screen(HelpScreen(self.screen.context()))

    def do_log(self) -> None:
        from genopt_tui.ui.screens.log import LogScreen

        self.screen.app.push_screen(LogScreen(self.snapshot))

    def do_design(self) -> None:
        from genopt_tui.ui.screens.design import DesignScreen

        self.screen.app.push_screen(DesignScreen(self.snapshot, self.screen.store))

    def do_settings(self) -> None:
        from genopt_tui.ui.screens.design import SettingsScreen

        self.screen.app.push_screen(SettingsScreen(self.snapshot, self.screen.store))

    def do_put_aside(self) -> None:
        self.screen.app.action_suspend_process()

    def do_back(self) -> None:
        """Leave the innermost passing state: the pane's own, the look at an older version, the
        zoom, work beside the steps."""
        pane = self.screen.focused_pane
        if pane is not None and pane.leave_mode():
            return
        if self.snapshot.is_historical:
            self.screen.store.show_version("")
        elif self.screen.zoomed:
            self.screen.toggle_zoom()
        elif (aside := self.snapshot.active_side_job) is not None:
            what = "What has run is kept: asked for again, it goes on from there."
            self.confirm_command(
                dialogs.confirm("End what is under way?", what, "end it"), "drop", token=aside.token
            )
