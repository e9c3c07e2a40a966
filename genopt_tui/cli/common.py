"""What the commands share: naming a session, printing a document, talking to a runner."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.errors import SessionError, single_line

if TYPE_CHECKING:
    from genopt_tui.session.journal import Journal
    from genopt_tui.session.repository import Repository

MODES = click.Choice(["step", "ask", "auto"])
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def find_session(text: str | None) -> Path:
    """The session that SESSION means: a name, a path, or (left out) this folder's, else the last one opened."""
    from genopt_tui.session import places

    return places.resolve(text or "")


def consent(path: Path) -> None:
    """Ask once before anything of a session from elsewhere runs. Raises SessionError where nobody agrees."""
    from genopt_tui.session import places
    from genopt_tui.session.travel import consented

    if not places.trusted(path) and sys.stdin.isatty() and sys.stderr.isatty():
        from genopt_tui.cli.sharing import agree

        agree(path)
    consented(path)


def is_session(text: str) -> bool:
    """Whether `text` names a session."""
    try:
        find_session(text)
    except SessionError:
        return False
    return True


def taken_out(words: list[str]) -> tuple[str | None, list[str]]:
    """The session among optional words, and the other words: the first that names one, when it stands first or last."""
    for at in (0, -1):
        if words and is_session(words[at]):
            rest = list(words)
            return rest.pop(at), rest
    return None, words


@contextmanager
def journal_of(session: Path) -> Iterator["Journal"]:
    from genopt_tui.session.journal import Journal

    journal = Journal(session)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def repository_of(session: Path) -> Iterator["Repository"]:
    from genopt_tui.session.repository import Repository

    repository = Repository.open(session)
    try:
        yield repository
    finally:
        repository.close()


def ask_runner(session: Path, kind: str, /, **data: Any) -> str:
    """Leave a command, start a runner where there is none, and return what it says."""
    from genopt_tui.session.client import send

    consent(session)
    with journal_of(session) as journal:
        return send(session, journal, kind, **data)


def print_json(document: Any) -> None:
    """The one document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def say(*words: object, err: bool = False) -> None:
    """A line for people; nothing in it can steer the terminal."""
    print(single_line_keeping_indent(" ".join(str(w) for w in words)), file=sys.stderr if err else sys.stdout)


def say_text(text: str) -> None:
    """Several lines for people, as they are but for control characters."""
    for line in text.split("\n"):
        print("".join(c for c in line if c.isprintable() or c == "\t"))


def single_line_keeping_indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" "))] + single_line(text)


def figure(value: float | None, digits: str = ".4g") -> str:
    return "-" if value is None else format(value, digits)
