"""What `genopt new` and `genopt set` refuse before anything is made or spent."""

from pathlib import Path

import pytest

from genopt_tui.__main__ import run_command
from genopt_tui.session import places

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without keys, addresses and programs."""
    import os

    for name in list(os.environ):
        if name.endswith(("_KEY", "_BASE", "_URL")):
            monkeypatch.delenv(name)


REFUSED = [
    ("openai/gpt-5-mini", "OPENAI_API_KEY is not set"),
    ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY is not set"),
    ("gemini/gemini-2.5-flash", "GEMINI_API_KEY or GOOGLE_API_KEY is not set"),
    ("gpt-4o-mini", "OPENAI_API_KEY is not set"),
    ("opnai/gpt-5-mini", "Did you mean openai/"),
    ("command:no-such-program -p", "no program 'no-such-program' on the PATH"),
    ("command:", "names no program"),
    ("replay:/no/such/file.jsonl", "no such file"),
]


@pytest.mark.parametrize(("model", "why"), REFUSED)
def test_a_model_that_cannot_be_asked_is_refused_and_nothing_made(
    model: str, why: str, capsys: Capture
) -> None:
    assert run_command(["new", "edit_distance", "--model", model]) == 2
    said = capsys.readouterr().err
    assert why in said and said.count("\n") == 1
    assert not list(places.find_sessions())


def test_set_refuses_it_too_and_the_model_stays(capsys: Capture) -> None:
    assert run_command(["new", "edit_distance", "--name", "one", "--model", "search"]) == 0
    assert run_command(["set", "model=openai/gpt-5-mini", "one"]) == 2
    assert "OPENAI_API_KEY is not set" in capsys.readouterr().err
    from genopt_tui.config import SessionSettings

    assert SessionSettings.load(places.resolve_session("one")).model == "search"


def test_the_agent_model_is_checked(capsys: Capture) -> None:
    wanted = ["new", "edit_distance", "--model", "search", "--set", "agent_model=openai/x"]
    assert run_command(wanted) == 2


@pytest.mark.parametrize("setting", ["api_base=http://127.0.0.1:9/v1", "params.api_key=x"])
def test_a_server_of_ones_own_needs_no_key(setting: str) -> None:
    assert run_command(["new", "edit_distance", "--model", "openai/x", "--set", setting]) == 0


def test_a_key_in_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "for a test")
    assert run_command(["new", "edit_distance", "--model", "openai/x"]) == 0
