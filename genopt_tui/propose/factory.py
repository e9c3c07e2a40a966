"""The proposer that a setting names."""

import shlex
from pathlib import Path

from genopt_tui.config import SessionSettings, check_agent_model
from genopt_tui.errors import UsageError
from genopt_tui.propose.agent_model_client import AgentModelClient
from genopt_tui.propose.base import Proposer


def create_proposer(settings: SessionSettings, session: Path, *, pace: float = 0.0) -> Proposer:
    """Who proposes in the session at `session`, recording to `settings.record` where that is set.

    `pace`: characters a second at which a recording is told; 0 tells it at once. Raises UsageError.
    """
    proposer = create_unrecorded_proposer(settings.model, settings, session, pace=pace)
    if settings.record:
        from genopt_tui.propose.replay import RecordingProposer

        return RecordingProposer(proposer, session / settings.record)
    return proposer


def create_agent_model_client(settings: SessionSettings, session: Path) -> AgentModelClient | None:
    """Who answers `llm(...)` of artifacts, None when nobody was named. Raises UsageError.

    Temperature and parameters of the session are the proposer's: an artifact sets its own.
    """
    if not settings.agent_model:
        return None
    check_agent_model(settings.agent_model)
    own = settings.model_copy(update={"temperature": None, "params": {}})
    return AgentModelClient(create_unrecorded_proposer(settings.agent_model, own, session))


def create_unrecorded_proposer(
    model: str, settings: SessionSettings, session: Path, *, pace: float = 0.0
) -> Proposer:
    """The proposer called `model`. Raises UsageError."""
    kind, colon, rest = model.partition(":")
    if not model:
        raise UsageError(
            "no model is set", advice="--model NAME, command:PROGRAM, manual, search or replay:FILE"
        )
    if model == "search":
        from genopt_tui.propose.search import SearchProposer

        return SearchProposer()
    if model == "manual":
        from genopt_tui.propose.manual import ManualProposer

        return ManualProposer(session / ".genopt")
    if colon and kind == "command":
        from genopt_tui.propose.command import CommandProposer

        return CommandProposer(_split_command(rest), settings.retry)
    if colon and kind == "replay":
        from genopt_tui.propose.replay import ReplayProposer

        return ReplayProposer(session / rest, pace)
    from genopt_tui.propose.model import ModelProposer

    return ModelProposer(model, settings)


def _split_command(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"command:{line}", str(error), "Quote it as for a shell") from error
    if not words:
        raise UsageError("command: names no program", advice="For example command:my-agent --print")
    return words
