"""A session whose refs are stored as reftables works like any other."""

import shutil

import pytest

from genopt_tui.session.git import cli
from genopt_tui.session.history import acts
from genopt_tui.session.history.repository import Repository
from tests.session.conftest import START, Accept, plain_git


def read_git_version() -> tuple[int, ...]:
    return tuple(int(part) for part in cli.run_git(["version"]).decode().split()[2].split(".")[:2])


@pytest.mark.skipif(read_git_version() < (2, 46), reason="`git refs migrate` needs git 2.46")
def test_a_session_with_reftables_is_read_written_and_undone(
    session: Repository, accept: Accept
) -> None:
    first = accept(1, "a = 2\n")
    session.close()
    shutil.rmtree(session.path / ".git" / "logs")  # git before 2.49 does not migrate reflogs
    plain_git(session, "refs", "migrate", "--ref-format=reftable")
    assert session.current_branch() == "main"
    assert session.head() == first
    second = accept(2, "a = 3\n")
    acts.branch(session, "other", "start")
    acts.switch(session, "other")
    assert session.read_artifact(session.head()) == START
    assert session.current_branch() == "other"
    acts.undo(session)
    assert session.head() == second
    session.pack()
    with Repository.open(session.path) as again:
        assert again.recover() is None
        assert [version.step for version in again.read_log()] == [2, 1, 0]
    assert plain_git(session, "log", "-g", "--format=%H", "main").split()[0] == second
    assert plain_git(session, "fsck", "--no-dangling") == ""
    assert plain_git(session, "status", "--porcelain") == ""
