"""`O`: exports a version with `genopt export`, whose output is shown as it comes."""

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
"""Forms of an export; values are options of the command."""
NAME_QUESTIONS = {
    "to": "The new folder",
    "patch": "The patch's file",
    "branch": "The new branch",
    "bundle": "The bundle's file",
}
KILL_DELAY = 5.0
"""Seconds that an interrupted command has to stop its rollouts."""


def ask_form(snapshot: Snapshot, row: HistoryRow) -> ChoiceDialog:
    """Ask for the form of the export; the intro says what will run and be opened."""
    openings = formatters.format_test_openings(snapshot.test_openings)
    intro = (
        f"{row.label} is scored again first: {snapshot.session.gate_size} rollouts on fresh "
        "repeats of the gate, then every example of the test split. That opens the split, and the "
        f"opening is counted (until now: {openings}). A bundle is not scored."
    )
    return ChoiceDialog(f"Export {row.label} as what?", EXPORT_FORMS, intro=intro)


def ask_name(row: HistoryRow, form: str) -> TextDialog:
    """Ask for the name of the result; Enter starts the export."""
    keys = (
        "Enter writes it  Esc cancels"
        if form == "bundle"
        else "Enter scores and exports it  Esc cancels"
    )
    return TextDialog(f"{NAME_QUESTIONS[form]} for {row.label}: its name?", keys)


class ExportScreen(TabbedScreen):
    """Output of the command while it runs, and its result. The first Esc stops it, the next one
    goes back."""

    KEYS = "j k move  / search  y copy  Esc ends it, then back"

    class OutputReceived(Message):
        """The command has printed a line; `output` is all of it, by line."""

        def __init__(self, output: Sequence[str]) -> None:
            super().__init__()
            self.output = output

    def __init__(self, session: Path, row: HistoryRow, form: str, name: str) -> None:
        super().__init__(f"Export of {row.label}")
        where = name if form == "branch" else str(Path(name).expanduser().absolute())
        self._arguments = ["export", str(session), row.commit, f"--{form}={where}"]
        self._command_text = f"genopt export {session.name} {row.commit[:7]} --{form} {where}"
        self._child: subprocess.Popen[str] | None = None
        self._ended = False

    def read(self) -> tuple[str, Sequence[Page]]:
        """Run the command to its end; its last line, and the whole output."""
        output = [self._command_text]
        self.post_message(self.OutputReceived(output))
        with subprocess.Popen(
            [sys.executable, "-m", "genopt_tui", *self._arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as child:
            self._child = child
            if self._ended:  # Esc was pressed before the process started
                self._interrupt()
            assert child.stdout is not None
            for line in (line.rstrip("\n") for line in child.stdout):
                output = [*(output[:-1] if is_progress_update(output[-1], line) else output), line]
                self.post_message(self.OutputReceived(output))
        failed = "Ended before it was done" if self._ended else output[-1].removeprefix("genopt: ")
        return failed if child.returncode else "Exported", [build_page(output)]

    def on_export_screen_output_received(self, message: OutputReceived) -> None:
        if not self.ready:
            self.about.show("Ending ..." if self._ended else "Running: Esc ends it")
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
        """Interrupt the command as ctrl+c does, so that it stops its rollouts; kill it if it takes
        too long."""
        if (child := self._child) is not None and child.poll() is None:
            child.send_signal(SIGINT)
            timer = Timer(KILL_DELAY, child.kill)
            timer.daemon = True
            timer.start()


def is_progress_update(previous: str, line: str) -> bool:
    """Whether `line` is a newer progress of the same rollouts as the line before."""
    return line.endswith(" rollouts") and previous.partition(":")[0] == line.partition(":")[0]


def build_page(output: Sequence[str]) -> Page:
    """The command and its output."""
    lines: list[Line] = [((line, "" if index else "dim"),) for index, line in enumerate(output)]
    return Page("genopt export", lines)
