"""By which rule and under which settings scores were made: said wherever scores are shown."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.cli.common import repository_of

if TYPE_CHECKING:
    from genopt_tui.session.history import Version
    from genopt_tui.session.repository import Repository


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
