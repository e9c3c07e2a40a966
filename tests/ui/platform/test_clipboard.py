"""Copying: by the first program that takes the text, else by the terminal; what failed is said."""

from base64 import b64encode
from pathlib import Path

import pytest

from genopt_tui.ui.platform import clipboard

VARIABLES = ("WAYLAND_DISPLAY", "DISPLAY", "TMUX")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are looked for in, empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return folder


def program(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


def test_without_a_program_the_terminal_is_asked(programs: Path) -> None:
    assert clipboard.copy_by_program("text") == "through the terminal (OSC 52)"


def test_the_next_one_is_tried_after_one_that_fails(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    program(programs, "xclip", "exit 1")
    assert (
        clipboard.copy_by_program("text")
        == "xclip failed (CalledProcessError), through the terminal (OSC 52)"
    )
    program(programs, "xsel", f"while read -r line; do echo \"$line\" >> '{programs}/taken'; done")
    assert clipboard.copy_by_program("one\ntwo\n") == "xclip failed (CalledProcessError), by xsel"
    assert (programs / "taken").read_text() == "one\ntwo\n"


def test_a_program_is_only_for_where_it_works(programs: Path) -> None:
    program(programs, "xsel", "exit 0")
    assert clipboard.copy_by_program("text") == "through the terminal (OSC 52)"


def test_the_terminal_outside_of_tmux_is_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    coded = b64encode("né".encode()).decode()
    monkeypatch.delenv("TMUX", raising=False)
    assert clipboard.build_osc52("né") == f"\x1b]52;c;{coded}\x07"
    monkeypatch.setenv("TMUX", "/tmp/tmux,1,0")
    assert clipboard.build_osc52("né") == f"\x1bPtmux;\x1b\x1b]52;c;{coded}\x07\x1b\\"
