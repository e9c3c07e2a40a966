"""Removing, restoring and renaming whole sessions."""

import json
import shutil
import time
from pathlib import Path

from genopt_tui.errors import SessionError, UsageError, single_line
from genopt_tui.folders import settings_file, user_file
from genopt_tui.session import places
from genopt_tui.session.lock import SessionLock


def remove_session(path: Path) -> Path:
    """Move a session into the bin of the user's folder and return where it lies now.

    Raises SessionError while it is being run.
    """
    path = path.resolve()
    entry = user_file("bin", f"{time.time_ns()}-{path.name}")
    with SessionLock(path):
        entry.mkdir(parents=True)
        (entry / "origin.json").write_text(json.dumps({"path": str(path)}), encoding="utf-8")
        shutil.move(path, entry / path.name)
    return entry / path.name


def list_removed() -> dict[str, Path]:
    """Entries of the bin by the session's name; of several with one name the last one removed."""
    entries = sorted(user_file("bin").glob("*/origin.json"), key=lambda file: file.parent.name)
    return {entry.parent.name.partition("-")[2]: entry.parent for entry in entries}


def restore_session(name: str = "") -> Path:
    """Move a session back from the bin to where it lay; without a name the last one removed.

    Raises UsageError where it is not in the bin, SessionError where its place is taken.
    """
    removed = list_removed()
    entry = removed.get(name) if name else max(removed.values(), default=None)
    if entry is None:
        raise UsageError(
            f"no removed session '{single_line(name)[:80]}'" if name else "no session was removed",
            advice=f"The bin holds: {', '.join(removed)}" if removed else "",
        )
    path = Path(json.loads((entry / "origin.json").read_text(encoding="utf-8"))["path"])
    if path.exists():
        raise SessionError(f"{path} exists", advice=f"Rename it first; {entry} holds the other")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(entry / path.name, path)
    shutil.rmtree(entry)
    return path


def rename_session(path: Path, name: str) -> Path:
    """Rename a session's folder and return its new path. Its settings and the agreement to run it
    move along. Raises UsageError, or SessionError while it is being run."""
    path = path.resolve()
    places.check_name(name)
    new = path.with_name(name)
    if new.exists():
        raise UsageError(f"{new} exists", advice="Give another name")
    trusted = places.is_trusted(path)
    with SessionLock(path):
        settings = settings_file(path)
        path.rename(new)
    if settings.exists():
        settings.rename(settings_file(new))
    if trusted:
        places.register(new)
    return new
