"""Scoring a version outside of a run: `genopt eval` and `genopt compare`.

A version scored anew before it leaves the session: on fresh repeats of the gate, and on the sealed
test split.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from genopt_tui.config import DesignChoices, Gate, SessionSettings
from genopt_tui.errors import EvaluationError, SessionError
from genopt_tui.learn.failures import is_failure, penalize_pairs
from genopt_tui.runner.agent import AgentModel
from genopt_tui.runner.event_log import EventLog
from genopt_tui.runner.gate import START_SCORE, compare_timed, run_alternately, summarize_rollouts
from genopt_tui.runner.scoring import (
    ArtifactFiles,
    JournalCache,
    ReadOnlyCache,
    RolloutCache,
    RolloutRequest,
    Scorer,
    count_score,
    resolve_score,
)
from genopt_tui.session.compare import CONTROL_REPEATS
from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.session.lock import SessionLock
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import Split

NULL_FIRST_REPEAT = (
    1_000_000  # repeats of the null control: no run ever uses them, so none is cached
)
NULL_TRIALS = 200


@dataclass(frozen=True)
class EvaluationJob:
    """What is to be evaluated, and under which choices and settings. `session` is None for a bare
    task."""

    task: TaskFolder
    choices: DesignChoices
    settings: SessionSettings
    session: Path | None = None
    split: Split = "gate"
    fresh: bool = False

    @property
    def gate(self) -> Gate:
        return self.choices.gate


async def evaluate(
    job: EvaluationJob, version: ArtifactFiles, *, null: bool = False
) -> dict[str, Any]:
    """The document of `genopt eval --json`. Raises EvaluationError when nothing could be run."""
    async with open_scorer(job) as scorer:
        rows = await scorer.run_rollouts(
            RolloutRequest(
                version,
                job.split,
                await scorer.select_pairs(job.split, job.gate),
                fresh=job.fresh,
            )
        )
        document = build_document(rows, scorer, job)
        if null:
            document["null"] = await run_null_control(scorer, version, job)
        return document


async def run_missing(
    job: EvaluationJob, versions: Sequence[ArtifactFiles]
) -> list[list[RolloutRow]]:
    """The gate's rollouts of several versions, those missing run now."""
    async with open_scorer(job) as scorer:
        pairs = await scorer.select_pairs(job.split, job.gate)
        requests = [RolloutRequest(version, job.split, pairs, quiet=True) for version in versions]
        return (
            await run_alternately(scorer, requests)
            if scorer.is_timed
            else [await scorer.run_rollouts(request) for request in requests]
        )


@asynccontextmanager
async def open_scorer(job: EvaluationJob) -> AsyncIterator[Scorer]:
    """A scorer of the job with its agent model; both are closed at the end."""
    with _open_cache(job.session) as cache:
        agent = (
            AgentModel(job.settings, job.session or job.task.path, cache.event_log)
            if job.settings.agent_model
            else None
        )
        answer = agent.answer if agent else None
        scorer = Scorer(job.task, job.choices, job.settings, cache, answer)
        try:
            yield scorer
        finally:
            await scorer.close()
            if agent:
                await agent.close()


@contextmanager
def _open_cache(session: Path | None) -> Iterator[RolloutCache]:
    """The session's journal: to be written where nobody runs the session, else only read."""
    if session is None:
        yield ReadOnlyCache()
        return
    lock: SessionLock | None = None
    with suppress(SessionError):  # a runner has the session: what is scored here is not kept
        lock = SessionLock(session)
    event_log = EventLog(Journal(session))
    try:
        yield (
            JournalCache(event_log, event_log.journal.last_rollout_id())
            if lock
            else ReadOnlyCache(event_log.journal)
        )
    finally:
        event_log.close()
        if lock:
            lock.release()


def build_document(rows: list[RolloutRow], scorer: Scorer, job: EvaluationJob) -> dict[str, Any]:
    task = job.task.task
    return {
        **summarize_rollouts(rows, task),
        "direction": task.direction,
        "rule": task.describe_scoring(scorer.task_settings),
        "task": task.name,
        "split": job.split,
        "settings": scorer.task_settings,
        "fingerprint": scorer.fingerprint,
        "sandbox": scorer.sandbox or next((r.result.sandbox for r in rows if r.result.sandbox), ""),
        "scores": [
            {
                "example": r.result.example,
                "repeat": r.result.repeat,
                "score": resolve_score(r.result, task.failure_score),
                "status": r.result.status,
                "seconds": r.result.seconds,
                "feedback": r.result.feedback,
                "error": r.result.error,
                "hint": r.result.hint,
            }
            for r in rows
        ],
    }


async def run_null_control(
    scorer: Scorer, version: ArtifactFiles, job: EvaluationJob
) -> dict[str, Any]:
    """The version against itself on repeats that nothing else uses: what the gate says, and how
    often it would accept."""
    pairs = await scorer.select_pairs(job.split, job.gate)
    count = 1 + max(repeat for _, repeat in pairs)
    requests = [
        RolloutRequest(version, job.split, [(e, r + offset) for e, r in pairs], fresh=True)
        for offset in (NULL_FIRST_REPEAT, NULL_FIRST_REPEAT + count)
    ]
    rows = (
        await run_alternately(scorer, requests)
        if scorer.is_timed
        else [await scorer.run_rollouts(request) for request in requests]
    )
    sides = [[row.result for row in side] for side in rows]
    ran = [pair for pair in zip(*sides, strict=True) if "infra" not in {r.status for r in pair}]
    failure, task = job.task.task.failure_score, job.task.task
    one, two = penalize_pairs(
        [count_score(a, failure) for a, _ in ran],
        [count_score(b, failure) for _, b in ran],
        [is_failure(a.status) for a, _ in ran],
        [is_failure(b.status) for _, b in ran],
        task.direction,
    )
    return compare_null([*zip(one, two, strict=True)], task, job.gate, job.settings.seed)


def compare_null(
    scored: list[tuple[float, float]], task: Task, gate: Gate, seed: int
) -> dict[str, Any]:
    """Verdict of the pairs as they came, and the share of `better` when each pair's sides are
    swapped at random."""
    from genopt_tui.learn.gate import compare

    def verdict(pairs: list[tuple[float, float]]) -> Any:
        base, new = [a for a, _ in pairs], [b for _, b in pairs]
        return compare(base, new, direction=task.direction, confidence=gate.confidence)

    rng = Random(seed)
    swapped = [
        [(b, a) if rng.random() < 0.5 else (a, b) for a, b in scored] for _ in range(NULL_TRIALS)
    ]
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


FIRST_FRESH_REPEAT = (
    2 * CONTROL_REPEATS
)  # the first repeat of a re-check; each opening takes repeats of its own
ALL_EXAMPLES = 10**9  # more examples than any split has
PROGRESS_REPORTS = 10  # how often it is said how far a split has come


async def recheck(
    job: EvaluationJob,
    version: ArtifactFiles,
    start: ArtifactFiles,
    opening: int,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """{"fresh", "test"}: mean, stderr, n, failed of each; None for a split that the task does not
    have.

    `opening` counts re-checks of this session from 0: no two use the same repeats. A deterministic
    task gives the same again.
    Where time is scored, the version is timed alternately with the `start`, which counts 1.
    `report` takes messages on the progress.
    """
    async with open_scorer(replace(job, fresh=True)) as scorer:
        gate = await scorer.select_pairs("gate", job.gate)
        repeats = 1 + max(repeat for _, repeat in gate)
        offset = FIRST_FRESH_REPEAT + opening * repeats
        fresh = RolloutRequest(version, "gate", [(e, r + offset) for e, r in gate], fresh=True)
        figures = await _score_request(scorer, fresh, start, report)
        return {
            "fresh": figures,
            "test": await _score_test_split(scorer, version, start, report),
        }


async def _score_test_split(
    scorer: Scorer, version: ArtifactFiles, start: ArtifactFiles, report: Callable[[str], None]
) -> dict[str, Any] | None:
    try:
        pairs: Sequence[tuple[str, int]] = await scorer.select_pairs(
            "test", scorer.choices.gate.model_copy(update={"examples": ALL_EXAMPLES, "repeats": 1})
        )
    except EvaluationError:  # the task has no test split
        return None
    return await _score_request(scorer, RolloutRequest(version, "test", pairs), start, report)


async def _score_request(
    scorer: Scorer, request: RolloutRequest, start: ArtifactFiles, report: Callable[[str], None]
) -> dict[str, Any]:
    task = scorer.task.task
    what = "fresh repeats" if request.fresh else "test split"
    request = replace(
        request,
        on_rollout=_build_progress_callback(
            what, len(request.pairs) * (2 if scorer.is_timed else 1), report
        ),
    )
    if not scorer.is_timed:
        return summarize_rollouts(await scorer.run_rollouts(request), task)
    base, new = await run_alternately(scorer, [replace(request, artifact=start), request])
    return compare_timed(base, new, task, scorer.choices.gate, START_SCORE)


def _build_progress_callback(
    what: str, size: int, report: Callable[[str], None]
) -> Callable[[], None]:
    """To be called after each of `size` rollouts: how far they are is told at the start, and at
    every tenth of them."""
    done = count(1)

    def one() -> None:
        if (n := next(done)) == size or n % -(-size // PROGRESS_REPORTS) == 0:
            report(f"{what}: {n} of {size} rollouts")

    report(f"{what}: 0 of {size} rollouts")
    return one
