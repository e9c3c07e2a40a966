"""`genopt completion`, and what the shell offers for each argument."""

from collections.abc import Callable, Iterator

import click
from click.shell_completion import CompletionItem, get_completion_class

from genopt_tui.cli.target import find_session, open_repository
from genopt_tui.errors import Exit, GenoptError

SHELLS = ("bash", "zsh", "fish")
NAMED_VERSIONS = ("start", "best", "head")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the completion script for your shell.

    Add it to ~/.bashrc or ~/.zshrc; for fish write it to
    ~/.config/fish/completions/genopt.fish.
    """
    completer = get_completion_class(shell)
    assert completer is not None
    root = context.find_root().command
    click.echo(completer(root, {}, "genopt", "_GENOPT_COMPLETE").source())
    return Exit.DONE


def list_sessions(context: click.Context) -> Iterator[str]:
    from genopt_tui.session import places

    yield from (path.name for path in places.find_sessions())


def list_tasks(context: click.Context) -> Iterator[str]:
    from genopt_tui.task import loader

    yield from loader.list_tasks()


def list_targets(context: click.Context) -> Iterator[str]:
    yield from list_sessions(context)
    yield from list_tasks(context)


def list_versions(context: click.Context) -> Iterator[str]:
    """Versions of the session that was typed before, or of the one that would be guessed."""
    params = context.params
    named = (
        params.get("session") or params.get("target") or next(iter(params.get("words") or ()), "")
    )
    yield from NAMED_VERSIONS
    with open_repository(find_session(named, announce=False)) as repository:
        for version in repository.read_log(all_branches=True):
            yield from (version.name, *version.branches, *version.tags)


def list_branches(context: click.Context) -> Iterator[str]:
    session = find_session(context.params.get("session"), announce=False)
    with open_repository(session) as repository:
        for version in repository.read_log(all_branches=True):
            yield from version.branches


def list_words(context: click.Context) -> Iterator[str]:
    """What may follow in commands that take SESSION among other words."""
    if context.params.get("words"):
        yield from list_versions(context)
    yield from list_sessions(context)


def list_keys(context: click.Context) -> Iterator[str]:
    from genopt_tui.config import DesignChoices, SessionSettings, list_setting_keys

    for model in (DesignChoices, SessionSettings):
        yield from (f"{key}=" for key in list_setting_keys(model))


def list_keys_and_sessions(context: click.Context) -> Iterator[str]:
    yield from list_keys(context)
    yield from list_sessions(context)


SOURCES: dict[str, Callable[[click.Context], Iterator[str]]] = {
    "session": list_sessions,
    "sessions": list_sessions,
    "version": list_versions,
    "a": list_versions,
    "b": list_versions,
    "at": list_versions,
    "step": list_versions,
    "task": list_tasks,
    "target": list_targets,
    "pairs": list_keys,
    "words": list_words,
}
"""What completes an argument or option, by its name."""
SOURCES_BY_COMMAND = {
    ("switch", "name"): list_branches,
    ("set", "words"): list_keys_and_sessions,
    ("stage", "words"): list_keys_and_sessions,
}


def add_completion(command: click.Command) -> None:
    """Give the arguments and options of a command their completions."""
    for subcommand in command.commands.values() if isinstance(command, click.Group) else ():
        add_completion(subcommand)
    for parameter in command.params:
        name = str(parameter.name)
        source = SOURCES_BY_COMMAND.get((str(command.name), name)) or SOURCES.get(name)
        if source:
            # as click's decorators set it; here one table serves all commands
            parameter._custom_shell_complete = make_completer(source)


def make_completer(
    source: Callable[[click.Context], Iterator[str]],
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            names = dict.fromkeys(source(context))
        except (GenoptError, OSError):  # a shell has no place for errors
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    return complete


COMMANDS = [completion]
