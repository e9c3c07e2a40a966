"""Small real sessions for the tests of what lasts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genopt_tui.session.history.record import DecisionRecord, Record, Scores
from genopt_tui.session.history.repository import Repository

START = {"policy.py": "a = 1\n\n\n\nb = 2\n\n\n\nc = 3\n"}
TOML = "start = 'small'\n\n[task]\nname = 'toy'\n"


def record(step: int, decision: str = "gate", score: float | None = None, **more: object) -> Record:
    """A record with a score on two gate examples, or without any."""
    rows = [
        {"example": "seed-1", "repeat": 0, "score": score},
        {"example": "seed-2", "repeat": 0, "score": score},
    ]
    scores = (
        Scores()
        if score is None
        else Scores(mean=score, stderr=0.5, n=2, rows=rows, base_mean=0.0, verdict="better")
    )
    return Record.model_validate(
        {
            "step": step,
            "fingerprint": "f1",
            "decision": DecisionRecord(decision=decision),
            "scores": scores,
            **more,
        }
    )


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Repository]:
    with Repository.create(tmp_path / "toy", START, TOML, record(0, "start", 1.0)) as repository:
        yield repository


Accept = Callable[..., str]


@pytest.fixture
def accept(session: Repository) -> Accept:
    """Accept an edit: `accept(step, text, score)` commits `policy.py` with this text."""

    def commit(step: int, text: str, score: float | None = None, **more: object) -> str:
        files = {**session.read_artifact(session.head()), "policy.py": text}
        tree = session.write_artifact(files)
        kept = record(step, "gate", score, usage={"cost": 0.0123}, **more)
        return session.commit(
            base=session.head(),
            tree=tree,
            record=kept,
            subject=f"try {step}",
            body="because",
            model="m",
        )

    return commit


def plain_git(repository: Repository, *args: str) -> str:
    """What git itself says, called as a person would, with an identity and without our settings."""
    import os
    import subprocess

    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=Person", "-c", "user.email=person@example.org"]
    done = subprocess.run(
        ["git", *who, *args],
        cwd=repository.path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
