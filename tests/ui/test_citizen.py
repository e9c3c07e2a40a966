"""The application among other programs of a real terminal: signals, faults, sizes, and who writes
where."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import PATIENCE, Terminal

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux as its terminal")
FAULTY = Path(__file__).with_name("faulty.py")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    window = Terminal(tmp_path, 120, 35)
    yield window
    window.close()


@pytest.fixture
def app(terminal: Terminal, session: Path) -> Terminal:
    """The application on a session that nobody runs."""
    terminal.run("open", str(session))
    terminal.called("genopt pong: idle")
    return terminal


def faulty(terminal: Terminal, session: Path, fault: str) -> None:
    """The application with a fault, set off."""
    terminal.command(sys.executable, str(FAULTY), str(session), fault)
    terminal.called("genopt pong: idle")
    terminal.press("z")


def ended(terminal: Terminal, code: int) -> None:
    """Wait until the shell has its terminal again, and hear how the application ended."""
    terminal.until(lambda: terminal.application is None, "the end")
    terminal.type("echo ended $?")
    terminal.press("Enter")
    terminal.shows(f"ended {code}")
    assert terminal.given_back


def leaves(app: Terminal) -> None:
    """See that keys are heard and the screen drawn, and leave."""
    app.press("?")
    app.shows("Choose who decides")
    app.press("Escape")
    app.until(lambda: "Choose who decides" not in app.text, "the main screen")
    app.press("q")
    ended(app, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_signal_that_ends_it_restores_the_screen(app: Terminal, number: signal.Signals) -> None:
    assert app.application is not None and not app.given_back
    os.kill(app.application, number)
    ended(app, 128 + number)


def test_it_ends_when_its_terminal_is_gone_without_a_signal(session: Path) -> None:
    screen, inside = os.openpty()
    called = [sys.executable, "-m", "genopt_tui", "open", str(session)]
    own = {**os.environ, "TERM": "xterm-256color"}
    app = subprocess.Popen(
        called, stdin=inside, stdout=inside, stderr=inside, env=own, start_new_session=True
    )
    os.close(inside)
    seen = b""
    while b"History" not in seen:
        seen += os.read(screen, 65536)
    os.close(screen)
    assert app.wait(PATIENCE) == 128 + signal.SIGHUP


def stops_and_goes_on(app: Terminal) -> None:
    app.until(lambda: app.given_back, "the shell's screen")
    app.type("echo between $((40 + 2))")
    app.press("Enter")
    app.shows("between 42")
    app.type("fg")
    app.press("Enter")
    app.shows("1 History")
    assert not app.given_back
    leaves(app)


def test_ctrl_z_puts_it_aside_and_fg_brings_it_back(app: Terminal) -> None:
    app.press("C-z")
    stops_and_goes_on(app)


def test_a_stop_from_elsewhere_gives_the_screen_back_too(app: Terminal) -> None:
    assert app.application is not None
    os.kill(app.application, signal.SIGTSTP)
    stops_and_goes_on(app)


def test_after_being_stopped_outright_it_takes_the_screen_again(app: Terminal) -> None:
    assert app.application is not None
    os.kill(app.application, signal.SIGSTOP)
    app.shows("Stopped")
    app.type("fg")
    app.press("C-j")  # this shell leaves the terminal as it is, and Enter is no line end there
    app.until(
        lambda: "Stopped" not in app.text and "1 History" in app.text, "the application's screen"
    )
    app.press("q")
    ended(app, 0)


def test_an_editor_has_the_terminal_and_gives_it_back(
    terminal: Terminal, session: Path, tmp_path: Path
) -> None:
    from sample import Stage

    editor = tmp_path / "editor"
    editor.write_text(
        '#!/bin/sh\necho an editor is here\nread answer\nsed -i s/reflect/mirror/ "$1"\n'
    )
    editor.chmod(0o755)
    terminal.type(f"export VISUAL={editor}")
    terminal.press("Enter")
    with Stage(session) as stage:
        stage.to_decision()
        terminal.run("open", str(session))
        terminal.called("genopt pong: DECIDE 3")
        terminal.press("e")
        terminal.shows("an editor is here")
        assert terminal.given_back
        terminal.press("C-z")
        terminal.shows("Stopped")
        terminal.type("fg")
        terminal.press("Enter")
        terminal.until(lambda: terminal.state == "S", "the editor again")
        terminal.press("Enter")
        terminal.shows("not run for your edit")
        assert not terminal.given_back
        terminal.press("A")
        terminal.shows("Approve without a gate?")
        terminal.press("y")
        terminal.until(lambda: stage.journal.read_commands(), "the command")
        (command,) = stage.journal.read_commands()
        assert "mirror" in command.data["files"]["policy.py"]


def test_a_crash_restores_the_screen_and_reports_no_values(
    terminal: Terminal, session: Path
) -> None:
    faulty(terminal, session, "crash")
    ended(terminal, 1)
    assert "genopt ended: internal error (LookupError). Report: " in terminal.text.replace("\n", "")
    assert "Traceback" not in terminal.text
    report = (session / ".genopt" / "crash.txt").read_text()
    assert "faulty.py" in report and "in crash" in report and "LookupError" in report
    assert "0123456789" not in report + terminal.text


@pytest.mark.parametrize("fault", ["worker", "thread"])
def test_a_fault_beside_the_loop_is_told_and_the_rest_goes_on(
    terminal: Terminal, session: Path, fault: str
) -> None:
    faulty(terminal, session, fault)
    terminal.shows("Internal error: the action failed")
    assert "in crash" in (session / ".genopt" / "crash.txt").read_text()
    terminal.press("2")
    leaves(terminal)


def test_nothing_but_the_application_writes_to_the_terminal(
    terminal: Terminal, session: Path
) -> None:
    faulty(terminal, session, "noise")
    terminal.shows("all said")
    assert "noise from" not in terminal.text
    terminal.press("q")
    ended(terminal, 0)
    assert "noise from" not in terminal.text
    log = (session / ".genopt" / "ui.log").read_text()
    assert "noise from a library" in log and "noise from a program" in log


def test_too_small_a_terminal_is_told_and_any_resize_survived(app: Terminal) -> None:
    app.resize(59, 15)
    app.shows("genopt needs 60x16 characters; this terminal has 59x15.")
    app.press("2")
    for width in range(20, 220, 5):
        app.resize(width, max(5, 60 - width // 4))
    app.resize(100, 30)
    app.shows("1 History")
    app.until(lambda: "@1" in app.text.splitlines()[0], "the status")
    app.press("c")
    app.shows("Compare 1")
    for width in range(200, 20, -5):
        app.resize(width, 10 + width // 5)
    app.resize(160, 45)
    app.press("Escape")
    app.until(lambda: "Compare" not in app.text and "1 History" in app.text, "the main screen")
    leaves(app)


def test_a_client_that_comes_from_elsewhere_sees_the_same(app: Terminal) -> None:
    """A terminal rebuilt under the application: attached at another size, left, attached again."""
    for size in ((90, 28), (180, 50)):
        with app.attached(*size) as client:
            app.until(lambda: "1 History" in client.text, "the screen at the client")
            app.until(lambda size=size: app.size == (size[0], size[1] - 1), "the client's size")
        assert app.application is not None
    app.press("q")
    ended(app, 0)


@pytest.mark.parametrize(
    "arguments", [["open", "SESSION"], ["open", "SESSION", "--plain"], []], ids=str
)
def test_without_a_terminal_lines_come_at_once(session: Path, arguments: list[str]) -> None:
    """In a pipe the session is told as lines, and what needs a screen says so: never a hang, no
    escape."""
    words = [str(session) if word == "SESSION" else word for word in arguments]
    told = subprocess.run(
        [sys.executable, "-m", "genopt_tui", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert not re.search(r"[\x1b\x9b]", told.stdout + told.stderr)
    if arguments:
        assert told.returncode == 0 and "pong: idle, step 2, mode ask" in told.stdout
    else:
        assert told.returncode == 2 and "this is no terminal" in told.stderr
