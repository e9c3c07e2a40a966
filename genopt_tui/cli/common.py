"""What the commands share: naming a session, printing a document, talking to a runner.

By which rule and under which settings scores were made: said wherever scores are shown.
"""

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.errors import SessionError, single_line

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.history.versions import Version
    from genopt_tui.session.journal import Journal


MODES = click.Choice(["step", "ask", "auto"])
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def find_session(text: str | None) -> Path:
    """The session that SESSION means: a name, a path, or (left out) this folder's, else the last
    one opened."""
    from genopt_tui.session import places

    return places.resolve_session(text or "")


def require_consent(path: Path) -> None:
    """Ask once before anything of a session from elsewhere runs. Raises SessionError where nobody
    agrees."""
    from genopt_tui.session import places
    from genopt_tui.session.travel import require_trust

    if not places.is_trusted(path) and sys.stdin.isatty() and sys.stderr.isatty():
        from genopt_tui.cli.export import ask_consent

        ask_consent(path)
    require_trust(path)


def is_session(text: str) -> bool:
    """Whether `text` names a session."""
    try:
        find_session(text)
    except SessionError:
        return False
    return True


def split_session(words: list[str]) -> tuple[str | None, list[str]]:
    """The session among optional words, and the other words: the first that names one, when it
    stands first or last."""
    for at in (0, -1):
        if words and is_session(words[at]):
            rest = list(words)
            return rest.pop(at), rest
    return None, words


@contextmanager
def open_journal(session: Path) -> Iterator["Journal"]:
    from genopt_tui.session.journal import Journal

    journal = Journal(session)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def open_repository(session: Path) -> Iterator["Repository"]:
    from genopt_tui.session.history.repository import Repository

    repository = Repository.open(session)
    try:
        yield repository
    finally:
        repository.close()


def ask_runner(session: Path, kind: str, /, **data: Any) -> str:
    """Leave a command, start a runner where there is none, and return what it says."""
    from genopt_tui.session.client import send_command

    require_consent(session)
    with open_journal(session) as journal:
        return send_command(session, journal, kind, **data)


def print_json(document: Any) -> None:
    """The one document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def print_line(*words: object, err: bool = False) -> None:
    """A line for people; nothing in it can steer the terminal."""
    print(
        _single_line_with_indent(" ".join(str(w) for w in words)),
        file=sys.stderr if err else sys.stdout,
    )


def print_text(text: str) -> None:
    """Several lines for people, as they are but for control characters."""
    for line in text.split("\n"):
        print("".join(c for c in line if c.isprintable() or c == "\t"))


def _single_line_with_indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" "))] + single_line(text)


def format_number(value: float | None, digits: str = ".4g") -> str:
    return "-" if value is None else format(value, digits)


def find_scoring_rule(path: Path) -> str:
    """The rule line of a session, as its head is scored; empty where its task is neither here nor
    in the session."""
    from genopt_tui.errors import TaskError
    from genopt_tui.session.travel import load_session_task

    with open_repository(path) as repository:
        choices = repository.read_choices(repository.head())
    try:
        task = load_session_task(path, str(choices.task["name"])).task
        return task.describe_scoring(task.resolve_settings(choices.task))
    except TaskError:
        return ""


def list_rules_by_task(repository: "Repository", versions: "Iterable[Version]") -> dict[str, str]:
    """The rule and settings under which versions were scored, by the digest of their task: as one
    record of each tells it."""
    from genopt_tui.errors import SessionError

    found: dict[str, str] = {}
    for version in versions:
        if version.task and version.score is not None and version.task not in found:
            with contextlib.suppress(SessionError):  # plain git made it: it has no record
                found[version.task] = repository.read_record(version.commit).scores.rule
    return found
