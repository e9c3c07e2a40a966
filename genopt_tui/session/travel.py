"""A session that came from another machine: its task travels in the repository, remote branches
become local, and nothing runs unasked."""

import os
import re
import shutil
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from genopt_tui.errors import TaskError
from genopt_tui.session.git import cli
from genopt_tui.session.git.objects import ObjectStore
from genopt_tui.session.git.refs import HEADS, TASKS, Refs
from genopt_tui.session.git.worktree import safe_path

if TYPE_CHECKING:
    from genopt_tui.task.loader import TaskFolder

REMOTE = re.compile(r"refs/remotes/[^/]+/(?!HEAD$)(.+)")


@lru_cache(maxsize=16)
def load_session_task(session: Path, name: str) -> "TaskFolder":
    """The task that a session names: the one of this machine, else the one that travelled with it.
    Raises TaskError."""
    from genopt_tui.task import loader

    try:
        return loader.find_task(name)
    except TaskError:
        kept = unpack_task(session)
        if kept is None:
            raise
        return loader.load_task(kept, name)


def unpack_task(session: Path) -> Path | None:
    """The folder of the task that travels with a session, written out where it is not; None when
    none does."""
    with ObjectStore(session) as store:
        refs = Refs(session, store).list_refs(TASKS)
        if not refs:
            return None
        made = max((store.read_commit(ref) for ref in refs), key=lambda commit: commit.at)
        called = PurePath(
            made.message.partition("\n")[0].removeprefix("task ")
        ).name  # its digest counts the name too
        folder = session / ".genopt" / "task" / made.tree / safe_path(called)
        if folder.is_dir():
            return folder
        building = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(building, ignore_errors=True)
        for name, blob in store.list_files(made.tree).items():
            target = building / safe_path(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            data = store.get(blob, "blob").data
            target.write_bytes(data)
            target.chmod(0o700 if data.startswith(b"#!") else 0o600)
    os.rename(building, folder)
    return folder


def finish_clone(session: Path) -> list[str]:
    """After a plain `git clone`: remote branches become local ones, our own folder is ignored.
    Returns the new branches."""
    with ObjectStore(session) as store:
        there = Refs(session, store).list_refs(HEADS, "refs/remotes/")
    new = {
        HEADS + match[1]: sha
        for ref, sha in there.items()
        if (match := REMOTE.fullmatch(ref)) and HEADS + match[1] not in there
    }
    if new:
        lines = "".join(f"create {ref} {sha}\n" for ref, sha in new.items())
        cli.run_git(["update-ref", "--stdin"], session, data=lines.encode())
    exclude = session / ".git" / "info" / "exclude"
    known = exclude.read_text(encoding="utf-8") if exclude.is_file() else ""
    if "/.genopt/" not in known.splitlines():
        exclude.parent.mkdir(exist_ok=True)
        exclude.write_text(f"{known.rstrip()}\n/.genopt/\n".lstrip(), encoding="utf-8")
    return sorted(ref.removeprefix(HEADS) for ref in new)
