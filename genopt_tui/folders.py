"""Where the user's own files lie. Standard library only: commands ask before anything else is
loaded."""

import os
from hashlib import sha256
from pathlib import Path


def user_dir() -> Path:
    """The user's own folder: settings, themes, per-session settings. `GENOPT_HOME` overrides it."""
    if home := os.environ.get("GENOPT_HOME"):
        return Path(home)
    import platformdirs

    return Path(platformdirs.user_data_dir("genopt"))


def user_file(*parts: str) -> Path:
    return user_dir().joinpath(*parts)


def settings_file(session: Path) -> Path:
    """Where the settings of the session at `session` are kept: outside of it, so a foreign session
    brings none."""
    digest = sha256(str(session.resolve()).encode()).hexdigest()[:16]
    return user_file("sessions", f"{session.resolve().name}-{digest}.toml")


def replace_text(path: Path, text: str, mode: int = 0o777) -> None:
    """Write a file wholly or not at all: into a temporary file beside it, which is then renamed.

    A missing folder is created, with permissions `mode`. Raises OSError.
    """
    path.parent.mkdir(mode=mode, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
