"""Editing in the Proposal pane: proposed files, or the reply of a manual model."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.session.commands import Reply
from genopt_tui.ui.messages import CommandRequested, CopyRequested, ProposalEdited
from genopt_tui.ui.panes.editor_slot import EditorSlot
from genopt_tui.ui.panes.line_pane import LinePane
from genopt_tui.ui.state.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.diff_view import DiffView
from genopt_tui.ui.widgets.safe_text import explain_not_editable

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.text_editor import Editor

REPLY_HINT = "Your reply: paste or write it. ctrl+s sends it, Esc cancels"


class ProposalEditor:
    """Edits the proposal that `diff` shows, or takes a reply that the user writes.

    An edit makes a new candidate. Dialogs, messages and the editor widget go through `pane`.
    """

    def __init__(self, pane: LinePane, diff: DiffView, on_closed: Callable[[], None]) -> None:
        self._pane, self._diff = pane, diff
        self._slot = EditorSlot(pane, on_closed)
        self.proposal: ProposalView | None = None
        self.is_reply_wanted = False
        self._is_writing_reply = False
        self._edited_file = ""
        self._folder = Path()

    @property
    def slot(self) -> EditorSlot:
        """The place of the editor."""
        return self._slot

    def feed(self, snapshot: Snapshot) -> None:
        """Take over the proposal of `snapshot`; close the reply's editor if no reply is awaited."""
        self.proposal = snapshot.proposal
        self.is_reply_wanted = snapshot.is_reply_awaited
        self._folder = Path(snapshot.session.path, ".genopt")
        if self._is_writing_reply and not self.is_reply_wanted:
            self.close()

    def close(self) -> None:
        """Close the editor and discard its text."""
        self._is_writing_reply = False
        self._slot.close()

    def open(self) -> None:
        """Open an editor for the awaited reply, else for the file of the hunk under the cursor."""
        if self.is_reply_wanted:
            self._is_writing_reply = True
            self._slot.open("", 0, REPLY_HINT)
            return
        self._edited_file, line = self._find_edit_position()
        hint = f"{self._edited_file}: ctrl+s makes your edit a new candidate, Esc cancels"
        self._slot.open(self.get_kept_files()[self._edited_file], line, hint)

    def why_not_edit(self) -> str:
        """Why `open` is not possible now; empty if it is."""
        p = self.proposal
        if self.is_reply_wanted:
            return ""
        if p is None or p.files is None:
            return "there is no edit yet"
        if p.decision:
            return f"already decided: {p.decision}"
        name, _ = self._find_edit_position()
        files = self.get_kept_files()
        return explain_not_editable(files[name]) if name in files else "the edit deletes this file"

    # hunks left out

    def get_kept_hunks(self) -> set[int] | None:
        """Numbers of the hunks that are kept; None if all are."""
        if self.proposal is None or self.proposal.files is None or not self._diff.left_out:
            return None
        return {hunk.number for hunk in self._diff.hunks} - self._diff.left_out

    def get_kept_files(self) -> Mapping[str, str]:
        """The proposal's files without the hunks left out."""
        from genopt_tui.learn.edit.diff import apply_hunks

        p, hunks = self.proposal, self.get_kept_hunks()
        assert p is not None
        assert p.files is not None
        return p.files if hunks is None else apply_hunks(p.base, p.files, hunks)

    def _find_edit_position(self) -> tuple[str, int]:
        """File of the hunk under the cursor, else of the first hunk, and its first changed line
        (from 0)."""
        number = self._diff.hunk_under_cursor
        hunk = next((h for h in self._diff.hunks if number in (None, h.number)), None)
        if hunk is None:
            return "", 0
        # Hunks above that are left out do not move the lines below them.
        left_out = [
            h
            for h in self._diff.hunks
            if h.number in self._diff.left_out and h.file == hunk.file and h.number < hunk.number
        ]
        signs = [row.sign for h in left_out for row in h.rows]
        line = next((row.new for row in hunk.rows if row.sign == "+"), hunk.new_start)
        return hunk.file, max(0, line - 1 - signs.count("+") + signs.count("-"))

    # the end of editing

    def finish(self, event: "Editor.Done") -> None:
        """Take the edited text, or ask whether to discard it."""
        if self._is_writing_reply:
            self._finish_reply(event.text, event.take)
        elif event.text == self.get_kept_files().get(self._edited_file, ""):
            self.close()
        elif event.take:
            self._submit_edit(event.text)
        else:
            self._ask_take_or_discard(event.text)

    def _finish_reply(self, text: str, take: bool) -> None:
        if not text.strip():
            self.close()
        elif not take:
            self._confirm_discard_reply()
        else:
            assert self.proposal is not None
            self.close()
            reply = Reply(text=text, candidate=self.proposal.number)
            self._pane.post_message(CommandRequested(reply).set_sender(self._pane))

    def _confirm_discard_reply(self) -> None:
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self.close()

        question = confirm("Discard your reply?", "It has not been sent.", "discard it")
        self._pane.app.push_screen(question, answer)

    def _submit_edit(self, text: str) -> None:
        files = {**self.get_kept_files(), self._edited_file: text}
        self.close()
        self._pane.post_message(ProposalEdited(files).set_sender(self._pane))

    def _ask_take_or_discard(self, text: str) -> None:
        from genopt_tui.ui.screens.dialogs import Choice, ChoiceDialog

        choices = (
            Choice("t", "take", "make it a new candidate"),
            Choice("d", "discard", "discard your changes"),
        )

        def answer(value: str | None) -> None:
            if value == "take":
                self._submit_edit(text)
            elif value == "discard":
                self.close()

        self._pane.app.push_screen(ChoiceDialog("You have edited the file", choices), answer)

    def confirm_revert(self) -> bool:
        """Ask whether to discard the user's edit; false if there is none."""
        if self.proposal is None or not self.proposal.edited or self.proposal.decision:
            return False
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self._pane.post_message(ProposalEdited(None).set_sender(self._pane))

        about = "This restores the model's proposal with its score."
        self._pane.app.push_screen(confirm("Discard your edit?", about, "discard it"), answer)
        return True

    # copying

    def copy_prompt(self) -> bool:
        """Copy the prompt whose reply is awaited; false if none is."""
        p = self.proposal
        if not self.is_reply_wanted or p is None:
            return False
        prompts = list(self._folder.glob(f"prompt-{p.step}.{p.number}.*.md"))
        if not prompts:
            return False
        newest = max(prompts, key=lambda file: int(file.name.split(".")[-2]))  # by attempt
        text = newest.read_bytes().decode("utf-8", "replace").removesuffix("\n")
        self._pane.post_message(CopyRequested(text, f"the prompt ({newest.name})"))
        return True
