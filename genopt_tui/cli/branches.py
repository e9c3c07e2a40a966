"""Commands that move through the history: branches, rewind and undo."""

import click

from genopt_tui.cli.decisions import parse_hunk_numbers
from genopt_tui.cli.requests import send_and_print


@click.command()
@click.argument("session")
@click.argument("name")
@click.option("--at", default="head", help="The version to branch from.")
def branch(session: str, name: str, at: str) -> int:
    """Make a branch at a version; the active one stays."""
    return send_and_print(session, "branch", name=name, at=at)


@click.command()
@click.argument("session")
@click.argument("name")
def switch(session: str, name: str) -> int:
    """Make another branch the active one."""
    return send_and_print(session, "switch", name=name)


@click.command()
@click.argument("session")
@click.argument("version")
def rewind(session: str, version: str) -> int:
    """Take the branch back to an earlier version; `undo` brings it back."""
    return send_and_print(session, "rewind", version=version)


@click.command()
@click.argument("session", required=False)
def undo(session: str | None) -> int:
    """Undo the last act on history."""
    return send_and_print(session, "undo")


@click.command()
@click.argument("session", required=False)
def redo(session: str | None) -> int:
    """Do again what was undone."""
    return send_and_print(session, "redo")


@click.command()
@click.argument("session")
@click.argument("version")
def revive(session: str, version: str) -> int:
    """Propose a rejected edit again, on the present head."""
    return send_and_print(session, "revive", version=version)


@click.command()
@click.argument("session")
@click.argument("version")
@click.option("--hunks", help="Only these hunks: 1,3.")
@click.option("--file", "files", multiple=True, help="Only this file.")
def pick(session: str, version: str, hunks: str | None, files: tuple[str, ...]) -> int:
    """Propose what a version changed, or parts of it, on the present head."""
    return send_and_print(
        session, "pick", version=version, hunks=parse_hunk_numbers(hunks) or [], files=list(files)
    )


@click.command()
@click.argument("session")
@click.argument("name")
@click.argument("version", default="head")
def tag(session: str, name: str, version: str) -> int:
    """Name a version."""
    return send_and_print(session, "tag", name=name, version=version)


COMMANDS = [branch, switch, rewind, undo, redo, revive, pick, tag]
