"""`genopt doctor`: this machine, or the files of a session."""

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from genopt_tui.cli.output import json_option, print_json, print_line
from genopt_tui.cli.target import find_session
from genopt_tui.errors import Exit, GenoptError

KEY_VARIABLES = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "OPENROUTER_API_KEY",
    "MISTRAL_API_KEY",
)
PACKAGES = ("textual", "litellm", "ale-py", "datasets")
EXTRA_USERS = {"tabular": "mlagentbench", "science": "circle_packing"}  # bundled tasks
OLDEST_GIT = (2, 34)


@click.command()
@click.argument("session", required=False)
@json_option
def doctor(session: str | None, as_json: bool) -> int:
    """Check this machine, or the files of a session."""

    found = check_session(find_session(session)) if session else check_machine()
    if as_json:
        print_json({"findings": found})
    else:
        for entry in found:
            print_line(f"{entry['level']:5} {entry['code']:14} {entry['message']}")
            if entry["advice"]:
                print_line(f"      {'':14} {entry['advice']}")
    return Exit.FAILED if any(f["level"] == "error" for f in found) else Exit.DONE


def make_finding(code: str, level: str, message: str, advice: str = "") -> dict[str, Any]:
    return {"code": code, "level": level, "message": message, "advice": advice}


def check_machine() -> list[dict[str, Any]]:
    """What genopt needs of this machine, and what it finds."""
    return [
        check_git(),
        check_sandbox(),
        *check_packages(),
        *check_optional_packages(),
        check_keys(),
        check_terminal(),
    ]


def check_git() -> dict[str, Any]:
    from genopt_tui.session.git import cli

    if not shutil.which("git"):
        return make_finding("git", "error", "no git on the PATH", "Install git 2.34 or newer")
    text = cli.run_git(["--version"]).decode().split()[2]
    numbers = tuple(int(part) for part in text.split(".")[:2])
    if numbers < OLDEST_GIT:
        return make_finding("git", "error", f"git {text} is too old", "Install git 2.34 or newer")
    return make_finding("git", "ok", f"git {text}")


def check_sandbox() -> dict[str, Any]:
    from genopt_tui.config import Sandbox
    from genopt_tui.evaluate.sandbox import choose_isolation

    try:
        return make_finding("sandbox", "ok", choose_isolation(Sandbox()).name)
    except GenoptError as error:
        return make_finding("sandbox", "error", str(error), error.advice)


def check_packages() -> list[dict[str, Any]]:
    found = []
    for name in PACKAGES:
        try:
            found.append(make_finding(name, "ok", version(name)))
        except PackageNotFoundError:
            found.append(make_finding(name, "error", "is not installed", f"pip install {name}"))
    return found


def check_optional_packages() -> list[dict[str, Any]]:
    """The packages that only one family of tasks needs."""
    from genopt_tui.task.extras import OPTIONAL_PACKAGES, is_installed

    found = []
    for module, optional in OPTIONAL_PACKAGES.items():
        if is_installed(module):
            found.append(make_finding(optional.package, "ok", version(optional.package)))
        else:
            message = f"is not installed, and optional: {EXTRA_USERS[optional.extra]} needs it"
            found.append(make_finding(optional.package, "info", message, optional.advice))
    return found


def check_keys() -> dict[str, Any]:
    """Which keys are present; never their values."""
    here = [name for name in KEY_VARIABLES if os.environ.get(name)]
    if here:
        return make_finding("keys", "ok", ", ".join(here))
    return make_finding("keys", "info", "none", "search, manual, replay: and command: need none")


def check_terminal() -> dict[str, Any]:
    size = shutil.get_terminal_size()
    level = "ok" if size.columns >= 60 and size.lines >= 16 else "warn"
    return make_finding(
        "terminal", level, f"{os.environ.get('TERM', 'none')} {size.columns}x{size.lines}"
    )


def check_session(path: Path) -> list[dict[str, Any]]:
    """Whether a session's files are whole."""
    from genopt_tui.session import places
    from genopt_tui.session.git.porcelain import run_porcelain
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.journal import Journal

    found = []
    repository = Repository.open(path)
    try:
        run_porcelain(path, "fsck", "--no-dangling", "--no-progress")
        versions = repository.read_log(all_branches=True)
        for v in versions:
            if v.step is not None:
                repository.read_record(v.commit)
        found.append(make_finding("git", "ok", f"{len(versions)} versions, all records readable"))
    except GenoptError as error:
        found.append(make_finding("git", "error", str(error), error.advice))
    finally:
        repository.close()
    try:
        journal = Journal(path, durable=False)
        found.append(make_finding("journal", "ok", f"{journal.last_event_id()} events"))
        journal.close()
    except GenoptError as error:
        found.append(make_finding("journal", "error", str(error), error.advice))
    if not places.is_trusted(path):
        found.append(
            make_finding(
                "trust", "info", "was not made on this machine", "Running it runs its task's code"
            )
        )
    return found


COMMANDS = [doctor]
