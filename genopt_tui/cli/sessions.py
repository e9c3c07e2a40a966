"""Commands that make sessions and list what there is: new, ls, tasks, doctor."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli import user_task
from genopt_tui.cli.common import (
    MODES,
    find_session,
    format_number,
    json_option,
    open_repository,
    print_json,
    print_line,
    print_text,
)
from genopt_tui.errors import Exit, UsageError, single_line

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices, SessionSettings
    from genopt_tui.task.loader import TaskFolder

DEMO_TASK = "atari/pong"
set_option = click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting or design choice."
)


@click.command()
@click.argument("task", required=False)
@click.option("--name", help="Name of the session.")
@click.option("--start", default="", help="Starting artifact; left out: the task's first.")
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
    help="Begin with a version of another session, or (with TASK) a file or folder of your own.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=0),
    help="Run it at once: this many steps, as `genopt run` would.",
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
    """Make a session: a git repository whose first commit is the start.

    Of TASK, of a prompt and cases (--prompt), of files and a command (--edit), or of a version
    (--from).
    """
    from genopt_tui.task import loader, presets

    wished = [*pairs, *([f"model={model}"] if model else [])]
    check_can_run(steps, mode, wished)
    kind = user_task.find_kind(files, task, source)
    if kind:
        path = user_task.create_task_and_session(
            kind, files, user_task.NewSessionRequest(name, start, preset, wished)
        )
    elif source and task:
        path = create_from_files(source, task, name, start, preset, wished)
    elif source:
        path = create_from_version(source, name, wished)
    elif task:
        path = create_session(
            loader.find_task(task), task, name=name, start=start, preset=preset, pairs=wished
        )
    else:
        raise UsageError(
            "nothing to optimize was named", advice="genopt new TASK; `genopt tasks` lists them"
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
        for changed in document.get("preset", []):
            print_line(f"{preset}: {changed['key']} = {presets.describe_change(changed)}", err=True)
        print_line(f"{document['session']}: {document['path']}")
        if steps is None:
            print_line(f"next: genopt open {path.name}, or genopt run {path.name}")
    return (
        Exit.DONE
        if steps is None
        else run_new_session(path, {"steps": steps, "mode": mode}, quiet=as_json)
    )


def check_can_run(steps: int | None, mode: str | None, pairs: list[str]) -> None:
    """Raises UsageError, before anything is made, where what was asked for could not run."""
    if mode and steps is None:
        raise UsageError(
            "--mode goes with --steps", advice="Give --steps N too; `genopt mode` changes it later"
        )
    if (
        steps is not None
        and not any(pair.startswith("model=") for pair in pairs)
        and not load_default_settings().model
    ):
        raise UsageError(
            "nobody proposes",
            advice="Give --model NAME, command:PROGRAM, manual, search or replay:FILE",
        )


def run_new_session(path: Path, request: dict[str, Any], *, quiet: bool) -> int:
    """Run a session just made; with `quiet` its lines go to standard error, since standard output
    holds a document."""
    from contextlib import nullcontext, redirect_stdout

    from genopt_tui.cli.run import run_session

    sys.stdout.flush()
    with redirect_stdout(sys.stderr) if quiet else nullcontext():
        return run_session(path, request)


def create_session(
    folder: "TaskFolder",
    task_name: str,
    *,
    name: str | None = None,
    start: str = "",
    preset: str = "",
    pairs: list[str],
    files: dict[str, str] | None = None,
) -> Path:
    """A new session of a task; its settings lie in the user's own folder. Raises UsageError, with
    nothing made."""
    from genopt_tui.config import to_toml
    from genopt_tui.learn.scope import parse_scope
    from genopt_tui.session import places
    from genopt_tui.session.history.record import DecisionRecord, Record
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.journal import utc_timestamp

    start = choose_start(folder, start, preset, pairs)
    artifact = files or folder.read_start(start)
    choices, settings = build_initial_settings(folder, task_name, start, preset, pairs)
    parse_scope(choices.scope, artifact)
    path = (
        places.sessions_root() / name
        if name
        else places.choose_session_path(f"{folder.task.name}-{start}")
    )
    if name and ("/" in name or name.startswith(".")):
        raise UsageError(
            f"'{name}' is no name for a session", advice="Use letters, digits, - and _"
        )
    record = Record(
        at=utc_timestamp(),
        task=folder.task.name,
        direction=folder.task.direction,
        model=settings.model,
        decision=DecisionRecord(decision="start", by="person"),
    )
    Repository.create(path, artifact, to_toml(choices), record).close()
    settings.save(path)
    places.register(path)
    return path


def build_initial_settings(
    folder: "TaskFolder", task_name: str, start: str, preset: str, pairs: list[str]
) -> "tuple[DesignChoices, SessionSettings]":
    """The choices and settings that a session begins with: the task's, then the preset's, then the
    caller's."""
    from genopt_tui.config import DesignChoices, assign
    from genopt_tui.task.presets import format_value

    task = folder.task
    choices, settings = DesignChoices(), load_default_settings()
    if preset and preset not in task.presets:
        raise UsageError(
            f"{task.name} has no preset '{preset}'",
            advice=f"It has: {', '.join(task.presets) or 'none'}",
        )
    given = task.choices | (task.presets[preset].set if preset else {})
    assign(
        choices,
        settings,
        [f"{key}={format_value(value)}" for key, value in given.items()],
        task.settings,
    )
    is_path = (Path(task_name) / "task.toml").is_file()
    choices.task = {**choices.task, "name": str(folder.path) if is_path else task.name}
    choices.start = start
    choices.scope = list(task.starts[start].scope) if start in task.starts else []
    assign(choices, settings, pairs, task.settings)
    task.resolve_settings(choices.task)
    return choices, settings


def load_default_settings() -> "SessionSettings":
    """The session settings that the user's own file begins with."""
    from genopt_tui.config import SessionSettings

    return SessionSettings.from_user_defaults()


def choose_start(folder: "TaskFolder", start: str, preset: str, pairs: list[str]) -> str:
    """The start that is meant: the one named, that of `--set start=`, the preset's, the task's
    first."""
    named = [value for key, _, value in (pair.partition("=") for pair in pairs) if key == "start"]
    given = (
        folder.task.presets[preset].set.get("start", "") if preset in folder.task.presets else ""
    )
    return start or (named[-1] if named else "") or str(given) or next(iter(folder.task.starts), "")


def create_from_version(source: str, name: str | None, pairs: list[str]) -> Path:
    """A second session that begins with a version of another one."""
    from genopt_tui.task import loader
    from genopt_tui.task.presets import format_value

    session, _, version = source.rpartition("@")
    with open_repository(find_session(session or version)) as repository:
        commit = repository.resolve(version if session else "head")
        choices, files = repository.read_choices(commit), repository.read_artifact(commit)
    called = str(choices.task["name"])
    kept = [
        f"task.{key}={format_value(value)}" for key, value in choices.task.items() if key != "name"
    ]
    kept += [f"scope={','.join(choices.scope)}"] if choices.scope else []
    return create_session(
        loader.find_task(called),
        called,
        name=name,
        start=choices.start,
        pairs=kept + pairs,
        files=files,
    )


def create_from_files(
    source: str, task: str, name: str | None, start: str, preset: str, pairs: list[str]
) -> Path:
    """A session of a task that begins with what was written elsewhere; all of it may be edited
    unless a scope is set."""
    from genopt_tui.cli.own_files import OWN_START, read_own_artifact
    from genopt_tui.task import loader

    if not Path(source).exists():
        raise UsageError(
            f"{source} is not there", advice="With TASK, --from takes a file or a folder of yours"
        )
    folder = loader.find_task(task)
    files = read_own_artifact(Path(source), folder, choose_start(folder, start, preset, pairs))
    scope = f"scope={','.join(files)}"
    return create_session(
        folder, task, name=name, start=OWN_START, preset=preset, pairs=[scope, *pairs], files=files
    )


def create_demo_session() -> tuple[Path, int]:
    """A fresh session of the demo's task with its recording, and how many steps the recording is
    good for."""
    import json

    from genopt_tui.session import places
    from genopt_tui.task import loader

    folder = loader.find_task(DEMO_TASK)
    recording = folder.path / (folder.task.demo or "demo.jsonl")
    if not recording.is_file():
        raise UsageError(
            "the demo's recording is missing", f"{recording.name} is not in {folder.path}"
        )
    with recording.open(encoding="utf-8") as lines:
        bases = {json.loads(line)["base"] for line in lines}
    preset = "demo" if "demo" in folder.task.presets else ""
    pairs = [f"model=replay:{recording}", "gate.rule=better"]
    path = create_session(
        folder, DEMO_TASK, name=places.choose_session_path("demo").name, preset=preset, pairs=pairs
    )
    return path, len(bases)


@click.command()
@json_option
def ls(as_json: bool) -> int:
    """Sessions, with state and best."""
    from genopt_tui.cli.common import find_scoring_rule
    from genopt_tui.session import places

    found = places.list_sessions()
    if as_json:
        print_json(
            [
                {
                    "session": s.name,
                    "path": str(s.path),
                    "state": s.state,
                    "branch": s.branch,
                    "step": s.step,
                    "task": s.task,
                    "best": s.best,
                    "rule": find_scoring_rule(s.path) if s.best else "",
                    "runner_pid": s.runner_pid,
                    "problem": s.problem,
                }
                for s in found
            ]
        )
        return Exit.DONE
    for s in found:
        best = (
            f"best {format_number(s.best['score'])} n={s.best['n']} (step {s.best['step']}), {find_scoring_rule(s.path)}"
            if s.best
            else ""
        )
        print_line(f"{s.name:32} {s.state:9} step {s.step:<4} {s.task:24} {best}{s.problem}")
    if not found:
        print_line("no sessions yet: genopt new TASK, or genopt demo", err=True)
    return Exit.DONE


@click.command()
@click.argument("task", required=False)
@json_option
def tasks(task: str | None, as_json: bool) -> int:
    """What can be optimized here; with TASK, its starts part by part and what its presets
    change."""
    from genopt_tui.cli.task_description import describe_task
    from genopt_tui.errors import TaskError
    from genopt_tui.learn.doctor.inputs import START_PARTS
    from genopt_tui.task import loader

    if task and not as_json:
        for told in describe_task(task):
            print_text(
                single_line(told) if not told.startswith(" ") else f"    {single_line(told)}"
            )
        return Exit.DONE
    found: list[dict[str, Any]] = []
    for name in [task] if task else loader.list_tasks():
        try:
            known = loader.find_task(name).task
        except TaskError as error:
            found.append({"task": name, "problem": str(error)})
            continue
        found.append(
            {
                "task": name,
                "description": known.description,
                "direction": known.direction,
                "family": name.rpartition("/")[0],
                "rule": known.rule,
                "starts": list(known.starts),
                "parts": {
                    key: s.model_dump(include=set(START_PARTS)) for key, s in known.starts.items()
                },
                "presets": list(known.presets),
                "settings": {key: s.default for key, s in known.settings.items()},
            }
        )
    if as_json:
        print_json(found)
    else:
        family = ""
        for entry in found:
            if entry.get("family", "") != family and (family := entry.get("family", "")):
                print_line(f"{family}/")
            print_text(
                f"{entry['task']:36} {single_line(entry.get('description') or entry.get('problem', ''))}"
            )
            if entry.get("starts"):
                print_text(f"{'':36} starts: {', '.join(entry['starts'])}")
    return Exit.DONE


@click.command()
@click.argument("session", required=False)
@json_option
def doctor(session: str | None, as_json: bool) -> int:
    """This machine: what genopt needs and finds; with SESSION, the files of a session."""
    from genopt_tui.cli.doctor import check_machine, check_session

    found = check_session(find_session(session)) if session else check_machine()
    if as_json:
        print_json({"findings": found})
    else:
        for entry in found:
            print_line(f"{entry['level']:5} {entry['code']:14} {entry['message']}")
            if entry["advice"]:
                print_line(f"      {'':14} {entry['advice']}")
    return Exit.FAILED if any(f["level"] == "error" for f in found) else Exit.DONE


COMMANDS = [new, ls, tasks, doctor]
