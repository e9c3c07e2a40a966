"""A session that was not made here runs nothing before a person agrees."""

import shutil
import sys
from pathlib import Path

import pytest
from conftest import Bench, Make

from genopt_tui.__main__ import run_command


def test_a_copied_session_runs_only_once_it_was_agreed_to(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = make()
    path = tmp_path / "elsewhere" / here.path.name
    shutil.copytree(here.path, path)
    there = Bench(path, here.model)
    run = ["run", str(path), "--steps", "1", "--mode", "auto"]
    try:
        capsys.readouterr()
        assert run_command([*run, "--jsonl"]) == 2
        told = capsys.readouterr()
        assert (
            told.out == "" and told.err.count("\n") == 1 and "not made on this machine" in told.err
        )
        assert not there.kinds() and not there.journal.read_commands() and not here.calls()
        advice = told.err.partition("genopt trust ")[2].strip()
        assert run_command(["trust", advice]) == 0
        assert run_command(run) == 2 and "no model is set" in capsys.readouterr().err, (
            "a program is run for nobody else's word"
        )
        assert (
            run_command(
                ["set", f"model=command:{sys.executable} {here.model}", "sandbox=none", str(path)]
            )
            == 0
        )
        assert run_command(run) == 0
        assert [d for s, d, _ in there.outcomes() if s] == ["gate"] and len(here.calls()) == 1
        assert [d for s, d, _ in here.outcomes()] == ["start"], (
            "the one it was copied from is as it was"
        )
    finally:
        there.kill()
        there.journal.close()
