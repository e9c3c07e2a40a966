"""Acts on versions in a real terminal with the real runner, at both sizes."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from terminal import Terminal, genopt

if TYPE_CHECKING:
    from genopt_tui.config import SessionSettings

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux as its terminal")
SIZES = [(160, 45), (80, 24)]


@pytest.fixture
def terminal(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    home: Path,
    lived_pattern: "tuple[Path, SessionSettings]",
) -> Iterator[Terminal]:
    from lived import copied

    copied(*lived_pattern, tmp_path)
    window = Terminal(tmp_path, *request.param)
    window.run("open", str(tmp_path / "lived"))
    window.called("genopt lived: finished")
    window.shows("Step 3: gate")
    yield window
    window.close()
    genopt("stop", str(tmp_path / "lived"))


@pytest.mark.parametrize("terminal", SIZES, indirect=True, ids=str)
def test_moving_about_in_history(terminal: Terminal, tmp_path: Path) -> None:
    """Rewind, undo, redo, a branch, a switch there and back, a tag, a note, the past and the
    present, an export."""
    terminal.press("1", "j", "j")
    terminal.shows("1 gate")
    terminal.press("t")
    terminal.shows("Take main back to 1?")
    terminal.press("y")
    terminal.shows("main@1")
    terminal.press("u")
    terminal.shows("main@3")
    terminal.press("U")
    terminal.shows("main@1")
    terminal.press("u")
    terminal.shows("main@3")
    terminal.press("b")
    terminal.shows("New branch at")
    terminal.type("aim")
    terminal.press("Enter")
    terminal.until(
        lambda: "New branch" not in terminal.text and "aim" in terminal.text, "the branch"
    )
    terminal.press("S")
    terminal.shows("Continue on which branch?")
    terminal.press("1")
    terminal.shows("aim@1")
    terminal.press("S")
    terminal.shows("Continue on which branch?")
    terminal.press("1")
    terminal.shows("main@3")
    terminal.press("T")
    terminal.shows("Name for version 1?")
    terminal.type("first")
    terminal.press("Enter")
    terminal.shows("tag first")
    terminal.press("o")
    terminal.shows("Note about 1")
    terminal.type("look again")
    terminal.press("Enter")
    terminal.shows("note: look again")
    terminal.press("Enter")
    terminal.shows("Version 1 is shown")
    terminal.press("2")
    terminal.shows("LEVEL = 5.0")
    left(terminal, "is shown. Esc goes back")
    terminal.press("1", "O")
    terminal.shows("Export 1 as what?")
    terminal.press("f")
    terminal.shows("The new folder for 1")
    terminal.type(str(tmp_path / "out"))
    terminal.press("Enter")
    terminal.shows("on the test split")
    terminal.shows("Exported")
    assert "LEVEL = 5.0" in (tmp_path / "out" / "answer.py").read_text()
    left(terminal, "Export of 1")


@pytest.mark.parametrize("terminal", SIZES, indirect=True, ids=str)
def test_taking_up_edits_again(terminal: Terminal, tmp_path: Path) -> None:
    """Which hunk did it, a hunk of another version, an edit by hand; compare with both traces, the
    matrix, a search."""
    terminal.press("1", "D")
    terminal.shows("Which hunk of 3 did it?")
    terminal.press("y")
    terminal.shows("of 12 rollouts")
    terminal.until(lambda: "of 12 rollouts" not in terminal.text, "the end of it")
    terminal.press("j", "j", "Enter")
    terminal.shows("Version 1 is shown")
    left(terminal, "is shown. Esc goes back")
    terminal.press("g", "c")
    terminal.shows("6 up 0 down 0 same")
    terminal.shows("LEVEL = 7.0")
    terminal.press("Tab", "Enter")
    terminal.shows("first difference at step 0")
    left(terminal, "Compare 1")
    terminal.press("X")
    terminal.shows("6 gate examples, 3 versions")
    left(terminal, "Examples by versions")
    terminal.press("/")
    terminal.shows("Search in this pane")
    terminal.type("DRIFT = -1")
    terminal.press("Enter")
    terminal.shows("diff: ")
    left(terminal, "diff: ")
    terminal.press("g", "C")
    terminal.shows("0 of 2 hunks go into a proposal on 3")
    left(terminal, "Take parts of")
    file = tmp_path / "lived" / "artifact" / "answer.py"
    file.write_text(file.read_text().replace("LEVEL = 7.0", "LEVEL = 12.0"))
    terminal.shows("answer.py edited by hand")
    terminal.press("H")
    terminal.shows("Make a version of your edit?")
    terminal.press("y")
    terminal.shows("main@4")


def left(terminal: Terminal, what: str) -> None:
    """Leave by Escape what says this on the screen; alone, as with the next key it would be another
    one."""
    terminal.press("Escape")
    terminal.until(lambda: what not in terminal.text, f"'{what}' is left")
