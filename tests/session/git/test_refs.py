"""git itself moves the refs: plain git sees what we did, and we keep out of its way."""

import subprocess
from pathlib import Path

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session.git.refs import HeadMoved, RefUpdater
from genopt_tui.session.history.repository import Repository
from tests.session.conftest import Accept, plain_git

A, B = "refs/heads/a", "refs/heads/b"


def test_plain_git_sees_what_was_made_moved_and_deleted(
    session: Repository, accept: Accept
) -> None:
    start, first = session.head(), accept(1, "a = 2\n")
    session.refs.update({A: (None, start), B: (None, first)})
    session.refs.update({A: (start, first), B: (first, None)})
    assert plain_git(session, "rev-parse", A).strip() == first
    assert plain_git(session, "for-each-ref", "--format=%(refname)", "refs/heads").split() == [
        A,
        "refs/heads/main",
    ]
    assert plain_git(session, "fsck", "--strict", "--no-dangling") == ""


def test_git_s_log_of_a_branch_goes_on(session: Repository, accept: Accept) -> None:
    start, first, second = session.head(), accept(1, "a = 2\n"), accept(2, "a = 3\n")
    assert plain_git(session, "log", "-g", "--format=%H", "main").split() == [second, first, start]
    assert plain_git(session, "rev-parse", "HEAD@{1}").strip() == first


def test_all_changes_or_none(session: Repository, accept: Accept) -> None:
    start, first = session.head(), accept(1, "a = 2\n")
    with pytest.raises(HeadMoved):
        session.refs.update({A: (None, first), "refs/heads/main": (start, start[::-1])})
    assert session.refs.read(A) is None
    assert not [*session.path.rglob("*.lock")]


def test_packed_refs_are_moved_and_deleted(session: Repository, accept: Accept) -> None:
    first = accept(1, "a = 2\n")
    plain_git(session, "tag", "-a", "-m", "one", "told")
    session.refs.update({A: (None, first), B: (None, first)})
    session.pack()
    second = accept(2, "a = 3\n")
    session.refs.update({A: (first, second), B: (first, None)})
    assert session.refs.read(B) is None and session.refs.read(A) == second
    told = session.refs.read("refs/tags/told")
    session.refs.update({"refs/tags/told": (told, None)})
    assert (
        plain_git(session, "tag") == ""
        and plain_git(session, "fsck", "--strict", "--no-dangling") == ""
    )
    session.refs.update({A: (second, None)})
    assert plain_git(session, "branch", "--format=%(refname:short)").split() == ["main"]


@pytest.mark.parametrize("packed", [False, True])
def test_no_ref_lies_under_another(session: Repository, packed: bool) -> None:
    head = session.head()
    session.refs.update({"refs/heads/a": (None, head), "refs/heads/x/y": (None, head)})
    if packed:
        session.pack()
    for ref in ("refs/heads/a/b", "refs/heads/a/b/c", "refs/heads/x"):
        with pytest.raises(SessionError, match="no room"):
            session.refs.update({ref: (None, head)})
    session.refs.update({"refs/heads/x/y": (head, None)})
    session.refs.update({"refs/heads/x": (None, head)})
    assert plain_git(session, "rev-parse", "refs/heads/x").strip() == head


def test_a_ref_that_plain_git_is_writing_is_left_alone(session: Repository) -> None:
    head, lock = session.head(), session.path / ".git" / f"{A}.lock"
    lock.touch()
    with pytest.raises(SessionError, match="Another git process"):
        session.refs.update({A: (None, head)})
    assert lock.exists() and session.refs.read(A) is None


def test_plain_git_does_not_write_a_ref_that_we_are_writing(session: Repository) -> None:
    updater = RefUpdater(session.path)
    assert updater._run(["start", f"create {A} {session.head()}", "prepare"], answers=2) == ""
    with pytest.raises(subprocess.CalledProcessError):
        plain_git(session, "branch", "a")
    assert plain_git(session, "for-each-ref", "refs/heads", "--format=%(refname)").split() == [
        "refs/heads/main"
    ]
    updater.close()
    plain_git(session, "branch", "a")


def test_a_ref_that_names_another_moves_that_one(session: Repository, accept: Accept) -> None:
    start, first = session.head(), accept(1, "a = 2\n")
    session.refs.update({A: (None, start)})
    plain_git(session, "symbolic-ref", B, A)
    session.refs.update({B: (start, first)})
    assert session.refs.read(A) == first
    assert Path(session.path, ".git", B).read_text() == f"ref: {A}\n"


def test_a_lock_that_a_killed_writer_left_is_removed(session: Repository, accept: Accept) -> None:
    first = accept(1, "a = 2\n")
    (session.path / ".git" / "refs" / "genopt" / "acts.lock").touch()
    second = accept(2, "a = 3\n")
    assert session.objects.read_commit(second).parents == (first,)
