"""A new user's whole visit in a real terminal, with the real runner: from the empty start screen to
leaving."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal, genopt, make_task

NAME = "tiny-plain"
"""What the session is called that the guide makes."""
pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux as its terminal")


@pytest.fixture
def model(tmp_path: Path, home: Path) -> str:
    """A task among the user's own, and the command of a model that proposes two hunks for it."""
    make_task(home / "tasks")
    (home / "settings.toml").write_text('[session]\nsandbox = {kind = "none"}\nworkers = 2\n')
    return f"{sys.executable} {home / 'tasks' / 'model.py'} shift"


@pytest.fixture
def terminal(tmp_path: Path, model: str) -> Iterator[Terminal]:
    window = Terminal(tmp_path, 160, 45)
    yield window
    window.close()
    if NAME in genopt("ls"):
        genopt("stop", NAME)


def test_from_start_to_leaving(terminal: Terminal, model: str) -> None:
    """start, new, run, approve part of an edit, reject with a reason, compare, rewind, quit."""
    terminal.run()
    terminal.shows("No sessions yet")
    terminal.press("n")
    terminal.shows("What is to be optimized?")
    choose(terminal, "tiny")
    terminal.shows("Where does it begin?")
    terminal.press("Enter")
    terminal.shows("[model]")
    choose(terminal, "command ...")
    terminal.shows("command:PROGRAM")
    terminal.type(f"command:{model}")
    terminal.press("Enter")
    terminal.shows("What shapes learning?")
    terminal.press("Enter")
    terminal.shows("make it and run")
    terminal.press("Enter")

    terminal.called(f"genopt {NAME}: DECIDE 1")
    terminal.shows("hunk 2 of 2")
    terminal.press("]")
    terminal.press("space")
    terminal.shows("not run for 1 of 2 hunks")
    terminal.press("A")
    terminal.shows("Approve without a gate?")
    terminal.press("y")
    terminal.until(lambda: "main@1" in terminal.text, "a part is approved")

    terminal.called(f"genopt {NAME}: DECIDE 2")
    terminal.until_pressed(
        "r", lambda: "Reject 2: why?" in terminal.text, "the question for a reason"
    )
    terminal.type("far too timid")
    terminal.press("Enter")
    terminal.called(f"genopt {NAME}: DECIDE 3")

    terminal.press("1")
    terminal.shows("space fold")
    terminal.press("G")
    terminal.press("m")
    terminal.press("k")
    terminal.press("c")
    terminal.shows("Compare start -> 1")
    terminal.press("Escape")
    terminal.until(lambda: "Compare start" not in terminal.text, "the comparison was left")
    terminal.press("G")
    terminal.press("t")
    terminal.shows("main goes from 1 back to start")
    terminal.press("y")
    terminal.shows("main@start")
    terminal.press("q")
    leave(terminal)
    kept = json.loads(genopt("show", NAME, "3", "--json"))
    assert kept["decision"]["decision"] == "superseded" and "far too timid" in json.dumps(
        kept["prompt"]
    )


def choose(terminal: Terminal, text: str) -> None:
    """Go to the line that holds a text, and take it."""
    terminal.press("/")
    terminal.shows("n N next")
    terminal.type(text)
    terminal.press("Enter")
    terminal.until(lambda: "n N next" not in terminal.text, "the search was done")
    terminal.press("Enter")


def leave(terminal: Terminal) -> None:
    """Leave, whatever there is still to be asked."""
    terminal.until(
        lambda: "Leave?" in terminal.text or terminal.text.rstrip()[-1] in "#$",
        "the question or the shell",
    )
    if "Leave?" in terminal.text:
        terminal.press("p")
    terminal.until(lambda: terminal.text.rstrip()[-1] in "#$", "the shell's prompt")
