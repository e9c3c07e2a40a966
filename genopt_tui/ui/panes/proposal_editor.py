"""Giving the reply where the person is the model: the prompt goes to the clipboard, the reply is
pasted or written here.

What a person makes of a proposal: hunks left out, and an edit in place. Both are a new candidate,
which can be dropped again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.ui.messages import CommandRequested, CopyRequested, ProposalEdited
from genopt_tui.ui.panes.line_pane import LinePane
from genopt_tui.ui.state.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.diff_view import DiffView
from genopt_tui.ui.widgets.safe_text import PlainText, explain_not_editable

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.text_editor import Editor


REPLY_HELP = "your reply: paste it or write it; ctrl+s gives it, Esc leaves"


class ReplyEditor(LinePane):
    """The part of a pane that takes a person's reply. `editor` is open where `answering`."""

    editor: "Editor | None"
    editor_hint: PlainText
    proposal: ProposalView | None
    reply_wanted = editing_reply = False
    _folder = Path()

    def update_reply_state(self, snapshot: Snapshot) -> None:
        """Take note of whether a reply is wanted; an open editor closes where it came from
        elsewhere."""
        self.reply_wanted, self._folder = (
            snapshot.is_reply_awaited,
            Path(snapshot.session.path, ".genopt"),
        )
        if self.editing_reply and not self.reply_wanted:
            self._close_editor()

    def act_copy(self) -> None:
        """The prompt, where its reply is wanted; else what the cursor is on."""
        p = self.proposal
        files = (
            list(self._folder.glob(f"prompt-{p.step}.{p.number}.*.md"))
            if self.reply_wanted and p
            else []
        )
        if files:
            newest = max(files, key=lambda file: int(file.name.split(".")[-2]))  # of its attempts
            text = newest.read_bytes().decode("utf-8", "replace").removesuffix("\n")
            self.post_message(CopyRequested(text, f"the prompt ({newest.name})"))
        else:
            self.view.act_copy()

    def open_reply_editor(self) -> None:
        """Open an empty text for the reply."""
        self.editing_reply = True
        self._open_editor("", 0, REPLY_HELP)

    def finish_reply(self, text: str, take: bool) -> None:
        """The editor ended: the reply is given, or what was written is asked about."""
        assert self.proposal is not None
        if take and text.strip():
            self._close_editor()
            given = {"text": text, "candidate": self.proposal.number}
            self.post_message(CommandRequested("reply", given).set_sender(self))
        elif text.strip():
            self._confirm_discard()
        else:
            self._close_editor()

    def _confirm_discard(self) -> None:
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self._close_editor()

        self.app.push_screen(
            confirm("Drop the reply you wrote?", "It was not given.", "drop it"), answer
        )

    def _open_editor(self, text: str, line: int, hint: str) -> None:
        raise NotImplementedError

    def _close_editor(self) -> None:
        raise NotImplementedError


class ProposalEditor(ReplyEditor):
    """The part of a pane that edits the proposal shown in `diff`."""

    diff: DiffView
    scores: PlainText
    _edited_file = ""

    def get_kept_hunks(self) -> set[int] | None:
        """Numbers of the hunks that are in; None for the whole edit."""
        if self.proposal is None or self.proposal.files is None or not self.diff.left_out:
            return None
        return {hunk.number for hunk in self.diff.hunks} - self.diff.left_out

    def get_kept_files(self) -> Mapping[str, str]:
        """The proposal's files without the hunks that are left out."""
        from genopt_tui.learn.edit.diff import apply_hunks

        p, kept = self.proposal, self.get_kept_hunks()
        assert p is not None
        assert p.files is not None
        return p.files if kept is None else apply_hunks(p.base, p.files, kept)

    def why_not_edit(self) -> str:
        p = self.proposal
        if self.reply_wanted:
            return ""
        if p is None or p.files is None:
            return "there is no edit yet"
        if p.decision:
            return f"it is decided already: {p.decision}"
        name, _ = self._find_edit_position()
        files = self.get_kept_files()
        return explain_not_editable(files[name]) if name in files else "the edit deletes this file"

    def _find_edit_position(self) -> tuple[str, int]:
        """The file of the hunk under the cursor (else of the first one), and the line (from 0) at
        which it begins to change."""
        at = self.diff.hunk_under_cursor
        hunk = next((h for h in self.diff.hunks if at in (None, h.number)), None)
        if hunk is None:
            return "", 0
        out = [
            h
            for h in self.diff.hunks
            if h.number in self.diff.left_out and h.file == hunk.file and h.number < hunk.number
        ]
        signs = [row.sign for h in out for row in h.rows]
        line = next((row.new for row in hunk.rows if row.sign == "+"), hunk.new_start)
        return hunk.file, max(0, line - 1 - signs.count("+") + signs.count("-"))

    def act_edit_in_place(self) -> None:
        """Edit the file of the hunk under the cursor here, as it is left in; what comes of it is a
        new candidate. A wanted reply
        is written here."""
        if self.reply_wanted:
            self.open_reply_editor()
            return
        self._edited_file, line = self._find_edit_position()
        told = f"{self._edited_file}: ctrl+s takes your edit as a new candidate, Esc leaves"
        self._open_editor(self.get_kept_files()[self._edited_file], line, told)

    def _open_editor(self, text: str, line: int, hint: str) -> None:
        from genopt_tui.ui.widgets.text_editor import Editor

        self.editor_hint.show(hint)
        self.editor = Editor(text, line)
        self.view.display, self.editor_hint.display = False, True
        self.mount(self.editor, before=self.scores)
        self.editor.focus()

    def on_editor_done(self, event: "Editor.Done") -> None:
        if self.editing_reply:
            self.finish_reply(event.text, event.take)
        elif event.text == self.get_kept_files().get(self._edited_file, ""):
            self._close_editor()
        elif event.take:
            self._submit_edit(event.text)
        else:
            self._ask_take_or_drop(event.text)

    def _ask_take_or_drop(self, text: str) -> None:
        from genopt_tui.ui.screens.dialogs import Choice, ChoiceDialog

        lines = (
            Choice("t", "take", "take it as a new candidate"),
            Choice("d", "drop", "drop what you wrote"),
        )

        def answer(value: str | None) -> None:
            if value == "take":
                self._submit_edit(text)
            elif value == "drop":
                self._close_editor()

        self.app.push_screen(ChoiceDialog("You have edited the file", lines), answer)

    def _submit_edit(self, text: str) -> None:
        files = {**self.get_kept_files(), self._edited_file: text}
        self._close_editor()
        self.post_message(ProposalEdited(files).set_sender(self))

    def _close_editor(self) -> None:
        if self.editor is None:
            return
        focused = self.editor.has_focus or self.app.focused is None
        self.editor.remove()
        self.editor, self.editing_reply = None, False
        self.view.display, self.editor_hint.display = True, False
        self._show_body()
        if focused:
            self.view.focus()

    def confirm_drop_edit(self) -> bool:
        """Ask whether to go back to the edit as the model wrote it; whether there is anything to go
        back from."""
        if self.proposal is None or not self.proposal.edited or self.proposal.decision:
            return False
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self.post_message(ProposalEdited(None).set_sender(self))

        what = "The proposal is then shown as the model wrote it, with its score."
        self.app.push_screen(confirm("Drop your edit?", what, "drop it"), answer)
        return True

    def _show_body(self) -> None:
        raise NotImplementedError
