"""An artifact that was written elsewhere: a file or a folder of one's own in place of a start's files."""

from pathlib import Path

from genopt_tui.errors import UsageError
from genopt_tui.task.loader import TaskFolder

OWN = "own"
"""What the start of a session is called whose first version was written elsewhere."""


def given(place: Path, folder: TaskFolder, start: str) -> dict[str, str]:
    """The artifact's files by name. A single file takes the place of the start's only one, or of the one called like it;
    the start's other files stay. Raises UsageError.
    """
    from genopt_tui.cli.acting import files_in

    if place.is_dir():
        return files_in(place)
    theirs = folder.start(start if start in folder.task.starts else "")
    name = place.name if place.name in theirs else next(iter(theirs)) if len(theirs) == 1 else ""
    if not name:
        why = f"the artifact of {folder.task.name} has several files and none of that name: {', '.join(theirs)}"
        raise UsageError(f"{place.name} is no file of it", why, "Call it like the one it replaces, or give a folder")
    try:
        return {**theirs, name: place.read_text(encoding="utf-8")}
    except UnicodeDecodeError as error:
        raise UsageError(f"{place} is not UTF-8 text", str(error)) from error
