"""Live sessions, with the real runner: as lines alone, seen by two at once, and left while a model
is asked."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal, genopt, make_task

from genopt_tui.session.lock import runner_pid

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux as its terminal")
SLOW = '"""A model that begins a reply and does not end it."""\nimport time\nprint("The level", flush=True)\ntime.sleep(600)\n'


@pytest.fixture
def session(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Iterator[Path]:
    """A session whose model proposes two hunks, or (parametrized with its text) does something
    else."""
    task, model = make_task(tmp_path)
    model += " shift"
    if text := getattr(request, "param", ""):
        (tmp_path / "other.py").write_text(text)
        model = f"command:{sys.executable} {tmp_path / 'other.py'}"
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
    yield home / "sessions" / "one"
    if pid := runner_pid(home / "sessions" / "one"):
        os.kill(pid, signal.SIGTERM)  # `genopt stop` waits for a model call to end


@pytest.fixture
def terminal(tmp_path: Path, session: Path) -> Iterator[Terminal]:
    window = Terminal(tmp_path, 120, 50)
    yield window
    window.close()


def test_a_whole_session_as_lines_and_prompts(terminal: Terminal, session: Path) -> None:
    """`--plain` is the screen reader's way: every event and decision as lines, every act as a line
    typed."""
    terminal.run("open", "one", "--plain")
    terminal.shows("[s one step")
    terminal.say("s")
    terminal.shows("[a [HUNKS] approve")
    terminal.say("v")
    terminal.shows("hunk 2: answer.py")
    terminal.shows("+def value(shift: float):")
    terminal.say("a 1")
    terminal.shows("done: 1 step done")
    assert "-LEVEL = 3.0" in genopt("diff", "one", "start", "1")
    assert "float" not in genopt("diff", "one", "start", "1")

    terminal.say("clear; nonsense")
    terminal.shows("not understood: s one step")
    terminal.say("s")
    terminal.shows("DECIDE 2")
    terminal.say("g")
    terminal.until(lambda: terminal.text.count("asked: candidate") >= 2, "the question asked again")
    terminal.until(lambda: terminal.text.count("DECIDE 2") >= 2, "the second proposal")
    terminal.shows("[2b, one of 2: a [HUNKS] approve")
    terminal.say("r no better")
    terminal.until(lambda: terminal.text.count("DECIDE 2") >= 3, "the proposal that is left")
    terminal.say("r far too timid")
    terminal.shows("rejected: far too timid")
    terminal.shows("done: 1 step done")
    terminal.say("h ten is near")
    terminal.shows("hint for the next update: ten is near")

    terminal.say("p")
    terminal.shows("DECIDE 3")
    terminal.say("pause")
    terminal.shows("paused: ")
    prompt = genopt("show", "one", "2", "--json")
    assert json.loads(prompt)["decision"]["reason"] == "far too timid"
    terminal.say("t start")
    terminal.shows("rewind: main is at")
    terminal.say("c start 1")
    terminal.shows("paired sign-flip")
    terminal.say("q")
    terminal.shows("genopt open --plain one")
    terminal.until(lambda: terminal.application is None, "the end")


def test_two_see_the_same_and_the_first_decision_wins(
    terminal: Terminal, session: Path, tmp_path: Path
) -> None:
    other = Terminal(tmp_path, 120, 35, "other")
    try:
        terminal.run("open", "one")
        terminal.called("genopt one: idle")
        terminal.press("s")
        other.run("open", "one")
        for window in (terminal, other):
            window.called("genopt one: DECIDE 1")
            window.shows("LEVEL = 4.0")
        other.until_pressed("a", lambda: "main@1" in other.text, "approved at the second")
        terminal.shows("main@1")

        terminal.called("genopt one: finished")
        terminal.press("s")
        for window in (terminal, other):
            window.called("genopt one: DECIDE 2")
            window.shows("LEVEL = 5.0")
        runner = runner_pid(session)
        assert runner
        os.kill(runner, signal.SIGSTOP)  # both decide before either decision is taken up
        terminal.until_pressed("a", lambda: "approve" in asked(session), "the first decision")
        other.until_pressed(
            "r", lambda: "Reject 2: why?" in other.text, "the question for a reason"
        )
        other.press("Enter")
        other.until(lambda: "reject" in asked(session), "the second decision")
        os.kill(runner, signal.SIGCONT)
        for window in (terminal, other):
            window.shows("main@2")
        other.shows("reject was not done")
    finally:
        other.close()


def asked(session: Path) -> list[str]:
    """The commands that nobody has taken up."""
    from genopt_tui.session.journal import Journal

    journal = Journal(session, durable=False)
    try:
        return [command.kind for command in journal.read_commands()]
    finally:
        journal.close()


@pytest.mark.parametrize("session", [SLOW], indirect=True, ids=["slow"])
def test_one_leaves_while_the_model_is_asked(terminal: Terminal, session: Path) -> None:
    """The application ends at once; the call goes on, and is taken up again by whoever comes
    back."""
    terminal.run("open", "one")
    terminal.called("genopt one: idle")
    terminal.press("s")
    terminal.shows("The level")
    terminal.press("q")
    terminal.shows("keep running")
    terminal.press("r")
    terminal.shows("one goes on. genopt open one")
    terminal.until(lambda: terminal.application is None, "the end")
    assert terminal.given_back
    assert json.loads(genopt("status", "one", "--json"))["state"] == "running"
    terminal.run("open", "one")
    terminal.shows("The level")
