"""Refs of a session. git itself stores them: loose, packed or as reftables.

They are read through the object store's `git cat-file` and written through one long-lived
`git update-ref --stdin`, so locks, reflogs and packed refs are git's business.
"""

import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from genopt_tui.errors import SessionError, UsageError, single_line
from genopt_tui.session.git import cli
from genopt_tui.session.git.objects import ObjectStore, sync_folder

RefChanges = Mapping[str, tuple[str | None, str | None]]
"""Ref to (old, new) commit; None means that the ref does not exist."""

HEADS, TAGS = "refs/heads/", "refs/tags/"
ACTS, REJECTED, ABANDONED, TASKS = (
    "refs/genopt/acts",
    "refs/genopt/rejected/",
    "refs/genopt/abandoned/",
    "refs/genopt/task/",
)
NOTES, HUNKS, OPENINGS = "refs/genopt/notes", "refs/genopt/hunks", "refs/genopt/openings"
TRIED_REVISIONS = (
    "HEAD",
    "--branches",
    "--tags",
    f"--glob={REJECTED}*",
    f"--glob={ABANDONED}*",
)
"""Options by which git walks every version: accepted, rejected and abandoned."""
SHA = re.compile("[0-9a-f]{40}")
ZERO_ID = "0" * 40
REFTABLE_HEAD = "refs/heads/.invalid"  # what the file HEAD says where refs are reftables
UPDATER_LIFETIME = 10.0  # seconds; git dates every reflog entry of a process by its first
RESERVED_NAMES = {"head", "start", "best", "HEAD"}


class HeadMoved(UsageError):
    """A ref is no longer what the caller saw; nothing was changed."""


class Refs:
    """The refs of the session at `path`; use it from one thread, and close it."""

    def __init__(self, path: Path, store: ObjectStore) -> None:
        self.path, self._store = path, store
        self._updater = RefUpdater(path)

    def close(self) -> None:
        """End the git process that writes refs."""
        self._updater.close()

    def read(self, ref: str) -> str | None:
        """The commit (or tag) that a ref names; None where the ref does not exist."""
        target = self._store.read(ref)
        return target.sha if target else None

    def read_head(self) -> str:
        """The ref that HEAD names (`refs/heads/main`), or the commit where no branch is checked
        out. Raises SessionError."""
        try:
            text = (self.path / ".git" / "HEAD").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            text = ""
        head = text.strip()
        if head.startswith("ref:"):
            head = head.removeprefix("ref:").strip()
            if head != REFTABLE_HEAD:
                return head
            answer = cli.run_git(["symbolic-ref", "-q", "HEAD"], self.path, ok=(0, 1))
            head = answer.decode().strip() or self.read("HEAD") or ""
        if not head:
            raise SessionError(
                f"{self.path} has no HEAD", advice="`genopt doctor SESSION` checks its files"
            )
        return head

    def set_head(self, ref: str) -> None:
        """Let HEAD name another branch."""
        cli.run_git(["symbolic-ref", "-m", "genopt", "HEAD", ref], self.path)

    def list_refs(self, *under: str) -> dict[str, str]:
        """Every ref under the given prefixes (all of them: none given) with its commit."""
        args = ["for-each-ref", "--format=%(objectname) %(refname)", *under]
        lines = cli.run_git(args, self.path).decode().splitlines()
        return {name: sha for sha, _, name in (line.partition(" ") for line in lines)}

    def update(self, changes: RefChanges) -> None:
        """Make all changes or none, durably.

        Raises HeadMoved when a ref is not its old value any more, SessionError when git cannot
        write one, for example because another process holds its lock.
        """
        moves = {ref: pair for ref, pair in changes.items() if pair[0] != pair[1]}
        if not moves:
            return
        reason = self._updater.update(moves)
        if reason:
            self._raise_update_error(moves, reason)
        self._sync_names(moves)

    def _raise_update_error(self, moves: RefChanges, reason: str) -> None:
        for ref, (old, _) in moves.items():
            if self.read(ref) != old:
                raise HeadMoved(
                    "the session's history moved meanwhile",
                    f"{ref} is not what it was",
                    "Look at it and decide again",
                )
        names = self.list_refs()
        for ref in moves:
            above = {str(parent) for parent in PurePosixPath(ref).parents}
            if above & names.keys() or any(name.startswith(f"{ref}/") for name in names):
                raise SessionError(
                    f"there is no room for {ref}",
                    "a ref of that name, or above or below it, exists",
                    "Choose another name",
                )
        raise SessionError(
            "git could not write the session's refs",
            reason,
            "Another git process may be writing: try again when it is done",
        )

    def _sync_names(self, refs: Iterable[str]) -> None:
        """Flush the new names to the disk. git flushes what it writes, but not the renames."""
        folder = self.path / ".git"
        if cli.uses_reftable(self.path):
            sync_folder(str(folder / "reftable"))
            return
        for parent in {(folder / ref).parent for ref in refs}:
            with suppress(FileNotFoundError):  # deleted, or the ref is packed
                sync_folder(str(parent))


class RefUpdater:
    """A long-lived `git update-ref --stdin` that makes one transaction after the other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def update(self, moves: RefChanges) -> str:
        """Make all of `moves` in one transaction. Returns git's reason where it refused; nothing is
        changed then."""
        lines = ["start", *(_format_update(ref, *pair) for ref, pair in moves.items())]
        return self._run([*lines, "prepare", "commit"], answers=3)

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(BrokenPipeError):
                process.communicate()

    def _run(self, lines: list[str], answers: int) -> str:
        process = self._ensure_process()
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError):  # git ends as soon as it refuses a command
            process.stdin.write("".join(f"{line}\n" for line in lines).encode())
            process.stdin.flush()
        for _ in range(answers):
            if not process.stdout.readline():
                self._process = None
                with suppress(BrokenPipeError):
                    process.stdin.close()
                assert process.stderr is not None
                with process.stdout, process.stderr:
                    reason = cli.find_git_reason(process.stderr.read())
                process.wait()
                return reason
        return ""

    def _ensure_process(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and (
            time.monotonic() - self._started > UPDATER_LIFETIME or self._process.poll() is not None
        ):
            self.close()
        if self._process is None:
            args = ["update-ref", "-m", "genopt", "--stdin"]
            self._process = cli.start_git(args, self._path, stderr=subprocess.PIPE)
            self._started = time.monotonic()
        return self._process


def _format_update(ref: str, old: str | None, new: str | None) -> str:
    """A change as a line for `git update-ref --stdin`; ids of zeros mean that there is no ref."""
    if new is None:
        return f"delete {ref} {old}"
    return f"update {ref} {new} {old or ZERO_ID}"


def parse_branch_name(head: str) -> str:
    """Name of the branch that HEAD names; empty where plain git checked out a bare commit."""
    return head.removeprefix(HEADS) if head.startswith(HEADS) else ""


def check_name(name: str, what: str = "branch") -> str:
    """Return `name` where git and `resolve` can tell it apart from everything else. Raises
    SessionError otherwise."""
    bad = (
        not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*", name)
        or any(part in name for part in ("..", "//", "/.", "./", "@{"))
        or name.endswith((".", "/", ".lock"))
        or ".lock/" in name
        or len(name) > 100
    )
    if bad:
        raise SessionError(
            f"'{single_line(name)[:60]}' is not a {what} name",
            "letters, digits, - _ . / +",
            "For example aim-branch",
        )
    if name in RESERVED_NAMES or re.fullmatch(r"\d+(\.\d+|[a-z])?|[0-9a-f]{7,40}", name):
        raise SessionError(
            f"'{name}' cannot name a {what}",
            "it already means a version",
            f"For example try-{name}",
        )
    return name


def remove_locks(path: Path, names: Iterable[str]) -> None:
    """Remove lock files that a killed git process of ours left behind: only for what it was
    writing, and only by the holder of the session's lock."""
    for name in names:
        (path / ".git" / f"{name}.lock").unlink(missing_ok=True)
