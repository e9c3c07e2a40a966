"""Where the user's own files lie. Standard library only: commands ask before anything else is loaded."""

import os
from pathlib import Path


def user_dir() -> Path:
    """The user's own folder: settings, themes, per-session settings. `GENOPT_HOME` overrides it."""
    if home := os.environ.get("GENOPT_HOME"):
        return Path(home)
    import platformdirs

    return Path(platformdirs.user_data_dir("genopt"))


def user_file(*parts: str) -> Path:
    return user_dir().joinpath(*parts)
