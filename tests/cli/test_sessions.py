"""Whole sessions: listed in columns, removed and restored, renamed; and guessed where none is
named."""

import json
from pathlib import Path

import pytest

from genopt_tui.__main__ import run_command
from genopt_tui.errors import SessionError
from genopt_tui.session import places
from genopt_tui.session.lock import SessionLock
from genopt_tui.session.removal import remove_session

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def session(capsys: Capture) -> Path:
    assert run_command(["new", "edit_distance", "--name", "one", "--model", "search"]) == 0
    capsys.readouterr()
    return places.resolve_session("one")


def test_ls_has_a_header_and_aligned_columns(session: Path, capsys: Capture) -> None:
    assert run_command(["new", "edit_distance", "--name", "a-longer-name"]) == 0
    capsys.readouterr()
    assert run_command(["ls"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["SESSION", "STATE", "STEP", "BEST"] and len(rows) == 2
    assert {row.index("idle") for row in rows} == {header.index("STATE")}


def test_a_removed_session_comes_back_with_its_settings(session: Path, capsys: Capture) -> None:
    assert run_command(["rm", "one"]) == 0
    assert not session.exists() and run_command(["status", "one"]) == 2
    capsys.readouterr()
    assert run_command(["ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run_command(["rm", "--undo"]) == 0
    assert places.is_trusted(session) and run_command(["status", "one"]) == 0
    assert run_command(["rm", "--undo"]) == 2  # the bin is empty


def test_a_restored_session_overwrites_none(session: Path, capsys: Capture) -> None:
    assert run_command(["rm", "one"]) == 0
    assert run_command(["new", "edit_distance", "--name", "one"]) == 0
    assert run_command(["rm", "--undo", "one"]) == 2
    assert "exists" in capsys.readouterr().err


def test_rm_wants_a_name(session: Path, capsys: Capture) -> None:
    assert run_command(["rm"]) == 2 and session.exists()


def test_a_session_that_runs_is_not_removed(session: Path) -> None:
    with SessionLock(session), pytest.raises(SessionError, match="being run"):
        remove_session(session)
    assert session.exists()


def test_a_renamed_session_keeps_settings_and_trust(session: Path, capsys: Capture) -> None:
    assert run_command(["set", "budget.steps=7", "one"]) == 0
    assert run_command(["stop", "one"]) == 0
    assert run_command(["rename", "one", "two"]) == 0
    renamed = places.resolve_session("two")
    assert not session.exists() and places.is_trusted(renamed)
    from genopt_tui.config import SessionSettings

    assert SessionSettings.load(renamed).budget.steps == 7
    assert run_command(["rename", "two", "../three"]) == 2


def test_a_guessed_session_is_named_on_standard_error(session: Path, capsys: Capture) -> None:
    assert run_command(["log"]) == 0
    assert "session one" in capsys.readouterr().err
    assert run_command(["log", "one"]) == 0
    assert "session one" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["show", "start"], ["diff", "start", "best"], ["blame", "distance.py"]]
)
def test_the_session_may_be_left_out_before_other_words(
    session: Path, capsys: Capture, words: list[str]
) -> None:
    if words[0] == "blame":
        words[1] = next(file.name for file in (session / "artifact").iterdir())
    assert run_command(words) == 0
    guessed = capsys.readouterr()
    assert "session one" in guessed.err
    assert run_command([words[0], "one", *words[1:]]) == 0
    assert capsys.readouterr().out == guessed.out
