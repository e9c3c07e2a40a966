"""Scoring a version outside of a run: `genopt eval` and `genopt compare`."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from genopt_tui.config import DesignChoices, Gate, SessionSettings
from genopt_tui.errors import SessionError
from genopt_tui.loop.agent import AgentCalls
from genopt_tui.loop.book import Book
from genopt_tui.loop.cache import JournalCache, ReadingCache
from genopt_tui.loop.gating import summarized
from genopt_tui.loop.scoring import Cache, Scorer, Version, Wish, score_of
from genopt_tui.loop.timing import alternately
from genopt_tui.session.client import SessionLock
from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import Split

NULL_FROM = 1_000_000  # repeats of the null control: no run ever uses them, so none is cached
NULL_TRIALS = 200


@dataclass(frozen=True)
class Job:
    """What is to be evaluated, and under which choices and settings. `session` is None for a bare task."""

    task: TaskFolder
    choices: DesignChoices
    settings: SessionSettings
    session: Path | None = None
    split: Split = "gate"
    fresh: bool = False

    @property
    def gate(self) -> Gate:
        return self.choices.gate


async def evaluate(job: Job, version: Version, *, null: bool = False) -> dict[str, Any]:
    """The document of `genopt eval --json`. Raises EvaluationError when nothing could be run."""
    with cache_of(job.session) as cache:
        scorer, agent = scorer_of(job, cache)
        try:
            rows = await scorer.roll(Wish(version, job.split, await scorer.pairs(job.split, job.gate), fresh=job.fresh))
            document = document_of(rows, scorer, job)
            if null:
                document["null"] = await null_control(scorer, version, job)
            return document
        finally:
            await scorer.close()
            if agent:
                await agent.close()


async def fill(job: Job, versions: Sequence[Version]) -> list[list[RolloutRow]]:
    """The gate's rollouts of several versions, those missing run now."""
    with cache_of(job.session) as cache:
        scorer, agent = scorer_of(job, cache)
        try:
            pairs = await scorer.pairs(job.split, job.gate)
            wishes = [Wish(version, job.split, pairs, quiet=True) for version in versions]
            return await alternately(scorer, wishes) if scorer.timed else [await scorer.roll(wish) for wish in wishes]
        finally:
            await scorer.close()
            if agent:
                await agent.close()


def scorer_of(job: Job, cache: Cache) -> tuple[Scorer, AgentCalls | None]:
    agent = AgentCalls(job.settings, job.session or job.task.path, cache.book) if job.settings.agent_model else None
    return Scorer(job.task, job.choices, job.settings, cache, agent.answer if agent else None), agent


def cache_of(session: Path | None) -> AbstractContextManager[Cache]:
    """The session's journal: to be written where nobody runs the session, else only read."""
    return _cache(session)


@contextmanager
def _cache(session: Path | None) -> Iterator[Cache]:
    if session is None:
        yield ReadingCache()
        return
    lock: SessionLock | None = None
    with suppress(SessionError):  # a runner has the session: what is scored here is not kept
        lock = SessionLock(session)
    book = Book(Journal(session))
    try:
        yield JournalCache(book, book.journal.last_rollout()) if lock else ReadingCache(book.journal)
    finally:
        book.close()
        if lock:
            lock.release()


def document_of(rows: list[RolloutRow], scorer: Scorer, job: Job) -> dict[str, Any]:
    task = job.task.task
    return {
        **summarized(rows, task),
        "direction": task.direction,
        "rule": task.scored_by(scorer.task_settings),
        "task": task.name,
        "split": job.split,
        "settings": scorer.task_settings,
        "fingerprint": scorer.fingerprint,
        "sandbox": scorer.sandbox or next((r.result.sandbox for r in rows if r.result.sandbox), ""),
        "scores": [
            {
                "example": r.result.example,
                "repeat": r.result.repeat,
                "score": score_of(r.result, task.failure_score),
                "status": r.result.status,
                "seconds": r.result.seconds,
                "feedback": r.result.feedback,
                "error": r.result.error,
            }
            for r in rows
        ],
    }


async def null_control(scorer: Scorer, version: Version, job: Job) -> dict[str, Any]:
    """The version against itself on repeats that nothing else uses: what the gate says, and how often it would accept."""
    pairs = await scorer.pairs(job.split, job.gate)
    count = 1 + max(repeat for _, repeat in pairs)
    wishes = [
        Wish(version, job.split, [(e, r + offset) for e, r in pairs], fresh=True)
        for offset in (NULL_FROM, NULL_FROM + count)
    ]
    rows = await alternately(scorer, wishes) if scorer.timed else [await scorer.roll(wish) for wish in wishes]
    sides = [[row.result for row in side] for side in rows]
    failure = job.task.task.failure_score
    scored = [
        (a, b)
        for one, two in zip(*sides, strict=True)
        if (a := score_of(one, failure)) is not None and (b := score_of(two, failure)) is not None
    ]
    return null_verdict(scored, job.task.task, job.gate, job.settings.seed)


def null_verdict(scored: list[tuple[float, float]], task: Task, gate: Gate, seed: int) -> dict[str, Any]:
    """Verdict of the pairs as they came, and the share of `better` when each pair's sides are swapped at random."""
    from genopt_tui.learn.gate import compare

    def verdict(pairs: list[tuple[float, float]]) -> Any:
        base, new = [a for a, _ in pairs], [b for _, b in pairs]
        return compare(base, new, direction=task.direction, confidence=gate.confidence)

    rng = Random(seed)
    swapped = [[(b, a) if rng.random() < 0.5 else (a, b) for a, b in scored] for _ in range(NULL_TRIALS)]
    accepted = sum(verdict(pairs).verdict == "better" for pairs in swapped)
    first = verdict(scored)
    return {
        "verdict": first.verdict,
        "difference": first.difference,
        "interval": list(first.interval) if first.interval else None,
        "p": first.p,
        "n": first.n,
        "trials": NULL_TRIALS,
        "accept_rate": accepted / NULL_TRIALS,
    }
