"""How a task's presets differ from its defaults."""

from collections.abc import Mapping
from typing import Any

from genopt_tui.config import DesignChoices, SessionSettings, assign
from genopt_tui.task.model import Task


def list_changes(task: Task, preset: str) -> list[dict[str, Any]]:
    """The settings that a preset changes: [{"key", "default", "preset"}], in the order of the
    models. Raises UsageError for a wrong value."""
    default, chosen = (_build_initial_values(task, set_) for set_ in ({}, task.presets[preset].set))
    return [
        {"key": key, "default": default.get(key), "preset": value}
        for key, value in chosen.items()
        if default.get(key) != value
    ]


def _build_initial_values(task: Task, more: Mapping[str, Any]) -> dict[str, Any]:
    """All initial choices and settings of a session, by dotted key."""
    choices, settings = DesignChoices(start=next(iter(task.starts), "")), SessionSettings()
    given = {**task.choices, **more}
    assign(
        choices,
        settings,
        [f"{key}={format_value(value)}" for key, value in given.items()],
        task.settings,
    )
    return flatten({**choices.model_dump(), "task": task.resolve_settings(choices.task)}) | flatten(
        settings.model_dump()
    )


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted key."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= (
            flatten(value, f"{prefix}{key}.")
            if isinstance(value, Mapping)
            else {f"{prefix}{key}": value}
        )
    return found


def format_value(value: Any) -> str:
    """A value as it is written in `KEY=VALUE`."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def describe_change(change: Mapping[str, Any]) -> str:
    """The value that a preset sets, and the default."""
    default = "not set" if change["default"] is None else format_value(change["default"])
    return f"{format_value(change['preset'])} (default {default})"
