"""The state of its task under which a session is scored: only scores of one state compare."""

from dataclasses import replace
from pathlib import Path

from genopt_tui.config import DesignChoices, SessionSettings
from genopt_tui.session.travel import load_session_task
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Limits


def apply_choices(task: TaskFolder, choices: DesignChoices) -> TaskFolder:
    """The task as the choices have it: its documentation at these settings; under `crash = zero` a
    rollout that fails counts 0."""
    meant = task.task.with_settings(choices.task)
    if choices.crash == "zero":
        meant = meant.model_copy(update={"failure_score": 0.0})
    return task if meant is task.task else replace(task, task=meant)


def merge_limits(task: TaskFolder, settings: SessionSettings) -> Limits:
    """The task's limits with the session's overrides."""
    over = {
        name: value for name, value in settings.limits.model_dump().items() if value is not None
    }
    return replace(task.task.limits.to_limits(), **over)


def load_task_state(session: Path, choices: DesignChoices) -> tuple[TaskFolder, str]:
    """The session's task as these choices score it, and the fingerprint of its state now. Raises
    TaskError."""
    task = apply_choices(load_session_task(session, str(choices.task["name"])), choices)
    settings = SessionSettings.load(session)
    return task, task.compute_fingerprint(
        task.task.resolve_settings(choices.task), merge_limits(task, settings)
    )
