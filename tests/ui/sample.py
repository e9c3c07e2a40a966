"""A small real session for the interface's tests: a repository with versions and a journal with a
step in flight."""

import os
from pathlib import Path
from typing import Any

from genopt_tui.config import DesignChoices, to_toml
from genopt_tui.session.history.record import DecisionRecord, Record, Scores
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Journal, Reply
from genopt_tui.task.rollout import Call, RolloutResult, TraceStep

START = {"policy.py": "class Policy:\n    def __call__(self, obs):\n        return 0\n"}
BETTER = {
    "policy.py": "class Policy:\n    def __call__(self, obs):\n        return obs['ball'].y\n"
}
NEXT = {
    "policy.py": "class Policy:\n    def __call__(self, obs):\n        return reflect(obs['ball'])\n"
}
AT = "2026-01-02T03:04:05.000+00:00"


def make_session(folder: Path, name: str = "pong") -> Path:
    """Start, one accepted version and one that was rejected."""
    path = folder / name
    choices = DesignChoices(task={"name": "atari/pong"}, start="two-functions", scope=["policy.py"])
    toml = to_toml(choices)
    start = Record(task="atari/pong", decision=DecisionRecord(decision="start"), at=AT)
    with Repository.create(path, START, toml, start, "") as repository:
        commit_version(repository, BETTER, 1, 9.0, -20.0)
        keep_rejected(repository, 2)
    (path / ".genopt").mkdir(exist_ok=True)
    return path


def commit_version(
    repository: Repository, files: dict[str, str], step: int, score: float, base: float
) -> str:
    """Accept `files` as step `step`."""
    record = record_of(step, "approved", score, base, "better")
    return repository.commit(
        base=repository.head(),
        tree=repository.write_artifact(files),
        record=record,
        subject="follow the ball",
        body="Because it lags.",
        model="search",
    )


def keep_rejected(repository: Repository, step: int) -> None:
    """Keep a proposal of step `step` that was turned down."""
    repository.commit_rejected(
        base=repository.head(),
        tree=repository.write_artifact(NEXT),
        record=record_of(step, "rejected", 8.0, 9.0, "undecided"),
        subject="[/] reflect [link=http://x]",
        body="",
        model="search",
        step=step,
        candidate=0,
    )


def record_of(step: int, decision: Any, score: float, base: float, verdict: str) -> Record:
    scores = Scores(
        mean=score, stderr=0.8, n=10, base_mean=base, difference=score - base, verdict=verdict
    )
    return Record(
        step=step,
        task="atari/pong",
        at=AT,
        reply="I follow the ball.",
        decision=DecisionRecord(decision=decision),
        scores=scores,
    )


class Stage:
    """Plays the runner: holds the session's lock (so the session is live), writes events."""

    def __init__(self, session: Path, step: int = 3) -> None:
        from genopt_tui.session.lock import SessionLock

        self.session, self.step = session, step
        self.lock = SessionLock(session)
        self.journal = Journal(session)
        with Repository.open(session) as repository:
            self.base, self.base_tree = (
                repository.head(),
                repository.artifact_tree(repository.head()),
            )
            self.tree = repository.write_artifact(NEXT)
            repository.objects.flush()

    def close(self) -> None:
        self.journal.close()
        self.lock.release()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def event(self, kind: str, **data: Any) -> None:
        self.journal.append_event(self.step, kind, **data)

    def start(self, mode: str = "ask") -> None:
        self.journal.append_event(
            0,
            "run_started",
            mode=mode,
            steps=20,
            model="search",
            pid=os.getpid(),
            sandbox="bwrap",
            workers=2,
        )
        spent = {"steps": 2, "cost": 0.42, "tokens": 31000, "calls": 4, "minutes": 12}
        self.journal.append_event(
            0, "budget", spent=spent, limits={"steps": 20, "cost": 5.0}, unknown_cost=False
        )

    def roll_out(self) -> None:
        self.event(
            "batch_sampled",
            base=self.base,
            tree=self.base_tree,
            branch="main",
            examples=[["seed-1", 0]],
            epoch=0,
        )
        steps = [
            TraceStep(i, {"ball": {"x": i, "y": 77}}, 2, 0.0, calls=(Call("predict", {"x": i}, i),))
            for i in range(100)
        ]
        result = RolloutResult(
            "seed-1",
            0,
            "train",
            "ok",
            -9.0,
            0.5,
            feedback="keep closer",
            steps=100,
            trace=chunks(steps),
        )
        row = self.journal.store_rollout("key", self.step, self.base_tree, result, traced=True)
        part = {
            "example": "seed-1",
            "repeat": 0,
            "score": -9.0,
            "status": "ok",
            "rollout": row,
            "steps": 100,
        }
        self.event(
            "evidence_built",
            parts=[{**part, "shown": [[0, 39]], "cut": 0, "tokens": 1900}],
            sections=[{"name": "evidence", "tokens": 1900, "cut": 0}],
            tokens=6100,
            budget=32000,
            estimated=False,
            horizon={"kind": "first", "steps": 40},
            covers={"trace": "first 40 of 100 steps", "score": "100 steps"},
            mean=-9.0,
        )

    def ask(self) -> None:
        messages = [{"role": "user", "content": "improve it"}]
        self.event(
            "prompt_built", candidate=0, attempt=0, messages=messages, tokens=6100, repair=False
        )

    def say(self, text: str) -> None:
        self.journal.add_chunk(self.step, 0, 0, text)

    def reply(self, text: str = "The paddle lags [/] because [bold] it is late.") -> None:
        usage = {"input": 6100, "output": 80}
        self.journal.store_reply(
            Reply(self.step, 0, 0, text, finish_reason="stop", usage=usage, cost=0.01)
        )
        self.event(
            "edit_parsed",
            candidate=0,
            attempt=0,
            tree=self.tree,
            files=["policy.py"],
            hunks=1,
            added=1,
            removed=1,
            reasoning=text,
            because=[["seed-1", 3]],
            expects=[["seed-1", "up"]],
        )

    def gate(self) -> None:
        self.event(
            "gate_finished",
            candidate=0,
            tree=self.tree,
            base_tree=self.base_tree,
            mean=15.6,
            stderr=0.7,
            n=10,
            base_mean=14.2,
            base_stderr=0.8,
            difference=1.4,
            interval=[0.3, 2.5],
            p=0.01,
            verdict="better",
            test="paired sign-flip permutation",
            confidence=0.95,
            better=7,
            worse=1,
            same=2,
            failed=0,
            scores=[],
            complete=True,
        )

    def want(self, pending: str = "decide") -> None:
        self.event("decision_wanted", pending=pending, candidates=[0], since=AT)

    def to_decision(self) -> None:
        """A whole step up to the person's decision."""
        self.start()
        self.roll_out()
        self.ask()
        self.reply()
        self.gate()
        self.want()


def chunks(steps: list[TraceStep]) -> Any:
    from genopt_tui.task.trace import CHUNK_STEPS, encode

    return tuple(encode(steps[i : i + CHUNK_STEPS]) for i in range(0, len(steps), CHUNK_STEPS))
