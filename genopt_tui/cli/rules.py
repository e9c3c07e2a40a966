"""By which rule and under which settings scores were made, and what a preset changes: said wherever scores are shown."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.cli.common import repository_of

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices
    from genopt_tui.session.history import Version
    from genopt_tui.session.repository import Repository
    from genopt_tui.task.loader import TaskFolder
    from genopt_tui.task.model import Task


def rule_of(path: Path) -> str:
    """The rule line of a session, as its head is scored; empty where its task is neither here nor in the session."""
    from genopt_tui.errors import TaskError
    from genopt_tui.session.travel import task_of

    with repository_of(path) as repository:
        choices = repository.choices(repository.head())
    try:
        task = task_of(path, str(choices.task["name"])).task
        return task.scored_by(task.resolve(choices.task))
    except TaskError:
        return ""


def rules_by_task(repository: "Repository", versions: "Iterable[Version]") -> dict[str, str]:
    """The rule and settings under which versions were scored, by the digest of their task: as one record of each tells it."""
    from genopt_tui.errors import SessionError

    found: dict[str, str] = {}
    for version in versions:
        if version.task and version.score is not None and version.task not in found:
            with contextlib.suppress(SessionError):  # plain git made it: it has no record
                found[version.task] = repository.record(version.commit).scores.rule
    return found


def preset_changes(folder: "TaskFolder", called: str, start: str, preset: str) -> list[dict[str, Any]]:
    """What a preset sets differently from the task's default: [{"key", "default", "preset"}], in the preset's order."""
    from genopt_tui.cli.making import start_of, starting

    sides = [
        flat(*starting(folder, called, start_of(folder, start, name, []), name, []), folder.task)
        for name in ("", preset)
    ]
    return [
        {"key": key, "default": sides[0].get(key), "preset": value}
        for key, value in sides[1].items()
        if sides[0].get(key) != value
    ]


def flat(choices: "DesignChoices", settings: Any, task: "Task") -> dict[str, Any]:
    """Choices, settings and the task's own settings by dotted key."""
    out: dict[str, Any] = {}

    def put(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                put(f"{prefix}.{key}" if prefix else key, inner)
        else:
            out[prefix] = value

    put("", {**choices.model_dump(), "task": task.resolve(choices.task)})
    put("", settings.model_dump())
    return out
