"""Commands as rows of the journal: what is written, and what an older or newer one may hold."""

import pytest

from genopt_tui.errors import UsageError
from genopt_tui.runner.commands.dispatch import CommandDispatcher
from genopt_tui.session import commands
from genopt_tui.session.commands import COMMANDS, Approve, Hint, Run, SetExamples, decode_command


def test_fields_that_have_their_default_are_not_written() -> None:
    assert Run().to_json() == {}
    assert Run(steps=3, mode="auto").to_json() == {"steps": 3, "mode": "auto"}
    assert Hint(text="go", always=True).to_json() == {"text": "go", "always": True}
    assert SetExamples().to_json() == {}


def test_a_command_is_what_was_written() -> None:
    command = Approve(step=2, candidate=0, hunks=(1, 3), reason="good", head="abc")
    assert decode_command("approve", command.to_json()) == command
    assert decode_command("approve", {"hunks": [1, 3]}) == Approve(hunks=(1, 3))


def test_unknown_keys_are_ignored_and_missing_ones_named() -> None:
    assert decode_command("pause", {"until_tomorrow": True}) == commands.Pause()
    with pytest.raises(UsageError, match=r"'rewind' is incomplete.*version"):
        decode_command("rewind", {})
    with pytest.raises(UsageError, match=r"unknown command 'dance'.*Update genopt"):
        decode_command("dance", {})


def test_a_command_is_immutable_and_takes_only_its_fields() -> None:
    with pytest.raises(AttributeError):
        Run().steps = 3  # type: ignore[misc]
    with pytest.raises(TypeError, match=r"no field pace"):
        Run(pace=3)  # type: ignore[call-arg]
    assert Run(steps=3).replace(mode="ask") == Run(steps=3, mode="ask")


def test_every_command_has_a_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    handled = []
    monkeypatch.setattr(
        CommandDispatcher, "_on", lambda self, command, handler: handled.append(command)
    )
    from types import SimpleNamespace

    machine = SimpleNamespace(starter=None, step=None, finisher=None)
    CommandDispatcher(SimpleNamespace(context=None, machine=machine))  # type: ignore[arg-type]
    assert sorted(c.kind for c in handled) == sorted(COMMANDS)
