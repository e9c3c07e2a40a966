"""A writer killed at any point leaves a session that opens, is whole, and has lost nothing that was
reported done."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from genopt_tui.session.history import acts
from genopt_tui.session.history.repository import Repository
from tests.session.conftest import plain_git, record

KILLS = 40


@pytest.mark.slow
def test_killed_at_many_points(session: Repository) -> None:
    session.read_log()  # what a writer imports is there before it is forked
    wait, said = random.Random(7), set()
    for seed in range(KILLS):
        said |= run_and_kill(session.path, seed, wait.uniform(0.0, 0.05))
        with Repository.open(session.path) as again:
            assert again.recover() is None, "a move of ours is never taken for one by plain git"
            assert again.read_hand_edit() is None, "a half-done move is no hand edit"
            assert plain_git(again, "status", "--porcelain") == ""
            files = {p.name: p.read_text() for p in (session.path / "artifact").iterdir()}
            assert files == again.read_artifact(again.head())
    assert said
    assert plain_git(session, "fsck", "--full", "--strict", "--no-dangling") == ""
    assert said <= set(plain_git(session, "rev-list", "--all").split())


@pytest.mark.slow
def test_a_commit_killed_between_any_two_files_is_whole_or_not_there(session: Repository) -> None:
    head, seen = session.head(), set()
    for at in range(1, 100):
        step = session.next_step()
        if not killed_at(session.path, step, at):
            break
        with Repository.open(session.path) as again:
            assert again.recover() is None and again.read_hand_edit() is None
            assert plain_git(again, "status", "--porcelain") == ""
            made = again.head()
            seen.add(made == head)
            assert made == head or (
                again.read_record(made).step,
                again.objects.read_commit(made).parents,
            ) == (step, (head,))
            assert made == head or again.read_artifact(made) == {
                "policy.py": f"step = {step}\n",
                "new.py": f"at = {at}\n",
            }
            head = made
        session.close()
        session = Repository.open(session.path)
    assert seen == {True, False}
    assert plain_git(session, "fsck", "--full", "--strict", "--no-dangling") == ""


def killed_at(path: Path, step: int, at: int) -> bool:
    """Let a process commit a step, and kill it before it gives its file number `at` a name; whether
    it came that far."""
    child = os.fork()
    if child == 0:
        left, replace = iter(range(at - 1, -1, -1)), os.replace

        def named(*names: str) -> None:
            if not next(left, 1):
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*names)

        os.replace = named  # type: ignore[assignment]
        with Repository.open(path) as session:
            tree = session.stage_artifact(
                {"policy.py": f"step = {step}\n", "new.py": f"at = {at}\n"}
            )
            session.commit(
                base=session.head(), tree=tree, record=record(step), subject="s", model="m"
            )
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def run_and_kill(path: Path, seed: int, after: float) -> set[str]:
    """Heads that a writer reported before it was killed, `after` seconds past the first one."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write_without_end(path, seed, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as out:
        first = out.readline()
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return {line for line in (first + out.read()).splitlines() if len(line) == 40}


def write_without_end(path: Path, seed: int, out: int) -> None:
    choose = random.Random(seed)
    session = Repository.open(path)
    session.recover()
    line = session.read_log()
    step = session.next_step()
    while True:
        head, kept = session.head(), record(step)
        tree = session.write_artifact(
            {"policy.py": f"step = {step}\n", f"part{step % 3}.py": "x = 1\n"}
        )
        what = choose.randrange(5)
        if what < 2:
            session.commit(base=head, tree=tree, record=kept, subject="s", model="m")
        elif what == 2:
            session.commit_rejected(base=head, tree=tree, record=kept, subject="s", step=step)
        elif what == 3 and len(line) > 2 and head == line[0].commit:
            acts.rewind(session, line[2].commit)
        elif acts.find_undoable(session):
            acts.undo(session)
        step += 1
        os.write(out, f"{session.head()}\n".encode())
