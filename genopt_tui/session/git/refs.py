"""Refs of a session: read and moved in git's own files, together and by compare-and-swap.

A step moves two of them; `git update-ref` takes as long for that as all other writing of the step.
"""

import os
import re
import time
from bisect import bisect
from collections.abc import Container, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath

from genopt_tui.errors import SessionError, single_line
from genopt_tui.session.git import cli
from genopt_tui.session.git.objects import open_file, sync_files, sync_folder, write_file

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
SHA = re.compile("[0-9a-f]{40}")
MAX_REF_BYTES = 4096  # bytes of a ref's file that are read
MAX_SYMREF_DEPTH = 5  # refs that name refs, as git follows them
RESERVED_NAMES = {"head", "start", "best", "HEAD"}


class HeadMoved(SessionError):
    """A ref is no longer what the caller saw; nothing was changed."""


class Refs:
    """The refs of the session at `path`; use it from one thread."""

    def __init__(self, path: Path) -> None:
        self.path, self._folder = path, str(path / ".git")
        self._packed: tuple[object, Mapping[str, str]] = (None, {})
        self._staged: dict[
            tuple[str, str], str
        ] = {}  # files that are about to be put into place, by ref and value

    def read(self, ref: str) -> str | None:
        """The commit (or tag) that a ref names, read from git's own files; None where there is no
        such ref."""
        for _ in range(MAX_SYMREF_DEPTH):
            text = self._read_loose(ref)
            if text is None:
                return self._read_packed().get(ref)
            if not text.startswith("ref:"):
                return text if SHA.fullmatch(text) else None
            ref = text.removeprefix("ref:").strip()
        return None

    def _read_loose(self, ref: str) -> str | None:
        if ".." in ref:
            return None
        try:
            handle = os.open(f"{self._folder}/{ref}", os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return os.read(handle, MAX_REF_BYTES).decode("utf-8", "replace").strip()
        except IsADirectoryError:
            return None
        finally:
            os.close(handle)

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

    def read_head(self) -> str:
        """The ref that HEAD names (`refs/heads/main`), or the commit where no branch is checked
        out."""
        text = self._read_loose("HEAD")
        if text is None:
            raise SessionError(
                f"{self.path} has no HEAD", advice="`genopt doctor SESSION` checks its files"
            )
        return text.removeprefix("ref: ").strip()

    def set_head(self, ref: str) -> None:
        """Let HEAD name another branch."""
        cli.run_git(["symbolic-ref", "-m", "genopt", "HEAD", ref], self.path)

    def list_refs(self, *under: str) -> dict[str, str]:
        """Every ref under the given prefixes (all of them: none given) with its commit."""
        out = cli.run_git(
            ["for-each-ref", "--format=%(objectname) %(refname)", *under], self.path
        ).decode()
        return {name: sha for sha, _, name in (line.partition(" ") for line in out.splitlines())}

    def stage(self, changes: RefChanges) -> list[int]:
        """Write what `update` is about to put into place; the open files, to be flushed and closed
        together with others."""
        handles = []
        for ref, (old, new) in changes.items():
            if new is not None and new != old:
                self._staged[ref, new] = f"{self._folder}/genopt/ref-{len(self._staged)}.tmp"
                handles.append(write_file(self._staged[ref, new], f"{new}\n".encode()))
        return handles

    def update(self, changes: RefChanges) -> None:
        """Make all changes or none, as git does: under a lock for each ref. Durable with all that
        got its name before.

        Raises HeadMoved when a ref is not its old value any more, SessionError when another process
        holds a lock.
        """
        moves = {
            self._follow_symref(ref): pair for ref, pair in changes.items() if pair[0] != pair[1]
        }
        if not moves:
            return
        sync_files(
            self.stage(
                {ref: pair for ref, pair in moves.items() if (ref, pair[1]) not in self._staged}
            )
        )
        try:
            with ExitStack() as held:
                for ref in sorted(moves):
                    held.callback(os.unlink, self._acquire_lock(ref))
                for ref, (old, new) in moves.items():
                    self._check_update(ref, old, new)
                self._delete({ref for ref, (_, new) in moves.items() if new is None})
                for ref, (old, new) in moves.items():
                    if new is not None:
                        os.replace(self._staged.pop((ref, new)), f"{self._folder}/{ref}")
                        self._append_reflog(ref, old, new)
            sync_folder(os.path.dirname(f"{self._folder}/{ref}"))
        finally:
            for file in self._staged.values():
                os.unlink(file)
            self._staged.clear()

    # inside

    def _follow_symref(self, ref: str) -> str:
        """The ref that is meant where `ref` names another one."""
        for _ in range(MAX_SYMREF_DEPTH):
            text = self._read_loose(ref)
            if text is None or not text.startswith("ref:"):
                break
            ref = text.removeprefix("ref:").strip()
        return ref

    def _acquire_lock(self, ref: str) -> str:
        """Keep other git processes from writing `ref`; the file that does."""
        lock = f"{self._folder}/{ref}.lock"
        try:
            os.close(open_file(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except FileExistsError as error:
            if error.filename != lock:
                raise _name_conflict(ref) from error
            raise SessionError(
                "another git process is writing in the session",
                f"{ref} is locked",
                "Try again when it is done",
            ) from error
        except NotADirectoryError as error:
            raise _name_conflict(ref) from error
        return lock

    def _check_update(self, ref: str, old: str | None, new: str | None) -> None:
        """Raises HeadMoved when `ref` is not `old`, SessionError when git's files have no room for
        it beside another ref."""
        if self.read(ref) != old:
            raise HeadMoved(
                "the session's history moved meanwhile",
                f"{ref} is not what it was",
                "Look at it and decide again",
            )
        if old is None and new is not None:
            _remove_empty_folders(f"{self._folder}/{ref}")
            _remove_empty_folders(f"{self._folder}/logs/{ref}")
            names = list(self._read_packed())  # git keeps them sorted
            after = bisect(names, f"{ref}/")
            if (
                os.path.isdir(f"{self._folder}/{ref}")
                or any(name.startswith(f"{ref}/") for name in names[after : after + 1])
                or any(str(above) in self._read_packed() for above in PurePosixPath(ref).parents)
            ):
                raise _name_conflict(ref)

    def _delete(self, gone: set[str]) -> None:
        """Delete refs: from git's one file of them first, for what is there shows again where the
        ref's own file is not."""
        if gone & self._read_packed().keys():
            file, fresh = Path(self._folder, "packed-refs"), f"{self._folder}/genopt/packed.tmp"
            with ExitStack() as held:
                held.callback(os.unlink, self._acquire_lock("packed-refs"))
                sync_files(
                    [
                        write_file(
                            fresh, drop_packed_refs(file.read_text(encoding="utf-8"), gone).encode()
                        )
                    ]
                )
                os.replace(fresh, file)
        for ref in gone:
            for own in (f"{self._folder}/{ref}", f"{self._folder}/logs/{ref}"):
                with suppress(FileNotFoundError):
                    os.unlink(own)

    def _append_reflog(self, ref: str, old: str | None, new: str) -> None:
        """Git's own log of a branch, and of HEAD where that is the branch."""
        if not ref.startswith(HEADS):
            return
        line = "{} {} {} <{}> {} +0000\tgenopt\n".format(
            old or "0" * 40, new, *cli.read_identity(), int(time.time())
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        for name in (ref, *(["HEAD"] if self.read_head() == ref else [])):
            with (
                suppress(OSError),
                os.fdopen(
                    open_file(f"{self._folder}/logs/{name}", flags), "w", encoding="utf-8"
                ) as out,
            ):
                out.write(line)  # where it cannot be written, the ref has moved all the same


def drop_packed_refs(packed: str, gone: Container[str]) -> str:
    """Git's file of packed refs without some of them; a line with `^` tells more of the one before
    it."""
    kept, skipped = [], False
    for line in packed.splitlines(keepends=True):
        if line[0] != "^":
            skipped = line.rstrip("\n").partition(" ")[2] in gone
        if not skipped:
            kept.append(line)
    return "".join(kept)


def _name_conflict(ref: str) -> SessionError:
    return SessionError(
        f"there is no room for {ref}",
        "a ref of that name, or above or below it, exists",
        "Choose another name",
    )


def _remove_empty_folders(folder: str) -> None:
    """Remove `folder` where it holds nothing but empty folders, which git leaves behind."""
    for inner, _, files in os.walk(folder, topdown=False):
        with suppress(OSError):
            if not files:
                os.rmdir(inner)


def parse_branch_name(head: str) -> str:
    """Name of the branch that HEAD names; empty where plain git checked out a bare commit."""
    return head.removeprefix(HEADS) if head.startswith(HEADS) else ""


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
            f"'{single_line(name)[:60]}' is no {what} name",
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
    """Remove lock files that a killed writer of ours left behind: only for what it was writing, by
    the holder of the lock."""
    for name in names:
        (path / ".git" / f"{name}.lock").unlink(missing_ok=True)
