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
