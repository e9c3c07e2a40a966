"""What `genopt doctor` looks at: this machine, or the files of a session."""

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genopt_tui.errors import GenoptError

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "MISTRAL_API_KEY")
PACKAGES = ("textual", "litellm", "ale-py", "datasets", "scikit-learn")
OLDEST_GIT = (2, 34)


def finding(code: str, level: str, message: str, advice: str = "") -> dict[str, Any]:
    return {"code": code, "level": level, "message": message, "advice": advice}


def machine() -> list[dict[str, Any]]:
    """What genopt needs of this machine, and what it finds."""
    return [git(), sandbox(), *packages(), keys(), terminal()]


def git() -> dict[str, Any]:
    from genopt_tui.session import gitcall

    if not shutil.which("git"):
        return finding("git", "error", "no git on the PATH", "Install git 2.34 or newer")
    text = gitcall.run(["--version"]).decode().split()[2]
    numbers = tuple(int(part) for part in text.split(".")[:2])
    if numbers < OLDEST_GIT:
        return finding("git", "error", f"git {text} is too old", "Install git 2.34 or newer")
    return finding("git", "ok", f"git {text}")


def sandbox() -> dict[str, Any]:
    from genopt_tui.config import Sandbox
    from genopt_tui.evaluate.sandbox import choose

    try:
        return finding("sandbox", "ok", choose(Sandbox()).name)
    except GenoptError as error:
        return finding("sandbox", "error", str(error), error.advice)


def packages() -> list[dict[str, Any]]:
    found = []
    for name in PACKAGES:
        try:
            found.append(finding(name, "ok", version(name)))
        except PackageNotFoundError:
            found.append(finding(name, "error", "is not installed", f"pip install {name}"))
    return found


def keys() -> dict[str, Any]:
    """Which keys are present; never their values."""
    here = [name for name in KEYS if os.environ.get(name)]
    if here:
        return finding("keys", "ok", ", ".join(here))
    return finding("keys", "info", "none", "search, manual, replay: and command: need none")


def terminal() -> dict[str, Any]:
    size = shutil.get_terminal_size()
    level = "ok" if size.columns >= 60 and size.lines >= 16 else "warn"
    return finding("terminal", level, f"{os.environ.get('TERM', 'none')} {size.columns}x{size.lines}")


def session_health(path: Path) -> list[dict[str, Any]]:
    """Whether a session's files are whole."""
    from genopt_tui.session import places
    from genopt_tui.session.journal import Journal
    from genopt_tui.session.repository import Repository

    found = []
    repository = Repository.open(path)
    try:
        repository.git("fsck", "--no-dangling", "--no-progress")
        versions = repository.log(all=True)
        for v in versions:
            if v.step is not None:
                repository.record(v.commit)
        found.append(finding("git", "ok", f"{len(versions)} versions, all records readable"))
    except GenoptError as error:
        found.append(finding("git", "error", str(error), error.advice))
    finally:
        repository.close()
    try:
        journal = Journal(path, durable=False)
        found.append(finding("journal", "ok", f"{journal.last_event()} events"))
        journal.close()
    except GenoptError as error:
        found.append(finding("journal", "error", str(error), error.advice))
    if not places.trusted(path):
        found.append(finding("trust", "info", "was not made on this machine", "Running it runs its task's code"))
    return found
