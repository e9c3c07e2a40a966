"""A program written elsewhere is scored and begun with by naming its file."""

import json
from pathlib import Path
from typing import Any

from genopt_tui.__main__ import run_command
from genopt_tui.session import places
from genopt_tui.session.history.repository import Repository

POLICY = Path(__file__).parent / "policies" / "breakout.py"


def test_a_file_is_scored_as_it_is(capsys: Any) -> None:
    assert (
        run_command(
            ["eval", "atari/breakout", "--artifact", str(POLICY), "--preset", "paper", "--json"]
        )
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert (document["mean"], document["n"]) == (4, 1)
    assert document["rule"].startswith("points") and "sticky=0.0" in document["rule"]


def test_a_session_begins_with_a_file(capsys: Any) -> None:
    assert (
        run_command(
            ["new", "atari/breakout", "--from", str(POLICY), "--name", "mine", "--model", "search"]
        )
        == 0
    )
    with Repository.open(places.sessions_root() / "mine") as repository:
        assert repository.read_artifact("HEAD") == {"policy.py": POLICY.read_text()}
        assert repository.read_choices("HEAD").scope == ["policy.py"]
    capsys.readouterr()
    assert (
        run_command(
            [
                "eval",
                "mine",
                "--artifact",
                str(POLICY.parent / "pong.py"),
                "--examples",
                "1",
                "--json",
            ]
        )
        == 0
    )


def test_a_file_that_fits_nowhere_is_told(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "solver.py").write_text("")
    assert (
        run_command(
            ["new", "bbeh/nycc", "--from", str(tmp_path / "solver.py"), "--model", "search"]
        )
        == 2
    )
    assert "several files" in capsys.readouterr().err
    assert (
        run_command(
            ["new", "bbeh/nycc", "--from", str(tmp_path / "absent.py"), "--model", "search"]
        )
        == 2
    )
    assert "does not exist" in capsys.readouterr().err
