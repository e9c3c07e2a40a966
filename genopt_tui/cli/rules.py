"""By which rule and under which settings scores were made, and what a preset changes: said wherever scores are shown."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.cli.common import repository_of

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices
    from genopt_tui.task.loader import TaskFolder
    from genopt_tui.task.model import Task


def rule_of(path: Path) -> str:
    """The rule line of a session; empty where its task is not here."""
    from genopt_tui.errors import TaskError
    from genopt_tui.task import loader

    with repository_of(path) as repository:
        choices = repository.choices(repository.head())
    try:
        task = loader.find(str(choices.task["name"])).task
        return task.scored_by(task.resolve(choices.task))
    except TaskError:
        return ""


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
