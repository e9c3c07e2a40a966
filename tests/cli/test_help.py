"""Help: every command has a section, a short line and an example; and what shells complete."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from genopt_tui.__main__ import run_command
from genopt_tui.cli.app import SECTIONS, command


def test_every_command_is_in_one_section() -> None:
    listed = [name for section in SECTIONS.values() for name in section]
    assert sorted(listed) == sorted(command.commands)


@pytest.mark.parametrize("name", command.commands)
def test_help_is_one_whole_line_and_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not command.commands[name].get_short_help_str(66).endswith("...")
    assert run_command([name, "--help"]) == 0
    assert f"Example: genopt {name}" in capsys.readouterr().out


def options(group: click.Group) -> Iterator[tuple[str, click.Option]]:
    for name, subcommand in group.commands.items():
        yield from ((name, p) for p in subcommand.params if isinstance(p, click.Option))


def test_options_say_what_they_do() -> None:
    assert not [f"{name} {o.opts[0]}" for name, o in options(command) if not o.help]


def complete(line: str) -> list[str]:
    """What bash would offer at the end of `line`."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "genopt_tui"],
        env=os.environ | asked | {"_GENOPT_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
    )
    return [item.partition(",")[2] for item in done.stdout.splitlines()]


def test_sessions_versions_branches_tasks_and_keys_are_completed() -> None:
    assert run_command(["new", "edit_distance", "--name", "one", "--model", "search"]) == 0
    assert run_command(["tag", "one", "good"]) == 0
    assert run_command(["stop", "one"]) == 0
    assert complete("genopt stat") == ["status"]
    assert complete("genopt status o") == ["one"]
    assert {"start", "best", "head", "main", "good"} <= set(complete("genopt show one "))
    assert complete("genopt switch one m") == ["main"]
    assert "atari/pong" in complete("genopt new atari/")
    assert complete("genopt set gate.exam") == ["gate.examples="]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_names_the_program(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["completion", shell]) == 0
    assert "_GENOPT_COMPLETE" in capsys.readouterr().out
