"""Refs of a session: read cheaply, moved together by compare-and-swap through one long-lived `git update-ref --stdin`."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from genopt_tui.errors import SessionError, single_line
from genopt_tui.session import gitcall

Changes = Mapping[str, tuple[str | None, str | None]]
"""Ref to (old, new) commit; None means that the ref does not exist."""

HEADS, TAGS = "refs/heads/", "refs/tags/"
ACTS, REJECTED, ABANDONED, TASKS = (
    "refs/genopt/acts",
    "refs/genopt/rejected/",
    "refs/genopt/abandoned/",
    "refs/genopt/task/",
)
NOTES, HUNKS, OPENINGS = "refs/genopt/notes", "refs/genopt/hunks", "refs/genopt/openings"
SHA = re.compile("[0-9a-f]{40}")
LONGEST = 4096  # bytes of a ref's file that are read
LINKS = 5  # refs that name refs, as git follows them
WORDS = {"head", "start", "best", "HEAD"}


class HeadMoved(SessionError):
    """A ref is no longer what the caller saw; nothing was changed."""


class Refs:
    """The refs of the session at `path`; use it from one thread, and close it."""

    def __init__(self, path: Path) -> None:
        self.path, self._folder = path, str(path / ".git")
        self._process: subprocess.Popen[bytes] | None = None
        self._packed: tuple[object, Mapping[str, str]] = (None, {})

    def value(self, ref: str) -> str | None:
        """The commit (or tag) that a ref names, read from git's own files; None where there is no such ref."""
        for _ in range(LINKS):
            text = self._loose(ref)
            if text is None:
                return self._read_packed().get(ref)
            if not text.startswith("ref:"):
                return text if SHA.fullmatch(text) else None
            ref = text.removeprefix("ref:").strip()
        return None

    def _loose(self, ref: str) -> str | None:
        if ".." in ref:
            return None
        try:
            with open(f"{self._folder}/{ref}", "rb", 0) as file:
                return file.read(LONGEST).decode("utf-8", "replace").strip()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def _read_packed(self) -> Mapping[str, str]:
        """Refs that git has put into one file; read again only where that file is another one."""
        file = f"{self._folder}/packed-refs"
        try:
            state = os.stat(file)
        except FileNotFoundError:
            return {}
        seen = (state.st_ino, state.st_mtime_ns, state.st_size)
        if self._packed[0] != seen:
            lines = (
                line.split(" ", 1)
                for line in Path(file).read_text(encoding="utf-8").splitlines()
                if line[0] not in "#^"
            )
            self._packed = (seen, {name: sha for sha, name in lines})
        return self._packed[1]

    def head(self) -> str:
        """The ref that HEAD names (`refs/heads/main`), or the commit where no branch is checked out."""
        text = self._loose("HEAD")
        if text is None:
            raise SessionError(f"{self.path} has no HEAD", advice="`genopt doctor SESSION` checks its files")
        return text.removeprefix("ref: ").strip()

    def set_head(self, ref: str) -> None:
        """Let HEAD name another branch."""
        gitcall.run(["symbolic-ref", "-m", "genopt", "HEAD", ref], self.path)

    def all(self, *under: str) -> dict[str, str]:
        """Every ref under the given prefixes (all of them: none given) with its commit."""
        out = gitcall.run(["for-each-ref", "--format=%(objectname) %(refname)", *under], self.path).decode()
        return {name: sha for sha, _, name in (line.partition(" ") for line in out.splitlines())}

    def update(self, changes: Changes) -> None:
        """Make all changes or none. Raises HeadMoved when a ref is not its old value any more."""
        lines = ["start"]
        for ref, (old, new) in changes.items():
            if old == new:
                continue
            if old is None:
                lines.append(f"create {ref} {new}")
            elif new is None:
                lines.append(f"delete {ref} {old}")
            else:
                lines.append(f"update {ref} {new} {old}")
        lines.append("commit")
        process = self._writer()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write("\n".join(lines).encode() + b"\n")
            process.stdin.flush()
            said = [process.stdout.readline(), process.stdout.readline()]
        except BrokenPipeError:
            said = [b""]
        if said[-1].strip() != b"commit: ok":
            raise self._refusal()

    def close(self) -> None:
        """End the git process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _writer(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                ["git", "update-ref", "-m", "genopt", "--stdin"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=gitcall.clean(self.path),
                cwd=self.path,
            )
        return self._process

    def _refusal(self) -> SessionError:
        assert self._process is not None
        _, stderr = self._process.communicate()
        self._process = None
        why = single_line(stderr.decode("utf-8", "replace")).removeprefix("fatal: ")
        if "but expected" in why or "reference already exists" in why or "unable to resolve reference" in why:
            return HeadMoved("the session's history moved meanwhile", why, "Look at it and decide again")
        if ".lock" in why:
            return SessionError("another git process is writing in the session", why, "Try again when it is done")
        return SessionError("git refused to move a ref", why)


def check_name(name: str, what: str = "branch") -> str:
    """`name` when git and `resolve` can tell it apart from everything else. Raises SessionError."""
    bad = (
        not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*", name)
        or any(part in name for part in ("..", "//", "/.", "./", "@{"))
        or name.endswith((".", "/", ".lock"))
        or ".lock/" in name
        or len(name) > 100
    )
    if bad:
        raise SessionError(
            f"'{single_line(name)[:60]}' is no {what} name", "letters, digits, - _ . / +", "For example aim-branch"
        )
    if name in WORDS or re.fullmatch(r"\d+(\.\d+|[a-z])?|[0-9a-f]{7,40}", name):
        raise SessionError(f"'{name}' cannot name a {what}", "it already means a version", f"For example try-{name}")
    return name


def remove_locks(path: Path, names: Iterable[str]) -> None:
    """Remove lock files that a killed writer of ours left behind: only for what it was writing, by the holder of the lock."""
    for name in names:
        (path / ".git" / f"{name}.lock").unlink(missing_ok=True)
