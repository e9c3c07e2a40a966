"""Files in the person's own editor: the application gives the terminal away and takes it back."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.app import App, SuspendNotSupported

from genopt_tui.errors import UsageError
from genopt_tui.ui.platform.terminal import lend_terminal


def edit_files(app: App[int], files: Mapping[str, str]) -> dict[str, str] | None:
    """What the editor made of `files`; None when it ended with a fault. Raises UsageError when it
    cannot be started.

    $VISUAL, else $EDITOR, else vi, on copies in a folder of their own.
    """
    with TemporaryDirectory(prefix="genopt-edit-") as folder:
        paths = {name: _write_copy(Path(folder), name, text) for name, text in files.items()}
        if not edit_paths(app, list(paths.values())):
            return None
        return {name: path.read_bytes().decode("utf-8", "replace") for name, path in paths.items()}


def edit_paths(app: App[int], paths: Sequence[Path]) -> bool:
    """The same of files where they lie; False when the editor ended with a fault."""
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    try:
        with app.suspend(), lend_terminal():
            return not subprocess.run([*command, *map(str, paths)], check=False).returncode
    except SuspendNotSupported as error:
        raise UsageError(
            "this terminal cannot be given to an editor", advice="E edits in place"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{command[0]} cannot be started", error.strerror or "", "Set EDITOR"
        ) from error


def _write_copy(folder: Path, name: str, text: str) -> Path:
    """A copy under a path that stays inside `folder`, whatever the file is called."""
    parts = [part for part in name.split("/") if part not in {"", ".", ".."}]
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path
