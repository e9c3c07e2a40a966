"""Design choices and settings with KEY=VALUE pairs applied."""

from collections.abc import Sequence

from genopt_tui.config import DesignChoices, SessionSettings, assign
from genopt_tui.loop.desk import Desk


def changed(old: DesignChoices, pairs: Sequence[str], desk: Desk) -> DesignChoices:
    """The choices with KEY=VALUE pairs applied. Raises UsageError."""
    if not pairs:
        return old
    new = old.model_copy(deep=True)
    assign(new, desk.settings.model_copy(deep=True), pairs, desk.task(old).task.settings)
    return new


def with_settings(settings: SessionSettings, pairs: Sequence[str], desk: Desk) -> SessionSettings:
    """The settings with KEY=VALUE pairs applied. Raises UsageError."""
    new, choices = settings.model_copy(deep=True), desk.choices(desk.repository.head()).model_copy(deep=True)
    assign(choices, new, pairs, desk.task(choices).task.settings)
    return new
