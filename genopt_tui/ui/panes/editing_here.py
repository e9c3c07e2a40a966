"""What a person makes of a proposal: hunks left out, and an edit in place. Both are a new candidate, which can be dropped again."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from genopt_tui.ui.messages import Edited
from genopt_tui.ui.panes.answering import Answering
from genopt_tui.ui.widgets.diff import DiffView
from genopt_tui.ui.widgets.text import Plain, why_not_here

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.editing import Editor


class EditingHere(Answering):
    """The part of a pane that edits the proposal shown in `diff`."""

    diff: DiffView
    scores: Plain
    _edited_file = ""

    def kept(self) -> set[int] | None:
        """Numbers of the hunks that are in; None for the whole edit."""
        if self.proposal is None or self.proposal.files is None or not self.diff.off:
            return None
        return {hunk.number for hunk in self.diff.hunks} - self.diff.off

    def files_left(self) -> Mapping[str, str]:
        """The proposal's files without the hunks that are left out."""
        from genopt_tui.learn.diff import keep

        p, kept = self.proposal, self.kept()
        assert p is not None
        assert p.files is not None
        return p.files if kept is None else keep(p.base, p.files, kept)

    def why_not_edit(self) -> str:
        p = self.proposal
        if self.wanted:
            return ""
        if p is None or p.files is None:
            return "there is no edit yet"
        if p.decided:
            return f"it is decided already: {p.decided}"
        name, _ = self._to_edit()
        files = self.files_left()
        return why_not_here(files[name]) if name in files else "the edit deletes this file"

    def _to_edit(self) -> tuple[str, int]:
        """The file of the hunk under the cursor (else of the first one), and the line (from 0) at which it begins to change."""
        at = self.diff.under_cursor
        hunk = next((h for h in self.diff.hunks if at in (None, h.number)), None)
        if hunk is None:
            return "", 0
        out = [
            h for h in self.diff.hunks if h.number in self.diff.off and h.file == hunk.file and h.number < hunk.number
        ]
        signs = [row.sign for h in out for row in h.rows]
        line = next((row.new for row in hunk.rows if row.sign == "+"), hunk.new_start)
        return hunk.file, max(0, line - 1 - signs.count("+") + signs.count("-"))

    def act_edit_in_place(self) -> None:
        """Edit the file of the hunk under the cursor here, as it is left in; what comes of it is a new candidate. A wanted reply
        is written here."""
        if self.wanted:
            self.write_reply()
            return
        self._edited_file, line = self._to_edit()
        told = f"{self._edited_file}: ctrl+s takes your edit as a new candidate, Esc leaves"
        self._open_editor(self.files_left()[self._edited_file], line, told)

    def _open_editor(self, text: str, line: int, told: str) -> None:
        from genopt_tui.ui.widgets.editing import Editor

        self.editing.show(told)
        self.editor = Editor(text, line)
        self.view.display, self.editing.display = False, True
        self.mount(self.editor, before=self.scores)
        self.editor.focus()

    def on_editor_done(self, event: "Editor.Done") -> None:
        if self.answering:
            self.answered(event.text, event.take)
        elif event.text == self.files_left().get(self._edited_file, ""):
            self._close_editor()
        elif event.take:
            self._take(event.text)
        else:
            self._ask_about(event.text)

    def _ask_about(self, text: str) -> None:
        from genopt_tui.ui.screens.dialogs import Choice, Choose

        lines = (Choice("t", "take", "take it as a new candidate"), Choice("d", "drop", "drop what you wrote"))

        def answer(value: str | None) -> None:
            if value == "take":
                self._take(text)
            elif value == "drop":
                self._close_editor()

        self.app.push_screen(Choose("You have edited the file", lines), answer)

    def _take(self, text: str) -> None:
        files = {**self.files_left(), self._edited_file: text}
        self._close_editor()
        self.post_message(Edited(files).set_sender(self))

    def _close_editor(self) -> None:
        if self.editor is None:
            return
        focused = self.editor.has_focus or self.app.focused is None
        self.editor.remove()
        self.editor, self.answering = None, False
        self.view.display, self.editing.display = True, False
        self._show_body()
        if focused:
            self.view.focus()

    def leave_edit(self) -> bool:
        """Ask whether to go back to the edit as the model wrote it; whether there is anything to go back from."""
        if self.proposal is None or not self.proposal.edited or self.proposal.decided:
            return False
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self.post_message(Edited(None).set_sender(self))

        what = "The proposal is then shown as the model wrote it, with its score."
        self.app.push_screen(confirm("Drop your edit?", what, "drop it"), answer)
        return True

    def _show_body(self) -> None:
        raise NotImplementedError
