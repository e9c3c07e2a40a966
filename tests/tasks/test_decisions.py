"""A task of each family comes to a decision in one step; all of them do in
tests/bench/all_tasks.py."""

from pathlib import Path

import pytest
from decisions import DECIDED, bbeh, decide, kaggle

# task and start: settings; besides one of each family, those that need no data of a person's
FAMILIES = {
    "atari/freeway": ["task.steps=60"],
    "bbeh/nycc": [],
    "bbeh/dyck_languages program": [],
    "mlagentbench/spaceship-titanic": [],
    "mlagentbench/diabetes many-functions": [],
    "gym/CartPole-v1": [],
    "shop_agent": [],
}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bbeh(tmp_path / "bbeh", "nycc", "dyck_languages")
    kaggle(tmp_path / "kaggle")
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(tmp_path / "bbeh"))
    monkeypatch.setenv("GENOPT_MLAGENTBENCH_DIR", str(tmp_path / "kaggle"))


@pytest.mark.parametrize("task", FAMILIES)
@pytest.mark.slow
def test_a_step_comes_to_a_decision(task: str) -> None:
    name, _, start = task.partition(" ")
    assert decide(name, "s", *FAMILIES[task], start=start) in DECIDED
