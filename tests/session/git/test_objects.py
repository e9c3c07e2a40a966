"""The object store when the disk fails: nothing is lost, nothing stays open."""

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from genopt_tui.session.history.repository import Repository
from tests.session.conftest import Accept, plain_git


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file can grow beyond 4 KB."""
    limits, handler = (
        resource.getrlimit(resource.RLIMIT_FSIZE),
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def count_open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def list_temporary_objects(session: Repository) -> list[Path]:
    return list((session.path / ".git" / "objects").rglob("tmp_obj_*"))


def fail_fsync(_: int) -> None:
    raise OSError(5, "Input/output error")


def test_a_failed_flush_closes_nobody_else_s_files(
    session: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session.objects.write_blob(b"one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_fsync)
        with pytest.raises(OSError, match="Input/output"):
            session.objects.flush()
    handles = [os.open(tmp_path / f"other-{n}", os.O_CREAT | os.O_RDWR) for n in range(8)]
    session.close()
    for handle in handles:
        os.close(handle)  # raises OSError where close() took it
    assert list_temporary_objects(session) == []


def test_after_a_failed_flush_the_same_objects_are_written_again(
    session: Repository, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = session.head()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_fsync)
        with pytest.raises(OSError, match="Input/output"):
            accept(1, "a = 2\n")
    assert session.head() == head
    accept(1, "a = 2\n")
    assert session.read_artifact(session.head()) == {"policy.py": "a = 2\n"}
    assert plain_git(session, "fsck", "--full", "--strict", "--no-dangling") == ""


def test_a_full_disk_leaves_no_open_file_and_no_half_object(
    session: Repository, full_disk: None
) -> None:
    before = count_open_files()
    with pytest.raises(OSError, match="File too large"):
        session.objects.write_blob(os.urandom(100_000))
    assert count_open_files() == before
    assert list_temporary_objects(session) == []
