"""Reading text files that the user named. They must be UTF-8."""

from pathlib import Path

from genopt_tui.errors import UsageError

IGNORED_FOLDERS = {"__pycache__", ".git"}


def read_text_file(file: Path) -> str:
    """The text of a file, with its original line endings. Raises UsageError."""
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {file}", f"it is not UTF-8 text ({error.reason})") from error
    except OSError as error:
        raise UsageError(f"cannot read {file}", error.strerror or str(error)) from error


def read_text_folder(folder: Path) -> dict[str, str]:
    """The texts of a folder's files by relative path. Raises UsageError."""
    files = {
        file.relative_to(folder).as_posix(): read_text_file(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not IGNORED_FOLDERS & set(file.parts)
    }
    if not files:
        raise UsageError(f"{folder} is empty")
    return files
