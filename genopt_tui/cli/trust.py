"""Commands about sessions from elsewhere: clone, trust."""

import sys
from pathlib import Path

import click

from genopt_tui.cli.consent import ask_consent, print_contents
from genopt_tui.cli.output import print_line
from genopt_tui.cli.target import (
    find_session,
)
from genopt_tui.errors import (
    Exit,
)


@click.command()
@click.argument("source")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def clone(source: str, folder: Path | None) -> int:
    """Clone a shared session with its records.

    Nothing of it runs before you agree. After a plain `git clone`, this fetches what was rejected,
    abandoned, noted or undone: git fetch origin '+refs/genopt/*:refs/genopt/*'
    """
    from genopt_tui.session import places
    from genopt_tui.session.history import export

    name = Path(source.rstrip("/")).name.split(".")[0] or "session"
    path = export.clone_session(source, folder or places.choose_session_path(name))
    print_line(path)
    ask_consent(path)
    return Exit.DONE


@click.command()
@click.argument("session", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def trust(session: str | None, yes: bool) -> int:
    """Agree that a session from elsewhere runs here.

    Its task's code runs as you, artifacts run in the sandbox.
    """
    from genopt_tui.session import places

    path = find_session(session)
    if places.is_trusted(path):
        print_line(f"{path.name} may run already", err=True)
        return Exit.DONE
    if yes or not sys.stdin.isatty():
        print_contents(path)
        places.register(path)
        print_line(f"{path.name} may run from now on", err=True)
        return Exit.DONE
    return Exit.DONE if ask_consent(path) else Exit.FAILED


COMMANDS = [clone, trust]
