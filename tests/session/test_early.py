"""A runner that is started before its session is known."""

import os
from pathlib import Path

import pytest

from genopt_tui.session import early


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_an_early_runner_that_nobody_needs_ends() -> None:
    pid = early.start()
    early.drop()
    assert ended(pid) == 0


def test_an_early_runner_takes_the_session_it_is_told_and_its_log(tmp_path: Path) -> None:
    (tmp_path / ".genopt").mkdir()
    pid = early.start()
    assert early.take(tmp_path)
    assert ended(pid) == 2  # nobody agreed that it runs here
    assert "was not made on this machine" in (tmp_path / ".genopt" / "runner.log").read_text()
    assert not early.take(tmp_path)


def test_a_dead_early_runner_is_not_taken(tmp_path: Path) -> None:
    pid = early.start()
    os.kill(pid, 9)
    ended(pid)
    assert not early.take(tmp_path)


@pytest.mark.parametrize("told", [b"", b"/nowhere/at all"])
def test_what_an_early_runner_is_told(told: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, told)
    os.close(writing)
    if told:
        with pytest.raises(FileNotFoundError):
            early.session_of(reading)
    else:
        assert early.session_of(reading) is None
