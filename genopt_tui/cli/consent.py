"""Consent: nothing of a session from elsewhere runs before a person agreed to it."""

import sys
from pathlib import Path

import click

from genopt_tui.cli.output import print_line
from genopt_tui.cli.target import open_repository


def require_consent(path: Path) -> None:
    """Ask once before anything of a session from elsewhere runs. Raises SessionError where nobody
    agrees."""
    from genopt_tui.session import places
    from genopt_tui.session.places import require_trust

    if not places.is_trusted(path) and sys.stdin.isatty() and sys.stderr.isatty():
        ask_consent(path)
    require_trust(path)


def ask_consent(path: Path) -> bool:
    """Say what came along, and ask whether it may run; without a terminal nothing is agreed to."""
    from genopt_tui.session import places

    if places.is_trusted(path):
        return True
    print_contents(path)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        print_line(
            f"nothing of it runs before you agree: genopt trust {places.quote_session(path)}",
            err=True,
        )
        return False
    if click.confirm("May its task and artifacts run here?", default=False, err=True):
        places.register(path)
        return True
    return False


def print_contents(path: Path) -> None:
    """What a session from elsewhere contains, and what would run."""
    from genopt_tui.session.history import export
    from genopt_tui.session.travel import unpack_task

    with open_repository(path) as repository:
        print_private_data(export.count_private_data(repository))
        name = str(repository.read_choices(repository.head()).task.get("name", ""))
    kept = unpack_task(path)
    print_line(f"its task is {name}{f', which came along: {kept}' if kept else ''}", err=True)


def print_private_data(counts: dict[str, int]) -> None:
    print_line("it contains, readable for whoever has it:", err=True)
    for name, count in counts.items():
        print_line(f"  {count:6} {name}", err=True)
