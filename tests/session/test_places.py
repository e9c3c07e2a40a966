"""Where sessions are and which of them may run."""

import shutil
from pathlib import Path

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session import places
from genopt_tui.session.client import SessionLock
from genopt_tui.session.journal import Journal
from genopt_tui.session.repository import Repository
from tests.session.conftest import START, TOML, record


def made(name: str) -> Path:
    path = places.new_path(name)
    Repository.create(path, START, TOML, record(0, "start", 1.0)).close()
    places.register(path)
    return path


def test_found_by_name_path_folder_and_last(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = made("pong"), made("pong")
    assert (first, second) == (home / "sessions" / "pong", home / "sessions" / "pong-2")
    assert places.resolve("pong") == first
    assert places.resolve(str(second)) == second
    assert places.resolve() == second
    places.opened(first)
    assert places.resolve() == first
    monkeypatch.chdir(second / "artifact")
    assert places.resolve() == second
    with pytest.raises(SessionError, match="Did you mean pong"):
        places.resolve("pung")


def test_no_session_at_all(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places.listing() == []
    with pytest.raises(SessionError, match="genopt new"):
        places.resolve()


def test_trust_is_of_one_session_at_one_path(home: Path, tmp_path: Path) -> None:
    path = made("pong")
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    assert places.trusted(path)
    assert not places.trusted(copy)
    shutil.rmtree(path)
    Repository.create(path, START, TOML, record(0, "start")).close()
    assert not places.trusted(path), "another session at the same path"


def test_listing_tells_state_and_best_and_what_is_broken(home: Path) -> None:
    path, broken = made("pong"), made("broken")
    (broken / ".git" / "refs" / "heads" / "main").write_text("garbage\n")
    journal = Journal(path)
    journal.event(0, "run_started", mode="ask")
    journal.event(1, "batch_sampled", base="x", examples=[])
    journal.event(1, "decision_wanted", pending="decide", candidates=[0])
    journal.close()
    with SessionLock(path):
        shown = {session.name: session for session in places.listing()}
    assert (shown["pong"].state, shown["pong"].step, shown["pong"].task) == ("waiting", 1, "toy")
    assert shown["pong"].best is not None
    assert shown["pong"].best["score"] == 1.0
    assert shown["pong"].runner_pid is not None
    assert shown["broken"].problem


def test_hostile_names_make_plain_folders(home: Path) -> None:
    for name in ("../../x", "-rf", "a\nb", "", "..", "x" * 300):
        path = places.new_path(name)
        assert path.parent == home / "sessions"
        assert len(path.name) <= 80
        assert not path.name.startswith(("-", "."))
