"""`O`: a version leaves the session by `genopt export`, whose own words are shown as they come."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from signal import SIGINT
from threading import Timer

from textual.message import Message

from genopt_tui.ui import formatters
from genopt_tui.ui.screens.dialogs import Choice, ChoiceDialog, TextDialog
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.line_source import Line

EXPORT_FORMS = (
    Choice("f", "to", "a folder with its files"),
    Choice("p", "patch", "a patch series, one commit for each accepted step"),
    Choice("b", "branch", "a branch in the repository that the files came from"),
    Choice("w", "bundle", "the whole session in one file, to go on elsewhere"),
)
"""What a version becomes, by the command's option."""
NAME_QUESTIONS = {
    "to": "The new folder",
    "patch": "The patch's file",
    "branch": "The new branch",
    "bundle": "The bundle's file",
}
KILL_DELAY = 5.0
"""Seconds that a command which was ended may take to end its rollouts."""


def ask_form(snapshot: Snapshot, row: HistoryRow) -> ChoiceDialog:
    """What the version becomes; says first what will run and what is opened."""
    told = (
        f"{row.label} is scored anew first: {snapshot.session.gate_size} rollouts on fresh repeats of the gate, then every "
        "example of the test split. That opens the split, and the opening is counted (until now: "
        f"{formatters.format_test_openings(snapshot.test_openings)}). A bundle is not scored."
    )
    return ChoiceDialog(f"Export {row.label} as what?", EXPORT_FORMS, intro=told)


def ask_name(row: HistoryRow, form: str) -> TextDialog:
    """The name of what it becomes; Enter begins."""
    keys = (
        "Enter writes it  Esc cancels"
        if form == "bundle"
        else "Enter scores and exports it  Esc cancels"
    )
    return TextDialog(f"{NAME_QUESTIONS[form]} for {row.label}: its name?", keys)


class ExportScreen(TabbedScreen):
    """What the command says while it runs, and what came of it. The first Esc ends it where it is
    not done, the next goes back."""

    KEYS = "j k move  / search  y copy  Esc ends it, then back"

    class OutputReceived(Message):
        """The command has said something; `said` is all of it, line by line."""

        def __init__(self, said: Sequence[str]) -> None:
            super().__init__()
            self.output = said

    def __init__(self, session: Path, row: HistoryRow, form: str, name: str) -> None:
        super().__init__(f"Export of {row.label}")
        where = name if form == "branch" else str(Path(name).expanduser().absolute())
        self._arguments = ["export", str(session), row.commit, f"--{form}={where}"]
        self._command_text = f"genopt export {session.name} {row.commit[:7]} --{form} {where}"
        self._child: subprocess.Popen[str] | None = None
        self._ended = False

    def read(self) -> tuple[str, Sequence[Page]]:
        """Run the command to its end; what came of it, and all that it said."""
        said = [self._command_text]
        self.post_message(self.OutputReceived(said))
        with subprocess.Popen(
            [sys.executable, "-m", "genopt_tui", *self._arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as child:
            self._child = child
            if self._ended:  # before there was a child
                self._interrupt()
            assert child.stdout is not None
            for line in (line.rstrip("\n") for line in child.stdout):
                said = [*(said[:-1] if is_progress_update(said[-1], line) else said), line]
                self.post_message(self.OutputReceived(said))
        failed = "Ended before it was done" if self._ended else said[-1].removeprefix("genopt: ")
        return failed if child.returncode else "It is exported", [build_page(said)]

    def on_export_screen_output_received(self, message: OutputReceived) -> None:
        if not self.ready:
            self.about.show("Ending ..." if self._ended else "Under way: Esc ends it")
            self.pages = [build_page(message.output)]
            self.turn_to(0)

    def turn_to(self, page: int) -> None:
        super().turn_to(page)
        self.view.act_bottom()

    def action_close(self) -> None:
        if self.ready:
            self.dismiss(None)
        else:
            self._end()

    def on_unmount(self) -> None:
        self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._interrupt()

    def _interrupt(self) -> None:
        """As ctrl+c does, so that it ends its rollouts; where it does not, kill it: they end with
        it."""
        if (child := self._child) is not None and child.poll() is None:
            child.send_signal(SIGINT)
            patience = Timer(KILL_DELAY, child.kill)
            patience.daemon = True
            patience.start()


def is_progress_update(before: str, line: str) -> bool:
    """Whether `line` tells, in place of the one before, how far the same rollouts have come."""
    return line.endswith(" rollouts") and before.partition(":")[0] == line.partition(":")[0]


def build_page(said: Sequence[str]) -> Page:
    """What was typed, and what came of it."""
    lines: list[Line] = [((line, "" if at else "dim"),) for at, line in enumerate(said)]
    return Page("genopt export", lines)
