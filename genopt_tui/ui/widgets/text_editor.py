"""A small plain editor for one file of a proposal."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea


class Editor(TextArea):
    """A text area: ctrl+s accepts the text, Escape leaves. Both post `Done`."""

    DEFAULT_CSS = """
    Editor { height: 1fr; border: none; padding: 0; }
    Editor:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done(True)", show=False, priority=True)
    ]

    class Done(Message):
        """Editing has ended; `take` means that the text is to be used."""

        def __init__(self, text: str, take: bool) -> None:
            self.text, self.take = text, take
            super().__init__()

    def __init__(self, text: str, line: int) -> None:
        """Edit `text` with the cursor on `line` (from 0); its line ends are kept."""
        super().__init__(
            text.replace("\r\n", "\n"),
            show_line_numbers=True,
            soft_wrap=False,
            tab_behavior="indent",
            compact=True,
        )
        self._line_ending, self._start_line = "\r\n" if "\r\n" in text else "\n", line

    def on_mount(self) -> None:
        self.move_cursor((min(self._start_line, self.document.line_count - 1), 0), center=True)

    @property
    def edited_text(self) -> str:
        """The current text, with the line ends of the original."""
        return self.text.replace("\n", self._line_ending)

    def action_done(self, take: bool) -> None:
        self.post_message(self.Done(self.edited_text, take))

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.action_done(False)
            return
        await super()._on_key(event)
