"""Which session a command is about, and opening it."""

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genopt_tui.errors import SessionError

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.history.versions import Version
    from genopt_tui.session.journal import Journal

MODES = click.Choice(["step", "ask", "auto"])
set_option = click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting or design choice."
)


def find_session(text: str | None) -> Path:
    """The session that SESSION means: a name, a path, or (left out) this folder's, else the last
    one opened."""
    from genopt_tui.session import places

    return places.resolve_session(text or "")


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
