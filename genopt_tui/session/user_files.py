"""The user's own files: the tree under a folder without what is ignored, and an artifact that was
written elsewhere."""

import os
import tempfile
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.session.git import cli
from genopt_tui.task.command_task import UserFiles
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.text_files import read_text_file, read_text_folder

IGNORED_FOLDERS = {
    ".git",
    "__pycache__",
    ".venv",
    "venv",
    "node_modules",
    ".tox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
}


OWN_START = "own"
"""What the start of a session is called whose first version was written elsewhere."""


def collect_files(root: Path, edit: Sequence[str]) -> UserFiles:
    """The files under `root`; those that `edit` names (FILE, FILE:FUNCTION, a glob, a folder) are
    the edited ones.

    Raises UsageError naming the entry that fits nothing, or the file that is no text.
    """
    if not all(edit):
        raise UsageError(
            "--edit is empty", advice="Name a file, a folder or a glob such as 'src/*.py'"
        )
    names = list_files(root)
    inside = [
        os.path.relpath(entry, root) if os.path.isabs(entry) else entry.removeprefix("./")
        for entry in edit
    ]
    scope = [f"{entry.rstrip('/')}/**" if (root / entry).is_dir() else entry for entry in inside]
    chosen: dict[str, str] = {}
    for entry in scope:
        found = match_entry(root, entry, names)
        if not found and (root / entry).is_file():
            raise UsageError(
                f"--edit {entry}", "it leads out of this folder", "Go to where the file lies"
            )
        if not found:
            close = get_close_matches(entry, names, 1, 0.4)
            raise UsageError(
                f"--edit {entry} fits no file", advice=f"Did you mean {close[0]}?" if close else ""
            )
        if odd := next((name for name in found if not name.isprintable()), ""):
            raise UsageError(f"--edit {entry}", f"{odd!r} is no printable name", "Rename the file")
        chosen |= {name: read_editable(root / name) for name in found}
    commit, prefix = find_commit_and_prefix(root)
    return UserFiles(
        root, chosen, [name for name in names if name not in chosen], scope, commit, prefix
    )


def match_entry(root: Path, entry: str, names: Sequence[str]) -> list[str]:
    """The files that a scope entry is about; one named outright also where it is ignored."""
    from genopt_tui.learn.scope import Entry, Scope

    if any(mark in entry for mark in "*?"):
        scope = Scope([Entry(entry, entry, "glob")])
        return [name for name in names if scope.covers(name)]
    file = entry.partition(":")[0]
    inside = (root / file).resolve().is_relative_to(root.resolve())
    return [file] if inside and (root / file).is_file() else []


def read_editable(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")  # line ends as they are: a patch has to fit
    except UnicodeDecodeError as error:
        raise UsageError(
            f"--edit {file.name}", "it is no UTF-8 text", "Only text can be edited"
        ) from error
    except OSError as error:
        raise UsageError(f"cannot read {file}", error.strerror or str(error)) from error


def list_files(root: Path) -> list[str]:
    """Files under `root`, relative to it, without what a .gitignore leaves out; also where it is no
    git repository."""
    wanted = ["ls-files", "-z", "--others", "--exclude-standard"]
    if is_in_repository(root):
        out = cli.run_git([*wanted, "--cached"], cwd=root)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            cli.run_git(["init", "-q", "--bare", scratch])
            out = cli.run_git([f"--git-dir={scratch}", f"--work-tree={root}", *wanted], cwd=root)
    names = dict.fromkeys(
        part.decode("utf-8", "surrogateescape") for part in out.split(b"\0") if part
    )
    return [
        name
        for name in names
        if not IGNORED_FOLDERS & set(Path(name).parts) and is_usable(root, name)
    ]


def is_usable(root: Path, name: str) -> bool:
    """Whether this is a file, or a link to a folder; what was deleted, is a repository inside or
    leads back up is left out."""
    path = root / name
    if path.is_symlink() and path.is_dir():
        return not any(
            place.is_relative_to(path.resolve())
            for place in (root.resolve(), Path.home().resolve())
        )
    return path.is_file()


def is_in_repository(root: Path) -> bool:
    try:
        return cli.run_git(["rev-parse", "--is-inside-work-tree"], cwd=root).strip() == b"true"
    except SessionError:
        return False


def find_commit_and_prefix(root: Path) -> tuple[str, str]:
    """Commit and path inside its repository; empty where there is none."""
    if not is_in_repository(root):
        return "", ""
    prefix = cli.run_git(["rev-parse", "--show-prefix"], cwd=root).decode().strip().rstrip("/")
    try:
        return cli.run_git(
            ["rev-parse", "--verify", "--quiet", "HEAD"], cwd=root
        ).decode().strip(), prefix
    except SessionError:  # nothing committed yet
        return "", prefix


def read_own_artifact(path: Path, folder: TaskFolder, start: str) -> dict[str, str]:
    """The artifact's files by name, from a file or a folder of the user's.

    A single file replaces the start's file of the same name, or its only one; the other files stay
    those of the start. Raises UsageError.
    """
    if path.is_dir():
        return read_text_folder(path)
    files = folder.read_start(start if start in folder.task.starts else "")
    name = path.name if path.name in files else next(iter(files)) if len(files) == 1 else ""
    if not name:
        raise UsageError(
            f"{path.name} is no file of it",
            f"the artifact of {folder.task.name} has several files: {', '.join(files)}",
            "Name it like the one that it replaces, or give a folder",
        )
    return {**files, name: read_text_file(path)}
