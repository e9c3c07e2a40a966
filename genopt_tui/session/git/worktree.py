"""The work tree of a session: it follows the active branch and never loses a hand edit.

A file is overwritten only while it is as the last checkout left it. An edited file stays, and the
state remembers its base, the blob it was made from. The state is `.git/genopt/worktree.json`: the
commit (`at`) and the ref (`ref`) that the work tree follows, and the bases of edited files.

While an act is carried out, `act.json` lies beside it. From then on the act is finished even if its
writer is killed, and `act.json` becomes the state.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from genopt_tui.errors import SessionError, single_line
from genopt_tui.session.git import index
from genopt_tui.session.git.ids import hash_blob
from genopt_tui.session.git.objects import (
    ObjectStore,
    replace_file,
    sync_files,
    write_file,
)

ARTIFACT, CHOICES, RECORD = "artifact", "genopt.toml", "record.json"
MAX_FILE_BYTES = 4 * 1024**2
GENERATED_FILES = {RECORD, ".gitattributes"}


@dataclass
class WorkTreeState:
    """What the work tree was last set to. `base` maps each hand-edited file to the blob it was made
    from (None: no file)."""

    at: str = ""
    ref: str = ""
    act: str = ""
    base: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A file that differs from head by a person's hand.

    `text` is None for a deleted file; `base` is the blob it was made from, None for a new file.
    `is_utf8` is False where bytes had to be replaced in `text`: it may be shown, never committed.
    """

    file: str
    text: str | None
    base: str | None
    is_utf8: bool = True


class WorkTree:
    """The files in a session's folder."""

    def __init__(self, path: Path, store: ObjectStore) -> None:
        self.path, self._store = path, store
        self._state_file = path / ".git" / "genopt" / "worktree.json"
        self._new_state_file, self._act_file = (
            self._state_file.with_suffix(".tmp"),
            self._state_file.with_name("act.json"),
        )
        self._pending_state: WorkTreeState | None = None  # what `act.json` says
        self._staged_files: dict[
            tuple[str, str], Path
        ] = {}  # files that are about to be put into place, by name and blob
        self.state = self._load_state()

    def prepare_act(self, act: str, commit: str, ref: str) -> list[int]:
        """Write the act that is about to move refs, and the files that `commit` of `ref` changes in
        the work tree, under temporary names.

        Returns the open files, for the caller to flush and close; `begin_act` comes next.
        """
        old, new = self._list_blobs(self.state.at), self._list_blobs(commit)
        self._staged_files = {}
        self._staged_files, files = self._stage_files(
            {name: blob for name, blob in new.items() if blob != old.get(name)}
        )
        self._pending_state = WorkTreeState(commit, ref, act, dict(self.state.base))
        return [self._write_state(self._pending_state), *files]

    def begin_act(self, act: str) -> None:
        """The point of no return: from here on the act is finished, even after a kill.

        What `prepare_act` wrote is flushed by now. The file system's journal keeps this name ahead
        of those of the refs.
        """
        os.replace(self._new_state_file, self._act_file)
        self.state.act = act

    def cancel_act(self) -> None:
        """Give up the act that has begun."""
        self.state.act = ""
        self._act_file.unlink()

    def checkout(self, commit: str, ref: str) -> None:
        """Set the work tree to `commit` of the branch `ref`, except for what a person changed."""
        old, new = self._list_blobs(self.state.at), self._list_blobs(commit)
        base = self.state.base
        moved = {
            name for name in old.keys() | new.keys() | base.keys() if old.get(name) != new.get(name)
        }
        names = sorted(
            moved | base.keys() | (GENERATED_FILES & new.keys())
        )  # any other is as it was, or as a person left it
        self._write_files(
            {
                name: new.get(name)
                for name in names
                if self._claim_file(name, old.get(name), new.get(name))
            }
        )
        index.update_index(self.path, old, new, self.state.base)
        self._finish_checkout(commit, ref, new)

    def adopt_head(self, commit: str, ref: str) -> None:
        """Follow a head that plain git moved. No file changes; what differs from the new head is a
        hand edit."""
        self._finish_checkout(commit, ref, self._list_blobs(commit))

    def find_edits(self, head: str) -> list[EditedFile]:
        """What a person changed: files of the artifact and `genopt.toml` that differ from the
        commit `head`."""
        new, old = self._list_blobs(head), self._list_blobs(self.state.at)
        found = []
        for name in sorted(
            {name for name in new if name not in GENERATED_FILES} | set(self._iter_editable_files())
        ):
            base, current = self.state.base.get(name, old.get(name)), self._hash_current(name)
            if current not in (new.get(name), base):
                found.append(self._read_edited_file(name, base))
        return found

    def mark_rebased(self, names: Iterable[str]) -> None:
        """Record that edited files now include what head changed in them."""
        for name in names:
            self.state.base.pop(name, None)
        self._save_state()

    def _claim_file(self, name: str, old: str | None, new: str | None) -> bool:
        """Whether a file has to change and is as the last checkout left it. Remembers the base of an
        edited file."""
        base, current = self.state.base.get(name, old), self._hash_current(name)
        if current == new:
            self.state.base.pop(name, None)
            return False
        ours = current == base or (
            name in GENERATED_FILES and (current is None or self._store.read(current) is not None)
        )
        if ours:
            self.state.base.pop(name, None)
        else:
            self.state.base[name] = base
        return ours

    def _write_files(self, blobs: Mapping[str, str | None]) -> None:
        """Write files (None deletes one), each atomically and never through a link."""
        ready, self._staged_files = self._staged_files, {}
        rest, handles = self._stage_files(
            {n: b for n, b in blobs.items() if b is not None and (n, b) not in ready}
        )
        sync_files(handles)
        for name, blob in blobs.items():
            target = self._resolve_path(name)
            if blob is None:
                target.unlink(missing_ok=True)
                self._remove_empty_folders(target.parent)
                continue
            replace_file(
                ready.pop((name, blob)) if (name, blob) in ready else rest[name, blob], target
            )
        for temporary in ready.values():  # a person's edit stays where it would have gone
            temporary.unlink()

    def _stage_files(
        self, blobs: Mapping[str, str]
    ) -> tuple[dict[tuple[str, str], Path], list[int]]:
        """Write blobs to temporary files beside the state. Returns these by name and blob, and the
        open files, for the caller to flush and close."""
        found, handles = {}, []
        for number, (name, blob) in enumerate(blobs.items(), len(self._staged_files)):
            temporary = self._state_file.parent / f"file-{number}.tmp"
            handles.append(write_file(str(temporary), self._store.get(blob, "blob").data))
            found[name, blob] = temporary
        return found, handles

    def _finish_checkout(self, commit: str, ref: str, blobs: Mapping[str, str]) -> None:
        base = {
            n: blob
            for n, blob in self.state.base.items()
            if blob != blobs.get(n) and self._hash_current(n) != blobs.get(n)
        }
        announced, self._pending_state = self._pending_state, None
        if announced and announced == WorkTreeState(commit, ref, self.state.act, base):
            os.replace(self._act_file, self._state_file)
            self.state = WorkTreeState(commit, ref, "", base)
        else:
            self.state = WorkTreeState(commit, ref, "", base)
            self._save_state()
            self._act_file.unlink(missing_ok=True)

    def _list_blobs(self, commit: str) -> dict[str, str]:
        return self._store.list_files(self._store.read_commit(commit).tree) if commit else {}

    def _hash_current(self, name: str) -> str | None:
        data = self._read_bytes(name)
        return None if data is None else hash_blob(data)

    def _read_bytes(self, name: str) -> bytes | None:
        place = self._resolve_path(name)
        if place.is_symlink():
            return b"link to " + os.fsencode(os.readlink(place))
        return place.read_bytes() if place.is_file() else None

    def _read_edited_file(self, name: str, base: str | None) -> EditedFile:
        data = self._read_bytes(name)
        if data is None:
            return EditedFile(name, None, base)
        try:
            return EditedFile(name, data.decode(), base)
        except UnicodeDecodeError:
            return EditedFile(name, data.decode("utf-8", "replace"), base, is_utf8=False)

    def _iter_editable_files(self) -> Iterator[str]:
        """Files in the artifact's folder that count as edits: no hidden files, links, back-ups,
        byte code or large files."""
        root = self.path / ARTIFACT
        if root.is_symlink():
            return
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith(".") and f != "__pycache__"]
            for file in files:
                place = Path(folder, file)
                if (
                    file.startswith(".")
                    or file.endswith(("~", ".pyc", ".swp", ".orig", ".rej"))
                    or place.is_symlink()
                ):
                    continue
                if place.stat().st_size <= MAX_FILE_BYTES:
                    yield place.relative_to(self.path).as_posix()

    def _resolve_path(self, name: str) -> Path:
        """The path of a file. Raises SessionError when a folder on the way is a link."""
        folder = safe_path(name).rpartition("/")[0]
        while folder:
            if os.path.islink(f"{self.path}/{folder}"):
                raise SessionError(f"{folder} is a link", "files are written to real folders only")
            folder = folder.rpartition("/")[0]
        return self.path / name

    def _remove_empty_folders(self, folder: Path) -> None:
        while (
            folder not in (self.path, self.path / ARTIFACT)
            and folder.is_dir()
            and not any(folder.iterdir())
        ):
            folder.rmdir()
            folder = folder.parent

    def _load_state(self) -> WorkTreeState:
        try:
            data = json.loads(self._state_file.read_text(encoding="utf-8"))
            followed = WorkTreeState(data["at"], data["ref"], "", data["base"])
        except (
            FileNotFoundError,
            ValueError,
        ):  # ValueError: a power cut took it; what differs is a hand edit then
            followed = WorkTreeState()
        with suppress(FileNotFoundError):
            followed.act = json.loads(self._act_file.read_text(encoding="utf-8"))["act"]
        return followed

    def _save_state(self) -> None:
        """Not flushed: only an act that has begun must survive a power cut."""
        os.close(self._write_state(self.state))
        os.replace(self._new_state_file, self._state_file)

    def _write_state(self, followed: WorkTreeState) -> int:
        """Write the state to a temporary file; returns the open file."""
        return write_file(str(self._new_state_file), json.dumps(asdict(followed)).encode())


@lru_cache(maxsize=256)
def safe_path(name: str) -> str:
    """`name` when it is an ordinary relative path inside the session. Raises SessionError
    otherwise."""
    parts = PurePosixPath(name).parts
    bad = (
        not parts
        or name != "/".join(parts)
        or not name.isprintable()
        or "\\" in name
        or any(
            part in ("..", "/") or part.lower().rstrip(". ") in (".git", ".genopt")
            for part in parts
        )
        or any(part.startswith("-") or len(part.encode("utf-8", "replace")) > 200 for part in parts)
        or len(parts) > 20
        or len(name) > 1000
    )
    if bad:
        raise SessionError(
            f"'{single_line(name)[:80]}' is no file name for an artifact",
            "an ordinary relative path is",
        )
    return name
