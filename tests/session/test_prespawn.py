"""A runner that is started before its session is known."""

import os
from pathlib import Path

import pytest

from genopt_tui.session import prespawn


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_an_early_runner_that_nobody_needs_ends() -> None:
    pid = prespawn.spawn_runner()
    prespawn.cancel()
    assert ended(pid) == 0


def test_an_early_runner_takes_the_session_it_is_told_and_its_log(tmp_path: Path) -> None:
    (tmp_path / ".genopt").mkdir()
    pid = prespawn.spawn_runner()
    assert prespawn.hand_over(tmp_path)
    assert ended(pid) == 2  # nobody agreed that it runs here
    assert "was not made on this machine" in (tmp_path / ".genopt" / "runner.log").read_text()
    assert not prespawn.hand_over(tmp_path)


def test_a_dead_early_runner_is_not_taken(tmp_path: Path) -> None:
    pid = prespawn.spawn_runner()
    os.kill(pid, 9)
    ended(pid)
    assert not prespawn.hand_over(tmp_path)


@pytest.mark.parametrize("told", [b"", b"/nowhere/at all"])
def test_what_an_early_runner_is_told(told: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, told)
    os.close(writing)
    if told:
        with pytest.raises(FileNotFoundError):
            prespawn.receive_session(reading)
    else:
        assert prespawn.receive_session(reading) is None
