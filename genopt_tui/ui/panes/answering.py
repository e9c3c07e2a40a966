"""Giving the reply where the person is the model: the prompt goes to the clipboard, the reply is pasted or written here."""

from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.ui.messages import CommandWanted, Copied
from genopt_tui.ui.panes.lines import LinePane
from genopt_tui.ui.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.text import Plain

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.editing import Editor

HOW = "your reply: paste it or write it; ctrl+s gives it, Esc leaves"


class Answering(LinePane):
    """The part of a pane that takes a person's reply. `editor` is open where `answering`."""

    editor: "Editor | None"
    editing: Plain
    proposal: ProposalView | None
    wanted = answering = False
    _folder = Path()

    def feed_answering(self, snapshot: Snapshot) -> None:
        """Take note of whether a reply is wanted; an open editor closes where it came from elsewhere."""
        self.wanted, self._folder = snapshot.reply_wanted, Path(snapshot.session.path, ".genopt")
        if self.answering and not self.wanted:
            self._close_editor()

    def act_copy(self) -> None:
        """The prompt, where its reply is wanted; else what the cursor is on."""
        p = self.proposal
        files = list(self._folder.glob(f"prompt-{p.step}.{p.number}.*.md")) if self.wanted and p else []
        if files:
            newest = max(files, key=lambda file: int(file.name.split(".")[-2]))  # of its attempts
            text = newest.read_bytes().decode("utf-8", "replace").removesuffix("\n")
            self.post_message(Copied(text, f"the prompt ({newest.name})"))
        else:
            self.view.act_copy()

    def write_reply(self) -> None:
        """Open an empty text for the reply."""
        self.answering = True
        self._open_editor("", 0, HOW)

    def answered(self, text: str, take: bool) -> None:
        """The editor ended: the reply is given, or what was written is asked about."""
        assert self.proposal is not None
        if take and text.strip():
            self._close_editor()
            given = {"text": text, "candidate": self.proposal.number}
            self.post_message(CommandWanted("reply", given).set_sender(self))
        elif text.strip():
            self._ask_to_drop()
        else:
            self._close_editor()

    def _ask_to_drop(self) -> None:
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self._close_editor()

        self.app.push_screen(confirm("Drop the reply you wrote?", "It was not given.", "drop it"), answer)

    def _open_editor(self, text: str, line: int, told: str) -> None:
        raise NotImplementedError

    def _close_editor(self) -> None:
        raise NotImplementedError
