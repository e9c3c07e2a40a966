"""The user's own files, as `genopt new --edit` finds them: the tree under the present folder without what is ignored."""

import os
import tempfile
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.session import gitcall
from genopt_tui.task.command import Files

NEVER = {".git", "__pycache__", ".venv", "venv", "node_modules", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache"}


def tree(root: Path, edit: Sequence[str]) -> Files:
    """The files under `root`; those that `edit` names (FILE, FILE:FUNCTION, a glob, a folder) are the edited ones.

    Raises UsageError naming the entry that fits nothing, or the file that is no text.
    """
    if not all(edit):
        raise UsageError("--edit is empty", advice="Name a file, a folder or a glob such as 'src/*.py'")
    names = listed(root)
    inside = [os.path.relpath(entry, root) if os.path.isabs(entry) else entry.removeprefix("./") for entry in edit]
    scope = [f"{entry.rstrip('/')}/**" if (root / entry).is_dir() else entry for entry in inside]
    chosen: dict[str, str] = {}
    for entry in scope:
        found = fitting(root, entry, names)
        if not found and (root / entry).is_file():
            raise UsageError(f"--edit {entry}", "it leads out of this folder", "Go to where the file lies")
        if not found:
            close = get_close_matches(entry, names, 1, 0.4)
            raise UsageError(f"--edit {entry} fits no file", advice=f"Did you mean {close[0]}?" if close else "")
        if odd := next((name for name in found if not name.isprintable()), ""):
            raise UsageError(f"--edit {entry}", f"{odd!r} is no printable name", "Rename the file")
        chosen |= {name: text_of(root / name) for name in found}
    commit, prefix = whereabouts(root)
    return Files(root, chosen, [name for name in names if name not in chosen], scope, commit, prefix)


def fitting(root: Path, entry: str, names: Sequence[str]) -> list[str]:
    """The files that a scope entry is about; one named outright also where it is ignored."""
    from genopt_tui.learn.scope import Entry, Scope

    if any(mark in entry for mark in "*?"):
        scope = Scope([Entry(entry, entry, "glob")])
        return [name for name in names if scope.covers(name)]
    file = entry.partition(":")[0]
    inside = (root / file).resolve().is_relative_to(root.resolve())
    return [file] if inside and (root / file).is_file() else []


def text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")  # line ends as they are: a patch has to fit
    except UnicodeDecodeError as error:
        raise UsageError(f"--edit {file.name}", "it is no UTF-8 text", "Only text can be edited") from error
    except OSError as error:
        raise UsageError(f"cannot read {file}", error.strerror or str(error)) from error


def listed(root: Path) -> list[str]:
    """Files under `root`, relative to it, without what a .gitignore leaves out; also where it is no git repository."""
    wanted = ["ls-files", "-z", "--others", "--exclude-standard"]
    if in_repository(root):
        out = gitcall.run([*wanted, "--cached"], cwd=root)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            gitcall.run(["init", "-q", "--bare", scratch])
            out = gitcall.run([f"--git-dir={scratch}", f"--work-tree={root}", *wanted], cwd=root)
    names = dict.fromkeys(part.decode("utf-8", "surrogateescape") for part in out.split(b"\0") if part)
    return [name for name in names if not NEVER & set(Path(name).parts) and usable(root, name)]


def usable(root: Path, name: str) -> bool:
    """Whether this is a file, or a link to a folder; what was deleted, is a repository inside or leads back up is left out."""
    path = root / name
    if path.is_symlink() and path.is_dir():
        return not any(place.is_relative_to(path.resolve()) for place in (root.resolve(), Path.home().resolve()))
    return path.is_file()


def in_repository(root: Path) -> bool:
    try:
        return gitcall.run(["rev-parse", "--is-inside-work-tree"], cwd=root).strip() == b"true"
    except SessionError:
        return False


def whereabouts(root: Path) -> tuple[str, str]:
    """Commit and path inside its repository; empty where there is none."""
    if not in_repository(root):
        return "", ""
    prefix = gitcall.run(["rev-parse", "--show-prefix"], cwd=root).decode().strip().rstrip("/")
    try:
        return gitcall.run(["rev-parse", "--verify", "--quiet", "HEAD"], cwd=root).decode().strip(), prefix
    except SessionError:  # nothing committed yet
        return "", prefix
