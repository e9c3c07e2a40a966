"""Which session a command is about, and opening it."""

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genopt_tui.cli.output import print_line
from genopt_tui.errors import SessionError

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.history.versions import Version
    from genopt_tui.session.journal import Journal

MODES = click.Choice(["step", "ask", "auto"])
set_option = click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting or design choice."
)


class SessionCommand(click.Command):
    """A command whose first argument SESSION may be left out, though others follow it."""

    def collect_usage_pieces(self, context: click.Context) -> list[str]:
        options, session, *others = super().collect_usage_pieces(context)
        return [options, f"[{session}]", *others]

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if not context.resilient_parsing and not {"-h", "--help"} & set(args):
            given = self.make_parser(context).parse_args(list(args))[0]
            arguments = [p for p in self.params if isinstance(p, click.Argument)]
            words = [given[p.name] for p in arguments if isinstance(given.get(p.name), str)]
            required = sum(p.required for p in arguments)
            most = sum(p.nargs for p in arguments) if all(p.nargs > 0 for p in arguments) else 99
            if words and (
                len(words) == required - 1 or (len(words) < most and not is_session(words[0]))
            ):
                args = [str(find_session(None)), *args]
        return super().parse_args(context, args)


def find_session(text: str | None, *, announce: bool = True) -> Path:
    """The session that SESSION means: a name, a path, or (left out) this folder's, else the last
    one opened, which is then named on standard error."""
    from genopt_tui.session import places

    path = places.resolve_session(text or "")
    if announce and not text and path not in (here := Path.cwd().resolve(), *here.parents):
        print_line(f"session {path.name}, the last one opened", err=True)
    return path


def is_session(text: str) -> bool:
    """Whether `text` names a session."""
    try:
        find_session(text)
    except SessionError:
        return False
    return True


def split_session(words: list[str]) -> tuple[str | None, list[str]]:
    """(session, other words): the session is the first or the last word, if that names one."""
    for position in (0, -1):
        if words and is_session(words[position]):
            rest = list(words)
            return rest.pop(position), rest
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
    """The scoring rule and settings of a session's head; empty where its task cannot be found."""
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
    """The scoring rules of versions by their task's fingerprint, from one record of each."""
    rules: dict[str, str] = {}
    for version in versions:
        if version.task and version.score is not None and version.task not in rules:
            with contextlib.suppress(SessionError):  # a commit made with plain git has no record
                rules[version.task] = repository.read_record(version.commit).scores.rule
    return rules
