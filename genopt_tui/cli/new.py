"""`genopt new`: make a session from a task, from your own files, or from another session."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli import user_task
from genopt_tui.cli.follow import run_session
from genopt_tui.cli.output import json_option, print_json, print_line
from genopt_tui.cli.target import (
    MODES,
    open_repository,
    set_option,
)
from genopt_tui.errors import (
    Exit,
    UsageError,
)
from genopt_tui.session.commands import Run

if TYPE_CHECKING:
    from genopt_tui.config import SessionSettings

MODEL_KEYS = ("model", "agent_model")


@click.command()
@click.argument("task", required=False)
@click.option("--name", help="Name of the session.")
@click.option("--start", default="", help="Starting artifact; default: the task's first.")
@click.option("--preset", default="", help="A preset of the task.")
@click.option(
    "--model",
    default="",
    help="Who proposes: a litellm model, command:..., manual, search, replay:FILE.",
)
@click.option(
    "--from",
    "source",
    metavar="SESSION@VERSION|PATH",
    help="Start from a version of another session, or (with TASK) from your own file or folder.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=0),
    help="Run this many steps at once, like `genopt run`.",
)
@click.option("--mode", type=MODES, help="With --steps: who decides.")
@user_task.add_file_options
@set_option
@json_option
def new(
    task: str | None,
    name: str | None,
    start: str,
    preset: str,
    model: str,
    source: str | None,
    steps: int | None,
    mode: str | None,
    pairs: tuple[str, ...],
    as_json: bool,
    **files: Any,
) -> int:
    """Create a session.

    Its first version is a start of TASK, a prompt (--prompt, --cases, --answer), files scored by a
    command (--edit, --run), or a version of another session (--from).
    """
    from genopt_tui.session.creation import create_from_files, create_from_version, create_session
    from genopt_tui.task import loader, presets

    settings = [*pairs, *([f"model={model}"] if model else [])]
    check_can_run(steps, mode, settings)
    kind = user_task.find_kind(files, task, source)
    if kind:
        path = user_task.create_task_and_session(
            kind, files, user_task.NewSessionRequest(name, start, preset, settings)
        )
    elif source and task:
        path = create_from_files(source, task, name, start, preset, settings)
    elif source:
        path = create_from_version(source, name, settings)
    elif task:
        path = create_session(
            loader.find_task(task), task, name=name, start=start, preset=preset, pairs=settings
        )
    else:
        raise UsageError(
            "nothing to optimize was given", advice="genopt new TASK; `genopt tasks` lists them"
        )
    with open_repository(path) as repository:
        document: dict[str, Any] = {
            "session": path.name,
            "path": str(path),
            "head": repository.head(),
            "start": repository.read_choices(repository.head()).start,
        }
    if preset and task:
        document["preset"] = presets.list_changes(loader.find_task(task).task, preset)
    if as_json:
        print_json(document)
    else:
        for change in document.get("preset", []):
            print_line(f"{preset}: {change['key']} = {presets.describe_change(change)}", err=True)
        print_line(f"{document['session']}: {document['path']}")
        if steps is None:
            print_line(f"next: genopt open {path.name}, or genopt run {path.name}")
    return (
        Exit.DONE
        if steps is None
        else run_new_session(path, Run(steps=steps, mode=mode), quiet=as_json)
    )


def check_can_run(steps: int | None, mode: str | None, pairs: list[str]) -> None:
    """Raises UsageError before anything is created if the session could not run."""
    if mode and steps is None:
        raise UsageError(
            "--mode goes with --steps", advice="Give --steps N too; `genopt mode` changes it later"
        )
    settings = read_model_settings(pairs)
    if steps is not None and not settings.model:
        raise UsageError(
            "no model is set",
            advice="Give --model NAME, command:PROGRAM, manual, search or replay:FILE",
        )
    if any(pair.partition("=")[0].strip() in MODEL_KEYS for pair in pairs):
        from genopt_tui.propose.model_check import check_models

        check_models(settings)


def read_model_settings(pairs: Sequence[str], session: Path | None = None) -> "SessionSettings":
    """The settings of the session, or the user's defaults, with the model settings in `pairs`."""
    from genopt_tui.config import DesignChoices, SessionSettings, assign

    settings = SessionSettings.load(session) if session else SessionSettings.from_user_defaults()
    about_models = ("api_base=", "params.", *(f"{key}=" for key in MODEL_KEYS))
    assign(DesignChoices(), settings, [p for p in pairs if p.lstrip().startswith(about_models)])
    return settings


def run_new_session(path: Path, request: Run, *, quiet: bool) -> int:
    """Run a new session. With `quiet` its lines go to standard error: standard output holds the
    JSON document."""
    from contextlib import nullcontext, redirect_stdout

    sys.stdout.flush()
    with redirect_stdout(sys.stderr) if quiet else nullcontext():
        return run_session(path, request)


COMMANDS = [new]
