"""The state of its task under which a session is scored: only scores of one state compare."""

from dataclasses import replace
from pathlib import Path

from genopt_tui.config import DesignChoices, SessionSettings
from genopt_tui.session.travel import task_of
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Limits


def under(task: TaskFolder, choices: DesignChoices) -> TaskFolder:
    """The task as the choices have it: its documentation at these settings; under `crash = zero` a rollout that fails counts 0."""
    meant = task.task.documented(choices.task)
    if choices.crash == "zero":
        meant = meant.model_copy(update={"failure_score": 0.0})
    return task if meant is task.task else replace(task, task=meant)


def limits_of(task: TaskFolder, settings: SessionSettings) -> Limits:
    """The task's limits with the session's overrides."""
    over = {name: value for name, value in settings.limits.model_dump().items() if value is not None}
    return replace(task.task.limits.limits(), **over)


def state_of(session: Path, choices: DesignChoices) -> tuple[TaskFolder, str]:
    """The session's task as these choices score it, and the fingerprint of its state now. Raises TaskError."""
    task = under(task_of(session, str(choices.task["name"])), choices)
    settings = SessionSettings.load(session)
    return task, task.fingerprint(task.task.resolve(choices.task), limits_of(task, settings))
