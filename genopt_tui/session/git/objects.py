"""Git objects: read through one long-lived `git cat-file --batch`, written here as durable loose
objects.

Only the standard library: the interface uses it before anything else is loaded.
"""

import os
import subprocess
import threading
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genopt_tui.errors import SessionError
from genopt_tui.session.git import cli
from genopt_tui.session.git.ids import (
    EXECUTABLE_MODE,
    FILE_MODE,
    TREE_MODE,
    build_trees,
    encode_tree,
    frame_object,
    hash_object,
)

CACHE_BYTES = 512 * 1024  # bytes of objects kept in memory
MAX_CACHED_BYTES = 64 * 1024  # bytes of the largest object kept
SMALL_WINDOW_BYTES = 2048  # bytes up to which an object is small for the compressor
OBJECT_OVERHEAD = 600  # bytes that an object takes beside its data, taken apart as well


@dataclass(frozen=True, slots=True)
class GitObject:
    """An object of the repository. `kind` is `blob`, `tree`, `commit` or `tag`."""

    sha: str
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. `at` is the committer's time in seconds since 1970."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    at: int
    message: str


class ObjectStore:
    """The objects of the session at `path`; use it from the thread that made it, and close it.

    Writes are staged and become durable and visible together with `flush`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = path / ".git" / "objects"
        if not self._folder.is_dir():
            raise SessionError(
                f"{path} is no session", "it holds no git repository", "See `genopt ls`"
            )
        self._process: subprocess.Popen[bytes] | None = None
        self._staged: dict[str, tuple[int, str]] = {}
        self._cache: dict[str, GitObject] = {}
        self._commits: dict[str, Commit] = {}  # of what is kept
        self._trees: dict[str, Mapping[str, tuple[str, str]]] = {}
        self._cached_bytes = 0  # bytes of what is kept
        self._thread = threading.get_ident()

    # reading

    def read(self, name: str) -> GitObject | None:
        """The object called `name` (an id, or a revision git understands); None when there is
        none."""
        if not name or "\n" in name or "\0" in name:
            return None
        if name in self._cache:
            return self._cache[name]
        if name in self._staged:
            self.flush()
        process = self._ensure_process()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(name.encode("utf-8", "replace") + b"\n")
        process.stdin.flush()
        head = process.stdout.readline()
        if not head:
            self.close()
            raise SessionError("git cat-file ended", advice="`git fsck` in the session says more")
        if head.rstrip(b"\n").endswith((b" missing", b" ambiguous")):
            return None
        sha, kind, size = head.split()
        data = process.stdout.read(int(size))
        process.stdout.read(1)
        return self._cache_object(GitObject(sha.decode(), kind.decode(), data))

    def get(self, name: str, kind: str) -> GitObject:
        """Like `read`, for an object that must be there. Raises SessionError."""
        found = self.read(name)
        if found is None or found.kind != kind:
            raise SessionError(
                f"the session has no {kind} {name}",
                advice="`genopt doctor SESSION` checks its files",
            )
        return found

    def read_commit(self, name: str) -> Commit:
        """The commit called `name`. Raises SessionError."""
        if name in self._commits:
            return self._commits[name]
        found = self.get(name, "commit")
        made = parse_commit(found.sha, found.data)
        if found.sha in self._cache:
            self._commits[found.sha] = made
        return made

    def read_tree(self, tree: str) -> Mapping[str, tuple[str, str]]:
        """Name to (mode, id) of the entries of a tree. Raises SessionError."""
        if tree in self._trees:
            return self._trees[tree]
        found = self.get(tree, "tree")
        made = parse_tree(found.data)
        if found.sha in self._cache:
            self._trees[found.sha] = made
        return made

    def list_files(self, tree: str) -> dict[str, str]:
        """File name to blob id of all regular files under a tree. Raises SessionError for links and
        submodules."""
        found: dict[str, str] = {}
        for name, (mode, sha) in self.read_tree(tree).items():
            if mode == TREE_MODE:
                found |= {f"{name}/{inner}": blob for inner, blob in self.list_files(sha).items()}
            elif mode in {FILE_MODE, EXECUTABLE_MODE}:
                found[name] = sha
            else:
                raise SessionError(
                    f"{name} is no regular file",
                    f"its mode is {mode}",
                    "genopt keeps plain files only",
                )
        return found

    def read_texts(self, tree: str) -> dict[str, str]:
        """File name to text of all files under a tree; what is not UTF-8 is replaced."""
        return {
            name: self.get(sha, "blob").data.decode("utf-8", "replace")
            for name, sha in sorted(self.list_files(tree).items())
        }

    # writing

    def write_blob(self, data: bytes) -> str:
        return self._stage("blob", data)

    def write_tree(self, entries: Mapping[str, tuple[str, str]]) -> str:
        """Stage a tree of name to (mode, id)."""
        return self._stage("tree", encode_tree(entries))

    def write_files(self, blobs: Mapping[str, str]) -> str:
        """Stage the nested trees that hold `blobs` (file name with slashes to blob id)."""
        return build_trees(blobs, self.write_tree)

    def write_commit(
        self, tree: str, parents: Iterable[str], author: str, message: str, at: int
    ) -> str:
        """Stage a commit; the committer is the user. `at` is seconds since 1970, UTC."""
        committer = cli.format_identity()
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {author} {at} +0000", f"committer {committer} {at} +0000", "", message]
        return self._stage("commit", "\n".join(lines).encode("utf-8", "replace"))

    def flush(self, extra_handles: Iterable[int] = ()) -> None:
        """Make all that is staged durable, then visible. `extra_handles` are other open files that
        are flushed with it; all files are closed.

        Every file is flushed before it gets its name. File systems with a journal keep names in
        order, so flushing the last folder flushes the others. When this fails (OSError), nothing
        stays staged: a later attempt writes every object again.
        """
        staged, self._staged = self._staged, {}
        folder = ""
        try:
            sync_files([*(handle for handle, _ in staged.values()), *extra_handles])
            for sha, (_, temporary) in staged.items():
                folder = f"{self._folder}/{sha[:2]}"
                replace_file(temporary, f"{folder}/{sha[2:]}")
            if folder:
                sync_folder(folder)
        except BaseException:
            self._forget(staged)
            raise

    def close(self) -> None:
        """End the git process; what was staged and not flushed is dropped."""
        staged, self._staged = self._staged, {}
        for handle, _ in staged.values():
            os.close(handle)
        self._forget(staged)
        if self._process is not None:
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "ObjectStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stage(self, kind: str, data: bytes) -> str:
        sha = hash_object(kind, data)
        if (
            sha in self._staged
            or sha in self._cache
            or os.path.exists(f"{self._folder}/{sha[:2]}/{sha[2:]}")
        ):
            return sha
        temporary = f"{self._folder}/tmp_obj_{os.getpid()}_{sha}"
        self._staged[sha] = (
            write_file(temporary, compress_object(frame_object(kind, data)), 0o444),
            temporary,
        )
        self._cache_object(GitObject(sha, kind, data))
        return sha

    def _forget(self, staged: Mapping[str, tuple[int, str]]) -> None:
        """Remove staged objects whose files are closed: from the disk and from memory."""
        for sha, (_, temporary) in staged.items():
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            self._uncache(sha)

    def _uncache(self, sha: str) -> None:
        cached = self._cache.pop(sha, None)
        if cached is not None:
            self._cached_bytes -= len(cached.data) + OBJECT_OVERHEAD
            self._commits.pop(sha, None)
            self._trees.pop(sha, None)

    def _cache_object(self, found: GitObject) -> GitObject:
        """Remember a small object by its id: objects never change."""
        if len(found.data) <= MAX_CACHED_BYTES and found.sha not in self._cache:
            while self._cached_bytes >= CACHE_BYTES:
                self._uncache(next(iter(self._cache)))
            self._cache[found.sha] = found
            self._cached_bytes += len(found.data) + OBJECT_OVERHEAD
        return found

    def _ensure_process(self) -> "subprocess.Popen[bytes]":
        if threading.get_ident() != self._thread:
            raise RuntimeError("an ObjectStore belongs to the thread that made it")
        if self._process is None or self._process.poll() is not None:
            args = ["cat-file", "--batch"]
            self._process = cli.start_git(args, self.path, stderr=subprocess.DEVNULL)
        return self._process


def compress_object(raw: bytes) -> bytes:
    """An object as git keeps it; for a small one zlib need not set up its largest window."""
    packer = (
        zlib.compressobj(1)
        if len(raw) > SMALL_WINDOW_BYTES
        else zlib.compressobj(1, zlib.DEFLATED, 11, 4)
    )
    return packer.compress(raw) + packer.flush()


def write_file(file: str, data: bytes, mode: int = 0o644) -> int:
    """Write a file, never through a link; it stays open, to be flushed and closed. Where writing
    fails (OSError), nothing is left of it."""
    handle = open_file(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(handle, rest) :]
    except BaseException:
        os.close(handle)
        os.unlink(file)
        raise
    return handle


def open_file(file: str, flags: int, mode: int = 0o644) -> int:
    """Like `os.open`, for a file that may be made: in a folder that is made where it is missing."""
    try:
        return os.open(file, flags, mode)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        return os.open(file, flags, mode)


def replace_file(temporary: str | Path, target: str | Path) -> None:
    """Give a file the name that counts, in place of what has it, in a folder that is made where it
    is missing."""
    try:
        os.replace(temporary, target)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(temporary, target)


def sync_files(handles: Iterable[int]) -> None:
    """Flush open files to the disk, and close them. All are sent there first: the flush of one then
    waits for all."""
    wanted = list(handles)
    try:
        if hasattr(os, "posix_fadvise"):
            for handle in wanted:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        for handle in wanted:
            os.fsync(handle)
    finally:
        for handle in wanted:
            os.close(handle)


def sync_folder(folder: str) -> None:
    """Flush the names in `folder` to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def parse_tree(data: bytes) -> dict[str, tuple[str, str]]:
    """Name to (mode, id) of a tree object's entries."""
    entries, place = {}, 0
    while place < len(data):
        blank, end = data.index(b" ", place), data.index(b"\0", place)
        mode, name = (
            data[place:blank].decode(),
            data[blank + 1 : end].decode("utf-8", "surrogateescape"),
        )
        entries[name] = (mode, data[end + 1 : end + 21].hex())
        place = end + 21
    return entries


def parse_commit(sha: str, data: bytes) -> Commit:
    """A commit object's fields."""
    head, _, message = data.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        fields.setdefault(key, []).append(value)
    author = fields["author"][0].rsplit(" ", 2)[0]
    return Commit(
        sha,
        fields["tree"][0],
        tuple(fields.get("parent", ())),
        author,
        int(fields["committer"][0].rsplit(" ", 2)[1]),
        message,
    )
