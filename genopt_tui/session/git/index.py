"""git's index, so that `git status` in a session shows exactly the hand edits: read and written
here without a process."""

import hashlib
import os
import stat
import struct
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path

HEADER = struct.Struct(">4sII")
ENTRY = struct.Struct(">10I20sH")
NAME_LENGTH = 0xFFF
PLAIN_FLAGS = 0x8FFF


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index holds of one file: its blob, and git's own bytes for the entry."""

    blob: str
    raw: bytes


def update_index(
    path: Path, old: Mapping[str, str], new: Mapping[str, str], edited: Container[str]
) -> None:
    """Put the index of the session at `path` from the files `old` to `new` (name to blob id);
    `edited` files differ from `new`.

    An entry that a person staged (it is not `old`'s) stays. Another process writing the index now
    is left alone.
    """
    file, lock = path / ".git" / "index", path / ".git" / "index.lock"
    entries = _read_entries(file)
    for name in old.keys() | new.keys():
        held = entries.get(name)
        blob = held.blob if held else None
        if blob not in (old.get(name), new.get(name)) or (blob == new.get(name) == old.get(name)):
            continue
        if name in new:
            entries[name] = IndexEntry(
                new[name], _pack_entry(None if name in edited else path / name, name, new[name])
            )
        else:
            entries.pop(name, None)
    try:
        handle = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as out:
        out.write(_pack_index(entries))
    os.replace(lock, file)


def _read_entries(file: Path) -> dict[str, IndexEntry]:
    """Entries of an index in format 2 or 3 without conflicts; empty for any other, which is then
    written anew."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return {}
    if len(data) < HEADER.size or data[:4] != b"DIRC":
        return {}
    _, version, count = HEADER.unpack_from(data)
    entries, place = {}, HEADER.size
    for _ in range(count if version in (2, 3) else 0):
        *_, sha, flags = ENTRY.unpack_from(data, place)
        if flags & ~PLAIN_FLAGS:
            return {}
        end = data.index(b"\0", place + ENTRY.size)
        length = (end - place + 8) // 8 * 8
        name = data[place + ENTRY.size : end].decode("utf-8", "surrogateescape")
        entries[name] = IndexEntry(sha.hex(), data[place : place + length])
        place += length
    return entries


def _pack_entry(file: Path | None, name: str, blob: str) -> bytes:
    """git's bytes for an entry; with the state of `file`, or zeros, which let git look at the file
    itself."""
    raw = name.encode("utf-8", "surrogateescape")
    times = [0] * 10
    times[6] = 0o100644
    try:
        state = os.lstat(file) if file else None
    except FileNotFoundError:
        state = None
    if state is not None and stat.S_ISREG(state.st_mode):
        nanoseconds = [state.st_ctime_ns, state.st_mtime_ns]
        times = [part for value in nanoseconds for part in divmod(value, 10**9)]
        times += [state.st_dev, state.st_ino, 0o100644, state.st_uid, state.st_gid, state.st_size]
    head = ENTRY.pack(
        *(value & 0xFFFFFFFF for value in times), bytes.fromhex(blob), min(len(raw), NAME_LENGTH)
    )
    return (head + raw).ljust((len(head) + len(raw) + 8) // 8 * 8, b"\0")


def _pack_index(entries: Mapping[str, IndexEntry]) -> bytes:
    order = sorted(entries.items(), key=lambda item: item[0].encode("utf-8", "surrogateescape"))
    body = HEADER.pack(b"DIRC", 2, len(order)) + b"".join(entry.raw for _, entry in order)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()
