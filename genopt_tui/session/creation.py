"""Creating a session: of a task, of a version of another session, or of files of one's own."""

import json
from pathlib import Path

from genopt_tui.config import DesignChoices, SessionSettings, assign, to_toml
from genopt_tui.errors import UsageError
from genopt_tui.learn.scope import parse_scope
from genopt_tui.session import places
from genopt_tui.session.history.record import DecisionRecord, Record
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import utc_timestamp
from genopt_tui.session.user_files import OWN_START, read_own_artifact
from genopt_tui.task import loader
from genopt_tui.task.extras import ensure_installed
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.presets import format_value

DEMO_TASK = "atari/pong"


def create_session(
    folder: TaskFolder,
    task_name: str,
    *,
    name: str | None = None,
    start: str = "",
    preset: str = "",
    pairs: list[str],
    files: dict[str, str] | None = None,
) -> Path:
    """Create a session of a task and return its path.

    `pairs` are settings as KEY=VALUE; `files` replace the start's artifact. Settings are saved in
    the user's own folder, never in the session. Raises UsageError before anything is created.
    """
    ensure_installed(folder.task.name, folder.task.preload)
    start = choose_start(folder, start, preset, pairs)
    artifact = files or folder.read_start(start)
    choices, settings = build_initial_settings(folder, task_name, start, preset, pairs)
    parse_scope(choices.scope, artifact)
    path = choose_path(name, f"{folder.task.name}-{start}")
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


def choose_path(name: str | None, default: str) -> Path:
    """Where the session goes: under `name`, or under a free name made from `default`."""
    if not name:
        return places.choose_session_path(default)
    places.check_name(name)
    return places.sessions_root() / name


def build_initial_settings(
    folder: TaskFolder, task_name: str, start: str, preset: str, pairs: list[str]
) -> tuple[DesignChoices, SessionSettings]:
    """The choices and settings of a new session: the task's, overridden by the preset's, overridden
    by the caller's."""
    task = folder.task
    choices, settings = DesignChoices(), SessionSettings.from_user_defaults()
    if preset and preset not in task.presets:
        raise UsageError(
            f"{task.name} has no preset '{preset}'",
            advice=f"It has: {', '.join(task.presets) or 'none'}",
        )
    defaults = task.choices | (task.presets[preset].set if preset else {})
    assign(
        choices,
        settings,
        [f"{key}={format_value(value)}" for key, value in defaults.items()],
        task.settings,
    )
    is_path = (Path(task_name) / "task.toml").is_file()
    choices.task = {**choices.task, "name": str(folder.path) if is_path else task.name}
    choices.start = start
    choices.scope = list(task.starts[start].scope) if start in task.starts else []
    assign(choices, settings, pairs, task.settings)
    task.resolve_settings(choices.task)
    return choices, settings


def choose_start(folder: TaskFolder, start: str, preset: str, pairs: list[str]) -> str:
    """The start to begin with: the one named, else that of `start=` in `pairs`, the preset's, the
    task's first."""
    task = folder.task
    assigned = [value for key, _, value in (p.partition("=") for p in pairs) if key == "start"]
    of_preset = task.presets[preset].set.get("start", "") if preset in task.presets else ""
    return start or (assigned or [""])[-1] or str(of_preset) or next(iter(task.starts), "")


def create_from_version(source: str, name: str | None, pairs: list[str]) -> Path:
    """Create a session from SESSION@VERSION, with the choices of that version."""
    session, _, version = source.rpartition("@")
    with Repository.open(places.resolve_session(session or version)) as repository:
        commit = repository.resolve(version if session else "head")
        choices, files = repository.read_choices(commit), repository.read_artifact(commit)
    task_name = str(choices.task["name"])
    inherited = [
        f"task.{key}={format_value(value)}" for key, value in choices.task.items() if key != "name"
    ]
    inherited += [f"scope={','.join(choices.scope)}"] if choices.scope else []
    return create_session(
        loader.find_task(task_name),
        task_name,
        name=name,
        start=choices.start,
        pairs=inherited + pairs,
        files=files,
    )


def create_from_files(
    source: str, task: str, name: str | None, start: str, preset: str, pairs: list[str]
) -> Path:
    """Create a session of a task that begins with a file or folder of the user's.

    All of it may be edited unless `pairs` set a scope.
    """
    if not Path(source).exists():
        raise UsageError(
            f"{source} does not exist", advice="With TASK, --from takes a file or a folder of yours"
        )
    folder = loader.find_task(task)
    files = read_own_artifact(Path(source), folder, choose_start(folder, start, preset, pairs))
    scope = f"scope={','.join(files)}"
    return create_session(
        folder, task, name=name, start=OWN_START, preset=preset, pairs=[scope, *pairs], files=files
    )


def create_demo_session() -> tuple[Path, int]:
    """Create a session of the demo's task with its recorded replies; (path, steps that the
    recording lasts)."""
    folder = loader.find_task(DEMO_TASK)
    recording = folder.path / (folder.task.demo or "demo.jsonl")
    if not recording.is_file():
        raise UsageError(
            "the demo's recording is missing", f"{recording.name} is not in {folder.path}"
        )
    with recording.open(encoding="utf-8") as lines:
        bases = {json.loads(line)["base"] for line in lines}
    preset = "demo" if "demo" in folder.task.presets else ""
    path = create_session(
        folder,
        DEMO_TASK,
        name=places.choose_session_path("demo").name,
        preset=preset,
        # the recorded replies answer prompts that a gate of fixed size led to
        pairs=[f"model=replay:{recording}", "gate.rule=better", "gate.most=1"],
    )
    return path, len(bases)
