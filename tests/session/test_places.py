"""Where sessions are and which of them may run."""

import shutil
from pathlib import Path

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session import places
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Journal
from genopt_tui.session.lock import SessionLock
from tests.session.conftest import START, TOML, record


def made(name: str) -> Path:
    path = places.choose_session_path(name)
    Repository.create(path, START, TOML, record(0, "start", 1.0)).close()
    places.register(path)
    return path


def test_found_by_name_path_folder_and_last(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = made("pong"), made("pong")
    assert (first, second) == (home / "sessions" / "pong", home / "sessions" / "pong-2")
    assert places.resolve_session("pong") == first
    assert places.resolve_session(str(second)) == second
    assert places.resolve_session() == second
    places.record_opened(first)
    assert places.resolve_session() == first
    monkeypatch.chdir(second / "artifact")
    assert places.resolve_session() == second
    with pytest.raises(SessionError, match="Did you mean pong"):
        places.resolve_session("pung")


def test_no_session_at_all(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places.list_sessions() == []
    with pytest.raises(SessionError, match="genopt new"):
        places.resolve_session()


def test_trust_is_of_one_session_at_one_path(home: Path, tmp_path: Path) -> None:
    path = made("pong")
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    assert places.is_trusted(path)
    assert not places.is_trusted(copy)
    shutil.rmtree(path)
    Repository.create(path, START, TOML, record(0, "start")).close()
    assert not places.is_trusted(path), "another session at the same path"


def test_listing_tells_state_and_best_and_what_is_broken(home: Path) -> None:
    path, broken = made("pong"), made("broken")
    (broken / ".git" / "refs" / "heads" / "main").write_text("garbage\n")
    journal = Journal(path)
    journal.append_event(0, "run_started", mode="ask")
    journal.append_event(1, "batch_sampled", base="x", examples=[])
    journal.append_event(1, "decision_wanted", pending="decide", candidates=[0])
    journal.close()
    with SessionLock(path):
        shown = {session.name: session for session in places.list_sessions()}
    assert (shown["pong"].state, shown["pong"].step, shown["pong"].task) == ("waiting", 1, "toy")
    assert shown["pong"].head == "start", "a step that waits is not yet a version of the branch"
    assert shown["pong"].best is not None
    assert shown["pong"].best["score"] == 1.0
    assert shown["pong"].runner_pid is not None
    assert shown["broken"].problem


def test_hostile_names_make_plain_folders(home: Path) -> None:
    for name in ("../../x", "-rf", "a\nb", "", "..", "x" * 300):
        path = places.choose_session_path(name)
        assert path.parent == home / "sessions"
        assert len(path.name) <= 80
        assert not path.name.startswith(("-", "."))
