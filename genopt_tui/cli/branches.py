"""Commands that move through the history: branches, rewind and undo."""

import click

from genopt_tui.cli.decisions import parse_hunk_numbers
from genopt_tui.cli.requests import send_and_print
from genopt_tui.cli.target import SessionCommand
from genopt_tui.session.commands import Branch, Pick, Redo, Revive, Rewind, Switch, Tag, Undo


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("name")
@click.option("--at", default="head", help="The version to branch from.")
def branch(session: str, name: str, at: str) -> int:
    """Create a branch at a version.

    The active branch stays as it is.
    """
    return send_and_print(session, Branch(name=name, at=at))


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("name")
def switch(session: str, name: str) -> int:
    """Make another branch the active one."""
    return send_and_print(session, Switch(name=name))


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("version")
def rewind(session: str, version: str) -> int:
    """Set the branch back to an earlier version.

    `genopt undo` restores it.
    """
    return send_and_print(session, Rewind(version=version))


@click.command()
@click.argument("session", required=False)
def undo(session: str | None) -> int:
    """Undo the last act on the history."""
    return send_and_print(session, Undo())


@click.command()
@click.argument("session", required=False)
def redo(session: str | None) -> int:
    """Redo what was undone last."""
    return send_and_print(session, Redo())


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("version")
def revive(session: str, version: str) -> int:
    """Propose a rejected edit again, on the present head."""
    return send_and_print(session, Revive(version=version))


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("version")
@click.option("--hunks", help="Only these hunks: 1,3.")
@click.option("--file", "files", multiple=True, help="Only this file.")
def pick(session: str, version: str, hunks: str | None, files: tuple[str, ...]) -> int:
    """Propose an edit of another version, or parts of it."""
    numbers = parse_hunk_numbers(hunks) or ()
    return send_and_print(session, Pick(version=version, hunks=numbers, files=files))


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("name")
@click.argument("version", default="head")
def tag(session: str, name: str, version: str) -> int:
    """Name a version."""
    return send_and_print(session, Tag(name=name, version=version))


COMMANDS = [branch, switch, rewind, undo, redo, revive, pick, tag]
