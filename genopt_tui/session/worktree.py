"""The work tree of a session: it follows the active branch and never loses a hand edit.

A file is written only where it still is what was put there; otherwise it stays, and what it was made from is remembered.
That memory is `.git/genopt/worktree.json`: the commit (`at`) and the ref (`ref`) that the work tree follows, and the base of
each file left alone. Beside it lies `act.json` while an act is being done: from this moment on the act (`act`) is finished even
if its writer is killed, and then this file becomes the memory.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from genopt_tui.errors import SessionError, single_line
from genopt_tui.session import index
from genopt_tui.session.objects import ObjectStore, blob_id, put, sync_files, write

ARTIFACT, CHOICES, RECORD = "artifact", "genopt.toml", "record.json"
LARGEST = 4 * 1024**2
OWN = {RECORD, ".gitattributes"}


@dataclass
class Followed:
    """What the work tree was last put to. `base` holds the blob each hand-edited file was made from (None: no file)."""

    at: str = ""
    ref: str = ""
    act: str = ""
    base: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edited:
    """A file that differs from head by a person's hand: its text (None: deleted) and the blob it was made from (None: new)."""

    file: str
    text: str | None
    base: str | None


class WorkTree:
    """The files in a session's folder."""

    def __init__(self, path: Path, store: ObjectStore) -> None:
        self.path, self._store = path, store
        self._memory = path / ".git" / "genopt" / "worktree.json"
        self._new_memory, self._act = self._memory.with_suffix(".tmp"), self._memory.with_name("act.json")
        self._announced: Followed | None = None  # what `act.json` says
        self._ready: dict[tuple[str, str], Path] = {}  # files that are about to be put into place, by name and blob
        self.followed = self._load()

    def announce(self, act: str, commit: str, ref: str) -> list[int]:
        """Write down the act that is about to move refs, and beside it what it puts into the work tree to get to `commit` of `ref`.

        Returns the open files, to be flushed and closed; `announced` is the point of no return.
        """
        old, new = self._blobs(self.followed.at), self._blobs(commit)
        self._ready = {}
        self._ready, files = self._written({name: blob for name, blob in new.items() if blob != old.get(name)})
        self._announced = Followed(commit, ref, act, dict(self.followed.base))
        return [self._written_down(self._announced), *files]

    def announced(self, act: str) -> None:
        """Remember the act; what `announce` wrote is flushed. Its name is in the file system's journal before that of any ref."""
        os.replace(self._new_memory, self._act)
        self.followed.act = act

    def forget(self) -> None:
        """No act is being done after all."""
        self.followed.act = ""
        self._act.unlink()

    def follow(self, commit: str, ref: str) -> None:
        """Put the work tree to `commit` of the branch `ref`, leaving alone what a person changed."""
        old, new = self._blobs(self.followed.at), self._blobs(commit)
        base = self.followed.base
        moved = {name for name in old.keys() | new.keys() | base.keys() if old.get(name) != new.get(name)}
        names = sorted(moved | base.keys() | (OWN & new.keys()))  # any other is as it was, or as a person left it
        self._put({name: new.get(name) for name in names if self._is_ours(name, old.get(name), new.get(name))})
        index.follow(self.path, old, new, self.followed.base)
        self._settle(commit, ref, new)

    def adopt(self, commit: str, ref: str) -> None:
        """Take note that plain git moved the head: no file is touched, and what differs from the new head is a hand edit."""
        self._settle(commit, ref, self._blobs(commit))

    def edits(self, head: str) -> list[Edited]:
        """What a person changed: files of the artifact and `genopt.toml` that differ from the commit `head`."""
        new, old = self._blobs(head), self._blobs(self.followed.at)
        found = []
        for name in sorted({name for name in new if name not in OWN} | set(self._present())):
            base, current = self.followed.base.get(name, old.get(name)), self._current(name)
            if current not in (new.get(name), base):
                found.append(Edited(name, self._text(name), base))
        return found

    def made_from_head(self, names: Iterable[str]) -> None:
        """Take note that edited files now hold what head did to them too."""
        for name in names:
            self.followed.base.pop(name, None)
        self._save()

    def _is_ours(self, name: str, old: str | None, new: str | None) -> bool:
        """Whether a file is still what was put there and has to change; otherwise what it was made from is remembered."""
        base, current = self.followed.base.get(name, old), self._current(name)
        if current == new:
            self.followed.base.pop(name, None)
            return False
        ours = current == base or (name in OWN and (current is None or self._store.read(current) is not None))
        if ours:
            self.followed.base.pop(name, None)
        else:
            self.followed.base[name] = base
        return ours

    def _put(self, blobs: Mapping[str, str | None]) -> None:
        """Write files (None deletes one), each at once or not at all; never through a link."""
        ready, self._ready = self._ready, {}
        rest, handles = self._written({n: b for n, b in blobs.items() if b is not None and (n, b) not in ready})
        sync_files(handles)
        for name, blob in blobs.items():
            target = self._place(name)
            if blob is None:
                target.unlink(missing_ok=True)
                self._prune(target.parent)
                continue
            put(ready.pop((name, blob)) if (name, blob) in ready else rest[name, blob], target)
        for temporary in ready.values():  # a person's edit stays where it would have gone
            temporary.unlink()

    def _written(self, blobs: Mapping[str, str]) -> tuple[dict[tuple[str, str], Path], list[int]]:
        """Blobs by name in files beside the memory, by name and blob, and these files, open: they are to be flushed and closed."""
        found, handles = {}, []
        for number, (name, blob) in enumerate(blobs.items(), len(self._ready)):
            temporary = self._memory.parent / f"file-{number}.tmp"
            handles.append(write(str(temporary), self._store.get(blob, "blob").data))
            found[name, blob] = temporary
        return found, handles

    def _settle(self, commit: str, ref: str, blobs: Mapping[str, str]) -> None:
        base = {
            n: blob
            for n, blob in self.followed.base.items()
            if blob != blobs.get(n) and self._current(n) != blobs.get(n)
        }
        announced, self._announced = self._announced, None
        if announced and announced == Followed(commit, ref, self.followed.act, base):
            os.replace(self._act, self._memory)
            self.followed = Followed(commit, ref, "", base)
        else:
            self.followed = Followed(commit, ref, "", base)
            self._save()
            self._act.unlink(missing_ok=True)

    def _blobs(self, commit: str) -> dict[str, str]:
        return self._store.files(self._store.commit(commit).tree) if commit else {}

    def _current(self, name: str) -> str | None:
        data = self._bytes(name)
        return None if data is None else blob_id(data)

    def _bytes(self, name: str) -> bytes | None:
        place = self._place(name)
        if place.is_symlink():
            return b"link to " + os.fsencode(os.readlink(place))
        return place.read_bytes() if place.is_file() else None

    def _text(self, name: str) -> str | None:
        data = self._bytes(name)
        return None if data is None else data.decode("utf-8", "replace")

    def _present(self) -> Iterator[str]:
        """Files in the artifact's folder that a person can mean: no hidden files, links, back-ups, byte code or large files."""
        root = self.path / ARTIFACT
        if root.is_symlink():
            return
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith(".") and f != "__pycache__"]
            for file in files:
                place = Path(folder, file)
                if file.startswith(".") or file.endswith(("~", ".pyc", ".swp", ".orig", ".rej")) or place.is_symlink():
                    continue
                if place.stat().st_size <= LARGEST:
                    yield place.relative_to(self.path).as_posix()

    def _place(self, name: str) -> Path:
        """Where a file lies. Raises SessionError when a link in between would lead elsewhere."""
        folder = safe_path(name).rpartition("/")[0]
        while folder:
            if os.path.islink(f"{self.path}/{folder}"):
                raise SessionError(f"{folder} is a link", "files are written to real folders only")
            folder = folder.rpartition("/")[0]
        return self.path / name

    def _prune(self, folder: Path) -> None:
        while folder not in (self.path, self.path / ARTIFACT) and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _load(self) -> Followed:
        try:
            data = json.loads(self._memory.read_text(encoding="utf-8"))
            followed = Followed(data["at"], data["ref"], "", data["base"])
        except (FileNotFoundError, ValueError):  # ValueError: a power cut took it; what differs is a hand edit then
            followed = Followed()
        with suppress(FileNotFoundError):
            followed.act = json.loads(self._act.read_text(encoding="utf-8"))["act"]
        return followed

    def _save(self) -> None:
        """Only an announced act must survive a power cut; without the rest it is done once more."""
        os.close(self._written_down(self.followed))
        os.replace(self._new_memory, self._memory)

    def _written_down(self, followed: Followed) -> int:
        """What is followed, in a new file that waits for its name; it is open."""
        return write(str(self._new_memory), json.dumps(asdict(followed)).encode())


@lru_cache(maxsize=256)
def safe_path(name: str) -> str:
    """`name` when it is an ordinary relative path inside the session. Raises SessionError otherwise."""
    parts = PurePosixPath(name).parts
    bad = (
        not parts
        or name != "/".join(parts)
        or not name.isprintable()
        or "\\" in name
        or any(part in ("..", "/") or part.lower().rstrip(". ") in (".git", ".genopt") for part in parts)
        or any(part.startswith("-") or len(part.encode("utf-8", "replace")) > 200 for part in parts)
        or len(parts) > 20
        or len(name) > 1000
    )
    if bad:
        raise SessionError(
            f"'{single_line(name)[:80]}' is no file name for an artifact", "an ordinary relative path is"
        )
    return name
