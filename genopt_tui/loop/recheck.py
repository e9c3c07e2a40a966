"""A version scored anew before it leaves the session: on fresh repeats of the gate, and on the sealed test split."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from genopt_tui.errors import EvaluationError
from genopt_tui.loop.evaluation import Job, cache_of, scorer_of
from genopt_tui.loop.gating import summarized
from genopt_tui.loop.scoring import Scorer, Version, Wish
from genopt_tui.loop.timing import START, alternately, timed
from genopt_tui.session.compare import APART

FRESH = 2 * APART  # the first repeat of a re-check; each opening takes repeats of its own
ALL = 10**9  # more examples than any split has
TOLD = 10  # how often it is said how far a split has come


async def recheck(
    job: Job, version: Version, start: Version, opening: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """{"fresh", "test"}: mean, stderr, n, failed of each; None for a split that the task does not have.

    `opening` counts re-checks of this session from 0: no two use the same repeats. A deterministic task gives the same again.
    Where time is scored, the version is timed alternately with the `start`, which counts 1. `tell` is told how far it is.
    """
    with cache_of(job.session) as cache:
        scorer, agent = scorer_of(replace(job, fresh=True), cache)
        try:
            gate = await scorer.pairs("gate", job.gate)
            repeats = 1 + max(repeat for _, repeat in gate)
            offset = FRESH + opening * repeats
            fresh = Wish(version, "gate", [(e, r + offset) for e, r in gate], fresh=True)
            figures = await _figures(scorer, fresh, start, tell)
            return {"fresh": figures, "test": await _test(scorer, version, start, tell)}
        finally:
            await scorer.close()
            if agent:
                await agent.close()


async def _test(scorer: Scorer, version: Version, start: Version, tell: Callable[[str], None]) -> dict[str, Any] | None:
    try:
        pairs: Sequence[tuple[str, int]] = await scorer.pairs(
            "test", scorer.choices.gate.model_copy(update={"examples": ALL, "repeats": 1})
        )
    except EvaluationError:  # the task has no test split
        return None
    return await _figures(scorer, Wish(version, "test", pairs), start, tell)


async def _figures(scorer: Scorer, wish: Wish, start: Version, tell: Callable[[str], None]) -> dict[str, Any]:
    task = scorer.task.task
    what = "fresh repeats" if wish.fresh else "test split"
    wish = replace(wish, tell=_counting(what, len(wish.pairs) * (2 if scorer.timed else 1), tell))
    if not scorer.timed:
        return summarized(await scorer.roll(wish), task)
    base, new = await alternately(scorer, [replace(wish, version=start), wish])
    return timed(base, new, task, scorer.choices.gate, START)


def _counting(what: str, size: int, tell: Callable[[str], None]) -> Callable[[], None]:
    """To be called after each of `size` rollouts: how far they are is told at the start, and at every tenth of them."""
    done = count(1)

    def one() -> None:
        if (n := next(done)) == size or n % -(-size // TOLD) == 0:
            tell(f"{what}: {n} of {size} rollouts")

    tell(f"{what}: 0 of {size} rollouts")
    return one
