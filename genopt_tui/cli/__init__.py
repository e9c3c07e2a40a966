"""The `genopt` command: parse, call, print; no logic. Heavy modules are imported inside the
commands that need them."""

import sys

import click

from genopt_tui.cli import (
    compare,
    curve,
    decisions,
    evaluate,
    export,
    history,
    prompts,
    run,
    sessions,
    status,
    tasks,
)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="genopt-tui", message="genopt %(version)s")
@click.pass_context
def command(context: click.Context) -> int | None:
    """Watch and steer iterative generative optimization: a model edits an artifact, you see why,
    and decide.

    Without a command: the terminal application. `genopt demo` shows the main job.
    """
    if context.invoked_subcommand is not None:
        return None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(
            "no command, and this is no terminal. Try `genopt demo --headless` or `genopt --help`"
        )
    from genopt_tui.ui.app import run_app

    return run_app(None)


for module in (
    sessions,
    run,
    status,
    decisions,
    evaluate,
    tasks,
    compare,
    curve,
    history,
    export,
    prompts,
):
    for found in module.COMMANDS:
        command.add_command(found)
