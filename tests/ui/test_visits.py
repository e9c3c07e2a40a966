"""Visits of a person in a real terminal, with the real runner: what issue 2 asks for, from start to
quit."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal, genopt, make_task

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux as its terminal")
SIZES = [(160, 45), (80, 24)]


@pytest.fixture
def session(tmp_path: Path, home: Path) -> Path:
    task, model = make_task(tmp_path)
    genopt(
        "new",
        str(task),
        "--name",
        "one",
        "--model",
        model,
        "--set",
        "sandbox=none",
        "--set",
        "workers=2",
    )
    return home / "sessions" / "one"


@pytest.fixture
def terminal(request: pytest.FixtureRequest, tmp_path: Path, session: Path) -> Iterator[Terminal]:
    window = Terminal(tmp_path, *getattr(request, "param", SIZES[0]))
    yield window
    window.close()
    genopt("stop", "one")


def status() -> dict[str, object]:
    return dict(json.loads(genopt("status", "one", "--json")))


@pytest.mark.parametrize("terminal", SIZES, indirect=True, ids=str)
def test_a_whole_visit(terminal: Terminal, session: Path) -> None:
    """Start, watch, approve, reject with a reason, hint, quit and keep running, reopen, pause,
    quit."""
    terminal.run("open", "one")
    terminal.called("genopt one: idle")
    terminal.shows("Nothing runs: s runs one step")
    terminal.press("s")
    terminal.called("genopt one: DECIDE 1")
    terminal.shows("LEVEL = 4.0")
    terminal.until_pressed("a", lambda: "main@1" in terminal.text, "approved")
    terminal.called("genopt one: finished")

    terminal.press("s")
    terminal.called("genopt one: DECIDE 2")
    terminal.until_pressed(
        "r", lambda: "Reject 2: why?" in terminal.text, "the question for a reason"
    )
    terminal.type("far too timid")
    terminal.press("Enter")
    terminal.called("genopt one: finished")
    terminal.press("i")
    terminal.shows("Hint for the model")
    terminal.type("ten is near")
    terminal.press("Enter")
    terminal.shows("The model is told")

    terminal.press("s")
    terminal.called("genopt one: DECIDE 3")
    terminal.press("q")
    terminal.shows("keep proposal 3 waiting for you")
    terminal.press("r")
    terminal.shows("one waits for you: proposal 3. genopt open one")
    assert status()["state"] == "waiting"

    terminal.run("open", "one")
    terminal.called("genopt one: DECIDE 3")
    terminal.until_pressed("a", lambda: "main@3" in terminal.text, "approved")
    prompt = genopt("show", "one", "3", "--json")
    assert "far too timid" in prompt and "ten is near" in prompt

    terminal.press("p")
    terminal.called("genopt one: DECIDE 4")
    terminal.press("q")
    terminal.shows("pause after the current phase")
    terminal.press("p")
    terminal.shows("one paused. genopt open one")


def test_pause_holds_the_run(terminal: Terminal, session: Path) -> None:
    terminal.run("open", "one")
    terminal.called("genopt one: idle")
    terminal.press("M")
    terminal.shows("the gate decides")
    terminal.press("o")
    terminal.shows("auto:")
    terminal.press("p")
    terminal.until(
        lambda: "main@1" in terminal.text or "main@2" in terminal.text, "a version by the gate"
    )
    terminal.press("p")
    terminal.called("genopt one: paused")
    terminal.press("q")
    terminal.shows("leave it paused")
    terminal.press("p")
    terminal.shows("one paused")
