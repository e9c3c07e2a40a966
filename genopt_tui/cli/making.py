"""Commands that make sessions and list what there is: new, ls, tasks, doctor."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli import own
from genopt_tui.cli.common import MODES, figure, find_session, json_option, print_json, repository_of, say, say_text
from genopt_tui.errors import Exit, UsageError, single_line

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices, SessionSettings
    from genopt_tui.task.loader import TaskFolder

DEMO = "atari/pong"
set_option = click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting or design choice.")


@click.command()
@click.argument("task", required=False)
@click.option("--name", help="Name of the session.")
@click.option("--start", default="", help="Starting artifact; left out: the task's first.")
@click.option("--preset", default="", help="A preset of the task.")
@click.option("--model", default="", help="Who proposes: a litellm model, command:..., manual, search, replay:FILE.")
@click.option(
    "--from",
    "source",
    metavar="SESSION@VERSION|PATH",
    help="Begin with a version of another session, or (with TASK) a file or folder of your own.",
)
@click.option("--steps", type=click.IntRange(min=0), help="Run it at once: this many steps, as `genopt run` would.")
@click.option("--mode", type=MODES, help="With --steps: who decides.")
@own.own_options
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

    Of TASK, of a prompt and cases (--prompt), of files and a command (--edit), or of a version (--from).
    """
    from genopt_tui.task import loader, presets

    wished = [*pairs, *([f"model={model}"] if model else [])]
    ensure_runs(steps, mode, wished)
    kind = own.kind_of(files, task, source)
    if kind:
        path = own.make(kind, files, own.Wish(name, start, preset, wished))
    elif source and task:
        path = from_files(source, task, name, start, preset, wished)
    elif source:
        path = from_version(source, name, wished)
    elif task:
        path = make_session(loader.find(task), task, name=name, start=start, preset=preset, pairs=wished)
    else:
        raise UsageError("nothing to optimize was named", advice="genopt new TASK; `genopt tasks` lists them")
    with repository_of(path) as repository:
        document: dict[str, Any] = {
            "session": path.name,
            "path": str(path),
            "head": repository.head(),
            "start": repository.choices(repository.head()).start,
        }
    if preset and task:
        document["preset"] = presets.changes(loader.find(task).task, preset)
    if as_json:
        print_json(document)
    else:
        for changed in document.get("preset", []):
            say(f"{preset}: {changed['key']} = {presets.told(changed)}", err=True)
        say(f"{document['session']}: {document['path']}")
        if steps is None:
            say(f"next: genopt open {path.name}, or genopt run {path.name}")
    return Exit.DONE if steps is None else run_now(path, {"steps": steps, "mode": mode}, quiet=as_json)


def ensure_runs(steps: int | None, mode: str | None, pairs: list[str]) -> None:
    """Raises UsageError, before anything is made, where what was asked for could not run."""
    if mode and steps is None:
        raise UsageError("--mode goes with --steps", advice="Give --steps N too; `genopt mode` changes it later")
    if steps is not None and not any(pair.startswith("model=") for pair in pairs) and not own_settings().model:
        raise UsageError("nobody proposes", advice="Give --model NAME, command:PROGRAM, manual, search or replay:FILE")


def run_now(path: Path, wish: dict[str, Any], *, quiet: bool) -> int:
    """Run a session just made; with `quiet` its lines go to standard error, since standard output holds a document."""
    from contextlib import nullcontext, redirect_stdout

    from genopt_tui.cli.running import run_session

    sys.stdout.flush()
    with redirect_stdout(sys.stderr) if quiet else nullcontext():
        return run_session(path, wish)


def make_session(
    folder: "TaskFolder",
    called: str,
    *,
    name: str | None = None,
    start: str = "",
    preset: str = "",
    pairs: list[str],
    files: dict[str, str] | None = None,
) -> Path:
    """A new session of a task; its settings lie in the user's own folder. Raises UsageError, with nothing made."""
    from genopt_tui.config import to_toml
    from genopt_tui.learn.scope import parse_scope
    from genopt_tui.session import places
    from genopt_tui.session.journal import now
    from genopt_tui.session.record import Decided, Record
    from genopt_tui.session.repository import Repository

    start = start_of(folder, start, preset, pairs)
    artifact = files or folder.start(start)
    choices, settings = starting(folder, called, start, preset, pairs)
    parse_scope(choices.scope, artifact)
    path = places.sessions_root() / name if name else places.new_path(f"{folder.task.name}-{start}")
    if name and ("/" in name or name.startswith(".")):
        raise UsageError(f"'{name}' is no name for a session", advice="Use letters, digits, - and _")
    record = Record(
        at=now(),
        task=folder.task.name,
        direction=folder.task.direction,
        model=settings.model,
        decision=Decided(decision="start", by="person"),
    )
    Repository.create(path, artifact, to_toml(choices), record).close()
    settings.save(path)
    places.register(path)
    return path


def starting(
    folder: "TaskFolder", called: str, start: str, preset: str, pairs: list[str]
) -> "tuple[DesignChoices, SessionSettings]":
    """The choices and settings that a session begins with: the task's, then the preset's, then the caller's."""
    from genopt_tui.config import DesignChoices, assign
    from genopt_tui.task.presets import as_text

    task = folder.task
    choices, settings = DesignChoices(), own_settings()
    if preset and preset not in task.presets:
        raise UsageError(f"{task.name} has no preset '{preset}'", advice=f"It has: {', '.join(task.presets) or 'none'}")
    given = task.choices | (task.presets[preset].set if preset else {})
    assign(choices, settings, [f"{key}={as_text(value)}" for key, value in given.items()], task.settings)
    is_path = (Path(called) / "task.toml").is_file()
    choices.task = {**choices.task, "name": str(folder.path) if is_path else task.name}
    choices.start = start
    choices.scope = list(task.starts[start].scope) if start in task.starts else []
    assign(choices, settings, pairs, task.settings)
    task.resolve(choices.task)
    return choices, settings


def own_settings() -> "SessionSettings":
    """The session settings that the user's own file begins with."""
    from genopt_tui.config import SessionSettings

    return SessionSettings.begin()


def start_of(folder: "TaskFolder", start: str, preset: str, pairs: list[str]) -> str:
    """The start that is meant: the one named, that of `--set start=`, the preset's, the task's first."""
    named = [value for key, _, value in (pair.partition("=") for pair in pairs) if key == "start"]
    given = folder.task.presets[preset].set.get("start", "") if preset in folder.task.presets else ""
    return start or (named[-1] if named else "") or str(given) or next(iter(folder.task.starts), "")


def from_version(source: str, name: str | None, pairs: list[str]) -> Path:
    """A second session that begins with a version of another one."""
    from genopt_tui.task import loader
    from genopt_tui.task.presets import as_text

    session, _, version = source.rpartition("@")
    with repository_of(find_session(session or version)) as repository:
        commit = repository.resolve(version if session else "head")
        choices, files = repository.choices(commit), repository.files(commit)
    called = str(choices.task["name"])
    kept = [f"task.{key}={as_text(value)}" for key, value in choices.task.items() if key != "name"]
    kept += [f"scope={','.join(choices.scope)}"] if choices.scope else []
    return make_session(loader.find(called), called, name=name, start=choices.start, pairs=kept + pairs, files=files)


def from_files(source: str, task: str, name: str | None, start: str, preset: str, pairs: list[str]) -> Path:
    """A session of a task that begins with what was written elsewhere; all of it may be edited unless a scope is set."""
    from genopt_tui.cli.given import OWN, given
    from genopt_tui.task import loader

    if not Path(source).exists():
        raise UsageError(f"{source} is not there", advice="With TASK, --from takes a file or a folder of yours")
    folder = loader.find(task)
    files = given(Path(source), folder, start_of(folder, start, preset, pairs))
    scope = f"scope={','.join(files)}"
    return make_session(folder, task, name=name, start=OWN, preset=preset, pairs=[scope, *pairs], files=files)


def demo_session() -> tuple[Path, int]:
    """A fresh session of the demo's task with its recording, and how many steps the recording is good for."""
    import json

    from genopt_tui.session import places
    from genopt_tui.task import loader

    folder = loader.find(DEMO)
    recording = folder.path / (folder.task.demo or "demo.jsonl")
    if not recording.is_file():
        raise UsageError("the demo's recording is missing", f"{recording.name} is not in {folder.path}")
    with recording.open(encoding="utf-8") as lines:
        bases = {json.loads(line)["base"] for line in lines}
    preset = "demo" if "demo" in folder.task.presets else ""
    pairs = [f"model=replay:{recording}", "gate.rule=better"]
    path = make_session(folder, DEMO, name=places.new_path("demo").name, preset=preset, pairs=pairs)
    return path, len(bases)


@click.command()
@json_option
def ls(as_json: bool) -> int:
    """Sessions, with state and best."""
    from genopt_tui.cli.rules import rule_of
    from genopt_tui.session import places

    found = places.listing()
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
                    "rule": rule_of(s.path) if s.best else "",
                    "runner_pid": s.runner_pid,
                    "problem": s.problem,
                }
                for s in found
            ]
        )
        return Exit.DONE
    for s in found:
        best = (
            f"best {figure(s.best['score'])} n={s.best['n']} (step {s.best['step']}), {rule_of(s.path)}"
            if s.best
            else ""
        )
        say(f"{s.name:32} {s.state:9} step {s.step:<4} {s.task:24} {best}{s.problem}")
    if not found:
        say("no sessions yet: genopt new TASK, or genopt demo", err=True)
    return Exit.DONE


@click.command()
@click.argument("task", required=False)
@json_option
def tasks(task: str | None, as_json: bool) -> int:
    """What can be optimized here; with TASK, its starts part by part and what its presets change."""
    from genopt_tui.cli.described import described
    from genopt_tui.errors import TaskError
    from genopt_tui.learn.doctor_text import PARTS
    from genopt_tui.task import loader

    if task and not as_json:
        for told in described(task):
            say_text(single_line(told) if not told.startswith(" ") else f"    {single_line(told)}")
        return Exit.DONE
    found: list[dict[str, Any]] = []
    for name in [task] if task else loader.names():
        try:
            known = loader.find(name).task
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
                "parts": {key: s.model_dump(include=set(PARTS)) for key, s in known.starts.items()},
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
                say(f"{family}/")
            say_text(f"{entry['task']:36} {single_line(entry.get('description') or entry.get('problem', ''))}")
            if entry.get("starts"):
                say_text(f"{'':36} starts: {', '.join(entry['starts'])}")
    return Exit.DONE


@click.command()
@click.argument("session", required=False)
@json_option
def doctor(session: str | None, as_json: bool) -> int:
    """This machine: what genopt needs and finds; with SESSION, the files of a session."""
    from genopt_tui.cli.health import machine, session_health

    found = session_health(find_session(session)) if session else machine()
    if as_json:
        print_json({"findings": found})
    else:
        for entry in found:
            say(f"{entry['level']:5} {entry['code']:14} {entry['message']}")
            if entry["advice"]:
                say(f"      {'':14} {entry['advice']}")
    return Exit.FAILED if any(f["level"] == "error" for f in found) else Exit.DONE


COMMANDS = [new, ls, tasks, doctor]
