"""The agent model: who may be one, and what it takes over from the session."""

from pathlib import Path

import pytest

from genopt_tui.config import DesignChoices, SessionSettings, assign
from genopt_tui.errors import UsageError
from genopt_tui.propose.factory import create_agent_model_client
from genopt_tui.runner.agent import AgentModel


@pytest.mark.parametrize("name", ["manual", "search"])
def test_a_proposer_that_cannot_answer_artifacts_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"llm\(\.\.\.\)"):
        assign(DesignChoices(), SessionSettings(), [f"agent_model={name}"])
    with pytest.raises(UsageError, match=r"llm\(\.\.\.\)"):
        AgentModel(SessionSettings(agent_model=name), tmp_path)


def test_the_agent_model_has_nothing_of_the_proposers_sampling(tmp_path: Path) -> None:
    settings = SessionSettings(
        agent_model="openai/two", temperature=0.3, params={"max_tokens": 7}, api_base="http://x"
    )
    for client in (
        create_agent_model_client(settings, tmp_path),
        AgentModel(settings, tmp_path)._client,
    ):
        assert client is not None
        own = client.proposer._settings
        assert (own.temperature, own.params, own.api_base) == (None, {}, "http://x")
