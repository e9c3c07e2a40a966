"""What actions do that concern the loop, the proposal on the screen, and the application."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from genopt_tui.session import commands
from genopt_tui.session.progress import PAUSED, RUNNING, WAITING
from genopt_tui.ui.actions.host import ActionHost, confirm, require_row
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.state.snapshot import ProposalView, Snapshot


@dataclass(frozen=True, slots=True)
class LoopHandlers:
    """p s M i, and what becomes of a run when the application is left."""

    host: ActionHost

    @property
    def snapshot(self) -> Snapshot:
        return self.host.snapshot

    def run(self) -> None:
        state, mode = self.snapshot.state, self.snapshot.session.mode
        if self.snapshot.alive and state in {RUNNING, WAITING}:
            self.host.store.send_command(commands.Pause())
        elif self.snapshot.alive and state == PAUSED:
            self.host.store.send_command(commands.Resume())
        else:
            self.host.store.send_command(commands.Run(mode=mode))

    def step(self) -> None:
        if self.snapshot.pending == "propose":
            step, (dropped, pinned) = self.snapshot.progress.step, self.host.get_prompt_choices()
            self.host.store.send_command(
                commands.SendPrompt(step=step, dropped=dropped, pinned=pinned)
            )
        else:
            mode = self.snapshot.session.mode
            self.host.store.send_command(commands.Run(steps=1, mode=mode))

    def hint(self) -> None:
        def send(hint: dialogs.Hint | None) -> None:
            if hint is not None:
                self.host.store.send_command(commands.Hint(text=hint.text, always=hint.always))
                when = "in every update" if hint.always else "in the next update"
                self.host.show_notice(f"The model is told {when}")

        self.host.app.push_screen(dialogs.HintDialog(), send)

    def mode(self) -> None:
        def send(mode: str | None) -> None:
            if mode and mode != self.snapshot.session.mode:
                self.host.store.send_command(commands.SetMode(mode=mode))

        self.host.app.push_screen(dialogs.choose_mode(self.snapshot.session.mode), send)

    def leave(self) -> None:
        """Ask what becomes of a live run; without one, go."""
        if not self.snapshot.alive:
            self.host.app.exit(0)
            return
        paused = self.snapshot.state == PAUSED
        question = dialogs.ask_leave(
            self.snapshot.session.mode, self._describe_waiting(), paused=paused
        )
        self.host.app.push_screen(question, self._finish_leaving)

    def _describe_waiting(self) -> str:
        """What waits for a person: also mode auto leaves it to them."""
        what = {"decide": "proposal", "propose": "the prompt of step"}.get(self.snapshot.pending)
        return f"{what} {self.snapshot.progress.step}" if what else ""

    def _finish_leaving(self, answer: str | None) -> None:
        if answer is None:
            return
        store, name, state = self.host.store, self.snapshot.session.name, self.snapshot.state
        if answer == "auto":
            store.send_command(commands.SetMode(mode="auto")).wait(0.3)
        if answer == "pause" and state in {RUNNING, WAITING}:
            store.send_command(commands.Pause()).wait(0.3)
        elif answer != "pause" and state == PAUSED:
            store.send_command(commands.Resume()).wait(0.3)
        waits = self._describe_waiting()
        keep = f"waits for you: {waits}" if waits else "goes on"
        auto = (
            f"waits for you: {waits}, then the gate decides"
            if waits
            else "goes on, the gate decides"
        )
        said = {"pause": "paused", "keep": keep, "auto": auto}[answer]
        self.host.services.exit_message = f"{name} {said}. genopt open {name}"
        self.host.app.exit(0)


@dataclass(frozen=True, slots=True)
class DecisionHandlers:
    """a A r R e W D."""

    host: ActionHost

    @property
    def snapshot(self) -> Snapshot:
        return self.host.snapshot

    @property
    def proposal(self) -> ProposalView:
        proposal = self.snapshot.proposal
        assert proposal is not None
        return proposal

    def approve(self) -> None:
        self._prepare_approval()()

    def approve_unmeasured(self) -> None:
        """Ask first: the key is one slip away from `approve`."""
        question = dialogs.confirm(
            "Approve without a gate?",
            "What is shown becomes a commit without a score.",
            "approve unmeasured",
        )
        confirm(self.host, question, self._prepare_approval(unmeasured=True))

    def _prepare_approval(self, *, unmeasured: bool = False) -> Callable[[], object]:
        """Approving exactly what is on the screen now, whatever is there once it is called."""
        p, kept = self.proposal, self.host.get_kept_hunks()
        approval = commands.Approve(step=p.step, candidate=p.number, unmeasured=unmeasured)
        if p.edited:
            approval = approval.replace(files=dict(self.host.get_kept_files()))
        else:
            hunks = None if kept is None else tuple(sorted(kept))
            approval = approval.replace(tree=p.tree, hunks=hunks)
        return partial(self.host.store.send_command, approval)

    def reject(self) -> None:
        proposal = self.proposal

        def send(reason: str | None) -> None:
            if reason is not None:
                step, number = proposal.step, proposal.number
                self.host.store.send_command(
                    commands.Reject(step=step, candidate=number, reason=reason)
                )

        question = f"Reject {proposal.label or proposal.step}: why? The model is told"
        keys = "Enter rejects (empty: no reason)  Esc keeps it waiting"
        self.host.app.push_screen(dialogs.TextDialog(question, keys), send)

    def again(self) -> None:
        step = self.snapshot.progress.step
        question = dialogs.confirm(
            f"Ask again for step {step}?", self._describe_last_cost(), "ask again"
        )
        command = commands.AskAgain(step=step)
        confirm(self.host, question, partial(self.host.store.send_command, command))

    def _describe_last_cost(self) -> str:
        """What the same question cost the last time."""
        replies = self.proposal.candidate.replies
        usage = (replies[-1].get("usage") or {}) if replies else {}
        cost = replies[-1].get("cost") if replies else None
        sizes = f"{usage.get('input', '?')} tokens in, {usage.get('output', '?')} out"
        return f"The last reply took {sizes}; it cost {'$?' if cost is None else f'${cost:.4f}'}."

    async def edit(self) -> None:
        """The proposal's files in $EDITOR, what comes back is shown as a new candidate; or the
        prompt that waits to be sent; or,
        where a person is the model, the reply."""
        from genopt_tui.ui.platform.external_editor import edit_files

        if self.snapshot.is_reply_awaited:
            text = (edit_files(self.host.app, {"reply.md": ""}) or {}).get("reply.md", "")
            if text.strip():
                reply = commands.Reply(text=text, candidate=self.proposal.number)
                self.host.store.send_command(reply)
            else:
                self.host.show_notice("No reply was written")
            return
        if self.snapshot.pending == "propose":
            *before, last = self.snapshot.evidence.messages
            text = (edit_files(self.host.app, {"prompt.md": last["content"]}) or {}).get(
                "prompt.md", last["content"]
            )
            if text != last["content"]:
                messages = (*before, {**last, "content": text})
                step = self.snapshot.progress.step
                self.host.store.send_command(commands.PreviewPrompt(step=step, messages=messages))
            else:
                self.host.show_notice("Nothing was changed")
            return
        files = self.host.get_kept_files()
        names = [n for n in self.proposal.changes if n in files] or sorted(files)
        edited = edit_files(self.host.app, {name: files[name] for name in names})
        if edited is not None and any(files[name] != text for name, text in edited.items()):
            self.host.set_edit({**files, **edited})
        else:
            self.host.show_notice("Nothing was changed")

    def whatif(self) -> None:
        """Ask the step again with one choice changed."""
        step = self.snapshot.progress.step

        def send(text: str | None) -> None:
            if text:
                self.host.store.send_command(commands.WhatIf(step=step, pairs=tuple(text.split())))

        question = f"What if, for step {step}: which choice changed? One more model call; gated on the same examples"
        self.host.app.push_screen(
            dialogs.TextDialog(question, "KEY=VALUE  Enter ask  Esc cancel", "horizon.steps=1"),
            send,
        )

    def which_hunk(self) -> None:
        """The gate with each hunk left out once: of the version under the history's cursor, else of
        what Proposal shows."""
        s = self.snapshot
        p = None if self.host.context().is_in_history else s.proposal
        if p is None or p.files is None:
            row = require_row(self.host)
            job = commands.ScoreHunks(token=commands.new_token(), version=row.commit)
            self._confirm_hunk_gates(row.label, s.session.gate_size, job)
        elif s.is_historical and s.version is not None:
            job = commands.ScoreHunks(token=commands.new_token(), version=s.version.commit)
            self._confirm_hunk_gates(s.version.label, s.session.gate_size, job)
        else:
            n = int((p.gate or {}).get("n") or p.gate_size)
            token = commands.new_token()
            job = commands.ScoreHunks(token=token, step=p.step, candidate=p.number)
            self._confirm_hunk_gates(p.label, n, job)

    def _confirm_hunk_gates(self, label: str, n: int, job: commands.ScoreHunks) -> None:
        what = f"The gate of {label} runs once more for each hunk, without it: {n} rollouts each. No model call."

        question = dialogs.confirm(f"Which hunk of {label} did it?", what, "run them")
        confirm(self.host, question, partial(self.host.store.request_side_job, job))


@dataclass(frozen=True, slots=True)
class NavigationHandlers:
    """Panes, zoom, search, palette, theme, help, log, settings, Esc."""

    host: ActionHost

    @property
    def snapshot(self) -> Snapshot:
        return self.host.snapshot

    def next_pane(self) -> None:
        self.host.go_to_pane(self.host.active % 5 + 1)

    def previous_pane(self) -> None:
        self.host.go_to_pane((self.host.active - 2) % 5 + 1)

    def zoom(self) -> None:
        self.host.toggle_zoom()

    def search(self) -> None:
        def find(text: str | None) -> None:
            if text:
                self.host.search_pane(text)

        keys = "Enter search  n N next, previous  Esc cancel"
        self.host.app.push_screen(dialogs.TextDialog("Search in this pane", keys), find)

    def palette(self) -> None:
        from textual.command import CommandPalette

        self.host.app.push_screen(CommandPalette())

    def theme(self) -> None:
        self.host.app.action_change_theme()

    def help(self) -> None:
        from genopt_tui.ui.screens.help import HelpScreen

        self.host.app.push_screen(HelpScreen(self.host.context()))

    def log(self) -> None:
        from genopt_tui.ui.screens.log import LogScreen

        self.host.app.push_screen(LogScreen(self.snapshot))

    def design(self) -> None:
        from genopt_tui.ui.screens.design import DesignScreen

        self.host.app.push_screen(DesignScreen(self.snapshot, self.host.store))

    def settings(self) -> None:
        from genopt_tui.ui.screens.design import SettingsScreen

        self.host.app.push_screen(SettingsScreen(self.snapshot, self.host.store))

    def put_aside(self) -> None:
        self.host.app.action_suspend_process()

    def back(self) -> None:
        """Leave the innermost passing state: a pane's search, an older version, the zoom, a side
        job."""
        if self.host.leave_pane_mode():
            return
        if self.snapshot.is_historical:
            self.host.store.show_version("")
        elif self.host.zoomed:
            self.host.toggle_zoom()
        elif (job := self.snapshot.active_side_job) is not None:
            question = dialogs.confirm(
                "Stop the side job?",
                "Finished rollouts are kept: the same request continues from there.",
                "stop it",
            )
            command = commands.DropSideJob(token=job.token)
            confirm(self.host, question, partial(self.host.store.send_command, command))
