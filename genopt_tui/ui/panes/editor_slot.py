"""A text editor that opens in place of a pane's view."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from genopt_tui.ui.panes.line_pane import LinePane
from genopt_tui.ui.widgets.safe_text import PlainText

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.text_editor import Editor


class EditorSlot:
    """Opens and closes the editor of `pane`, at most one at a time.

    The pane yields `hint` where the editor is to appear, and redraws itself in `on_closed`.
    """

    def __init__(self, pane: LinePane, on_closed: Callable[[], None]) -> None:
        self._pane, self._on_closed = pane, on_closed
        self.hint = PlainText(id="editing")
        self.hint.display = False
        self.editor: Editor | None = None

    def open(self, text: str, line: int, hint: str) -> None:
        """Edit `text` with the cursor on `line` (from 0)."""
        from genopt_tui.ui.widgets.text_editor import Editor  # TextArea is slow to import

        self.hint.show(hint)
        self.editor = Editor(text, line)
        self._pane.view.display, self.hint.display = False, True
        self._pane.mount(self.editor, after=self.hint)
        self.editor.focus()

    def close(self) -> None:
        """Remove the editor, if one is open, and show the view again."""
        if self.editor is None:
            return
        had_focus = self.editor.has_focus or self._pane.app.focused is None
        self.editor.remove()
        self.editor = None
        self._pane.view.display, self.hint.display = True, False
        self._on_closed()
        if had_focus:
            self._pane.view.focus()
