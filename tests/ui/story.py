"""A session with a history to look at: versions, rejected and undecided proposals, a branch, scores
by example; always the same."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sample import Stage, chunks
from scene import NEW, OLD, REASON, picture, step

from genopt_tui.config import DesignChoices, to_toml
from genopt_tui.session.history import acts
from genopt_tui.session.history.record import DecisionRecord, Record, Scores
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Journal, Reply, schema
from genopt_tui.session.task_state import load_task_state
from genopt_tui.task.rollout import RolloutResult
from genopt_tui.ui.screens import away_summary

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIRST = OLD.replace('return ball["y"]', 'return ball["y"] + 4 * ball["dy"]')
LAST = NEW.replace(
    "def reflect(y):", "def reflect(y):\n    # The ball turns at the walls."
).replace('ball = obs["Ball"]', 'ball = obs.get("Ball", {"x": 0, "y": 0, "dx": 0})')
SCORES = {
    "start": (-21, -20, -21, -21, -20, -21),
    "1": (-6, 2, 5, 1, -3, 4),
    "2": (-8, 1, 6, 0, -4, 4),
    "3": (9, 12, 5, 8, 11, 7),
    "4": (9, 13, 4, 8, 11, 7),
    "5": (2, 6, 5, 3, 1, 4),
}


class Stopped(datetime):
    """It is always the same moment."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return AT


def stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything be said and committed at one moment, by one person."""
    monkeypatch.setattr(time, "time", AT.timestamp)
    monkeypatch.setattr(schema, "datetime", Stopped)
    monkeypatch.setattr(away_summary, "datetime", Stopped)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Ada")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "ada@example.org")


def files(policy: str) -> dict[str, str]:
    return {"policy.py": policy, "notes.md": "# Notes\n- the walls are at 34 and 194\n"}


def mean(name: str) -> float:
    return sum(SCORES[name]) / len(SCORES[name])


def record(name: str, step: int, decision: Any, base: str, tree: str, fingerprint: str) -> Record:
    """A record with scores by example under a state of the task, against those of `base` (empty:
    none)."""
    rows: list[dict[str, Any]] = [
        {"example": f"seed-{1000 + i}", "repeat": 0, "score": float(score), "status": "ok"}
        for i, score in enumerate(SCORES[name])
    ]
    difference = mean(name) - mean(base) if base else None
    verdict = "" if difference is None else "better" if difference > 2 else "undecided"
    scores = Scores(
        tree=tree,
        mean=mean(name),
        stderr=1.2,
        n=len(rows),
        rows=rows,
        difference=difference,
        verdict=verdict,
    )
    scores.base_mean = mean(base) if base else None
    at = AT.isoformat(timespec="seconds")
    decided = DecisionRecord(
        decision=decision, by="you", reason="too bold" if decision == "rejected" else ""
    )
    return Record(
        step=step,
        task="atari/pong",
        fingerprint=fingerprint,
        at=at,
        reply=REASON,
        decision=decided,
        scores=scores,
    )


def make_story(folder: Path) -> Path:
    """Start, two accepted versions, one rejected, one undecided, and a branch with a version of its
    own."""
    path = folder / "pong"
    choices = DesignChoices(
        task={"name": "atari/pong"},
        start="two-functions",
        scope=["policy.py:Policy.predict_ball", "policy.py:reflect"],
    )
    begun = record("start", 0, "start", "", "", "")
    with Repository.create(path, files(OLD), to_toml(choices), begun, "") as repository:
        start = repository.head()
        state = load_task_state(path, choices)[1]
        _accept(repository, "1", files(FIRST), "start", "lead the ball by four rows", state)
        _keep(
            repository,
            "2",
            files(FIRST + "\n"),
            "1",
            "rejected",
            "reflect twice at each wall",
            state,
        )
        _accept(repository, "3", files(NEW), "1", "reflect the path at the walls", state)
        _keep(
            repository,
            "4",
            files(NEW + "\n"),
            "3",
            "undecided",
            "aim at the edge of the paddle",
            state,
        )
        acts.branch(repository, "aim", "1")
        acts.switch(repository, "aim")
        _accept(
            repository, "5", files(FIRST + "# aim\n"), "1", "aim away from the other paddle", state
        )
        acts.switch(repository, "main")
        tree = repository.artifact_tree(start)
    (path / ".genopt").mkdir(exist_ok=True)
    with_events(path, tree, state, choices)
    return path


def with_events(path: Path, tree: str, state: str, choices: DesignChoices) -> None:
    """The start's score as the runner says it, and what the first steps said."""
    book = Journal(path)
    for i, score in enumerate(SCORES["start"]):
        result = RolloutResult(f"seed-{1000 + i}", 0, "gate", "ok", float(score), 4.0, steps=240)
        book.store_rollout(f"{state}/{i}", 0, tree, result, traced=False)
    scores = [
        {"example": f"seed-{1000 + i}", "repeat": 0, "score": float(s)}
        for i, s in enumerate(SCORES["start"])
    ]
    told = {
        "mean": mean("start"),
        "stderr": 0.2,
        "n": len(scores),
        "failed": 0,
        "complete": True,
        "scores": scores,
    }
    book.append_event(
        0,
        "scored",
        version="start",
        tree=tree,
        fingerprint=state,
        gate=choices.gate.model_dump(),
        **told,
    )
    for number, value in ((1, -20.5), (2, 1.0), (3, 2.5), (4, 9.0)):
        book.append_event(number, "evidence_built", parts=[], sections=[], tokens=6100, mean=value)
        book.append_event(
            number, "prompt_built", candidate=0, attempt=0, messages=[], tokens=6100, repair=False
        )
        usage = {"input": 6100, "output": 420}
        book.append_event(
            number,
            "reply_finished",
            candidate=0,
            attempt=0,
            usage=usage,
            cost=0.0123,
            seconds=8.2,
            complete=True,
        )
        version = f"{number:07x}"
        if number in {1, 3}:
            book.append_event(
                number,
                "committed",
                version=version,
                branch="main",
                decision="approved",
                subject="a better aim",
            )
        else:
            book.append_event(
                number,
                "rejected",
                version=version,
                ref=f"rejected/{number}.0",
                decision="rejected",
                reason="too bold",
            )
        book.append_event(number, "step_ended", outcome="approved", counts=True)
    book.close()


def _accept(
    repository: Repository, name: str, new: dict[str, str], base: str, subject: str, state: str
) -> None:
    tree = repository.write_artifact(new)
    what = record(name, int(name), "approved", base, tree, state)
    repository.commit(
        base=repository.head(), tree=tree, record=what, subject=subject, body=REASON, model="search"
    )


def _keep(
    repository: Repository,
    name: str,
    new: dict[str, str],
    base: str,
    decision: str,
    subject: str,
    state: str,
) -> None:
    tree = repository.write_artifact(new)
    what = record(name, int(name), decision, base, tree, state)
    repository.commit_rejected(
        base=repository.head(),
        tree=tree,
        record=what,
        subject=subject,
        body=REASON,
        model="search",
        step=int(name),
        candidate=0,
    )


class Scene(Stage):
    """Plays the runner of the story: step 6 is under way."""

    def __init__(self, session: Path) -> None:
        super().__init__(session, step=6)
        with Repository.open(session) as repository:
            self.tree = repository.write_artifact(files(LAST))
            self.state = load_task_state(session, repository.read_choices(self.base))[1]
            repository.objects.flush()

    def roll_out(self, examples: tuple[str, ...] = ("seed-1", "seed-3"), of: int = 2) -> None:
        """Sample a batch of `of` rollouts and run the first ones."""
        names = ("seed-1", "seed-3")[:of]
        self.event(
            "batch_sampled",
            base=self.base,
            tree=self.base_tree,
            branch="main",
            examples=[[name, 0] for name in names],
            epoch=0,
        )
        self.parts = [
            self._rollout(name, score) for name, score in zip(examples, (-9.0, 4.0), strict=False)
        ]

    def _rollout(self, example: str, score: float) -> dict[str, Any]:
        steps = 240
        trace = chunks([step(i) for i in range(steps)])
        pictures = tuple(picture(i) for i in range(0, steps, 4))
        result = RolloutResult(
            example,
            0,
            "train",
            "ok",
            score,
            1.5,
            feedback="keep closer",
            steps=steps,
            trace=trace,
            pictures=pictures,
        )
        row = self.journal.store_rollout(
            f"{self.state}/{example}", self.step, self.base_tree, result, traced=True
        )
        part = {
            "example": example,
            "repeat": 0,
            "score": score,
            "status": "ok",
            "rollout": row,
            "steps": steps,
        }
        return {**part, "shown": [[0, 119]], "cut": 0, "tokens": 1900}

    def show_evidence(self) -> None:
        sections = [
            {"name": "objective", "tokens": 120, "cut": 0},
            {"name": "artifact", "tokens": 900, "cut": 0},
            {"name": "evidence", "tokens": 3800, "cut": 2},
        ]
        self.event(
            "evidence_built",
            parts=self.parts,
            sections=sections,
            tokens=4820,
            budget=32000,
            estimated=False,
            horizon={"kind": "first", "steps": 120},
            covers={"trace": "the first 120 of 240 steps", "score": "the whole game"},
            mean=-2.5,
        )

    def edit(self) -> None:
        usage = {"input": 4820, "output": 240}
        self.journal.store_reply(
            Reply(self.step, 0, 0, REASON, finish_reason="stop", usage=usage, cost=0.0123)
        )
        self.event(
            "edit_parsed",
            candidate=0,
            attempt=0,
            tree=self.tree,
            files=["policy.py"],
            hunks=2,
            added=2,
            removed=1,
            reasoning=REASON,
            because=[["seed-1", 117]],
            expects=[["seed-1", "up"]],
        )

    def score_some(self, count: int = 3) -> None:
        """Gate rollouts of the proposal, one after another."""
        for i in range(count):
            result = RolloutResult(f"seed-{1000 + i}", 0, "gate", "ok", 10.0 + i, 4.0, steps=240)
            self.journal.store_rollout(
                f"{self.state}/g{i}", self.step, self.tree, result, traced=False, candidate=0
            )
