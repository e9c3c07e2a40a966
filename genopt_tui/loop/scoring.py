"""Rolling versions out, each pair of version, example and repeat at most once: the cache is the journal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from genopt_tui.config import DesignChoices, Gate, SessionSettings
from genopt_tui.errors import EvaluationError
from genopt_tui.session.journal import RolloutRow
from genopt_tui.session.state import limits_of
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Example, Rollout, RolloutResult, Split

if TYPE_CHECKING:
    from genopt_tui.evaluate.pool import LlmQuestion, Pool
    from genopt_tui.loop.book import Book

Answer = Callable[["LlmQuestion"], Awaitable[str]]
LONG_TRACE = 20  # steps from which equal actions and rewards of two examples are no coincidence


@dataclass(frozen=True)
class Version:
    """What is rolled out: the files of an artifact and the id of their tree."""

    files: Mapping[str, str]
    tree: str


@dataclass(frozen=True)
class Wish:
    """Rollouts wanted of one version: (example id, repeat) pairs of a split. `candidate` labels their events.

    `fresh` ones are run even where a finished one is known; `quiet` ones say nothing when they come from the cache.
    `tell` is called as each is there.
    """

    version: Version
    split: Split
    pairs: Sequence[tuple[str, int]]
    traced: bool = False
    candidate: int | None = None
    step: int = 0
    fresh: bool = False
    quiet: bool = False
    tell: Callable[[], None] | None = None

    def only(self, at: int) -> "Wish":
        """The same of one pair alone."""
        return replace(self, pairs=[self.pairs[at]])


class Cache(Protocol):
    """Finished rollouts by key. `book` is where else may be written what they took, None where nothing may be."""

    @property
    def book(self) -> "Book | None": ...

    def find(self, key: str, tree: str, *, traced: bool) -> RolloutRow | None:
        """A finished rollout that may be used again."""

    def keep(self, key: str, wish: Wish, result: RolloutResult) -> RolloutRow:
        """Keep a finished rollout; durable when this returns."""

    def again(self, row: RolloutRow, wish: Wish) -> None:
        """Say that a kept rollout serves this wish."""


class Scorer:
    """Rolls out versions of one task under one set of choices and settings. The pool starts with the first rollout.

    `timed`: rollouts run alone, and none is taken from the cache.
    """

    def __init__(
        self,
        task: TaskFolder,
        choices: DesignChoices,
        settings: SessionSettings,
        cache: Cache,
        answer: Answer | None = None,
    ) -> None:
        self.task, self.choices, self.settings, self._cache, self._answer = task, choices, settings, cache, answer
        self.task_settings = task.task.resolve(choices.task)
        self.limits = limits_of(task, settings)
        self.fingerprint = task.fingerprint(self.task_settings, self.limits)
        self.sandbox = ""
        self._pool: Pool | None = None
        self._starting = asyncio.Lock()
        self._examples: dict[str, dict[str, Example]] = {}
        self.timed = task.task.measure == "time"
        self._alone = asyncio.Lock()
        self._running: dict[tuple[str, bool], asyncio.Task[RolloutResult]] = {}

    async def pool(self) -> "Pool":
        """The pool, started. Raises EvaluationError where no sandbox is strong enough."""
        async with self._starting:
            if self._pool is None:
                self._pool = await self._start()
        return self._pool

    async def _start(self) -> "Pool":
        from genopt_tui.evaluate.pool import Pool

        pool = Pool(
            self.task,
            workers=self.settings.workers,
            limits=self.limits,
            sandbox=self.settings.sandbox,
            answer=self._answer,
        )
        try:
            self.sandbox = await pool.start()
        except BaseException:
            await pool.close()
            raise
        return pool

    async def close(self) -> None:
        """No process of the pool is left; a later rollout starts it again."""
        pool, self._pool = self._pool, None
        if pool:
            await pool.close()

    async def examples(self, split: Split) -> dict[str, Example]:
        """The split's examples by id, in the task's order. Raises EvaluationError."""
        if split not in self._examples:
            found = await (await self.pool()).examples(split, self.task_settings)
            if not found:
                raise EvaluationError(f"{self.task.task.name} has no {split} examples")
            self._examples[split] = {example.id: example for example in found}
        return self._examples[split]

    async def pairs(self, split: Split, gate: Gate) -> list[tuple[str, int]]:
        """The (example, repeat) pairs that decide: always the same, so that versions compare pairwise."""
        ids = [i for i in await self.examples(split) if i not in self.choices.exclude][: gate.examples]
        repeats = 1 if self.task.task.deterministic and not self.timed else gate.repeats
        return [(example, repeat) for repeat in range(repeats) for example in ids]

    def key(self, tree: str, example: str, repeat: int) -> str:
        """The cache key of a rollout: all that decides its result; it begins with the task's fingerprint and a slash."""
        agent = ""
        if self.task.task.agent:
            agent = f"{self.settings.agent_model}|{self.settings.temperature}|{sorted(self.settings.params.items())}"
        parts = (tree, example, str(repeat), str(self.settings.seed), agent)
        return f"{self.fingerprint}/{sha256(chr(0).join(parts).encode()).hexdigest()}"

    async def roll(self, wish: Wish) -> list[RolloutRow]:
        """The wished rollouts, in the order of the pairs; finished ones come from the cache.

        Each is durable as soon as it is finished. A failing pool ends all of them: EvaluationError.
        """
        examples = await self.examples(wish.split)
        missing = [example for example, _ in wish.pairs if example not in examples]
        if missing:
            raise EvaluationError(f"the {wish.split} split has no example '{missing[0]}'", "the task changed")
        tasks = [asyncio.create_task(self._one(wish, examples[example], repeat)) for example, repeat in wish.pairs]
        if tell := wish.tell:
            for task in tasks:
                task.add_done_callback(lambda done: None if done.cancelled() else tell())
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, wish: Wish, example: Example, repeat: int) -> RolloutRow:
        key = self.key(wish.version.tree, example.id, repeat)
        if not (wish.fresh or self.timed) and (row := self._cache.find(key, wish.version.tree, traced=wish.traced)):
            if not wish.quiet:
                self._cache.again(row, wish)
            return row
        rollout = Rollout(
            artifact=dict(wish.version.files),
            tree=wish.version.tree,
            example=example,
            split=wish.split,
            repeat=repeat,
            seed=self.settings.seed,
            settings=self.task_settings,
            traced=wish.traced,
        )
        other = self._running.get((key, wish.traced))
        if other is not None:  # an equal version of another candidate is being rolled out: one run serves both
            await asyncio.wait([other])
            return await self._one(wish, example, repeat)
        running = self._running[key, wish.traced] = asyncio.create_task(self._submit(rollout))
        try:
            result = await running
            return self._cache.keep(key, wish, result)
        finally:
            running.cancel()
            del self._running[key, wish.traced]

    async def _submit(self, rollout: Rollout) -> RolloutResult:
        pool = await self.pool()
        if not self.timed:
            return await pool.submit(rollout)
        async with self._alone:
            return await pool.submit(rollout)


def score_of(result: RolloutResult, failure: float) -> float | None:
    """What a rollout counts: its score, the failure score where the artifact failed, None where we did (`infra`)."""
    if result.status == "infra":
        return None
    return result.score if result.status == "ok" and result.score is not None else failure


def rows_of(rows: Sequence[RolloutRow], failure: float) -> list[dict[str, Any]]:
    """Scores per example, as events tell them."""
    return [
        {
            "example": r.result.example,
            "repeat": r.result.repeat,
            "score": score_of(r.result, failure),
            "status": r.result.status,
        }
        for r in rows
    ]


def distinct(rows: Sequence[tuple[RolloutResult, ...]]) -> list[int]:
    """Indices of rows that count: rows whose rollouts all equal those of an earlier row are one sample.

    A row holds rollouts of one example and repeat (of a version, or of base and candidate).
    """
    seen: set[Any] = set()
    kept = []
    for index, row in enumerate(rows):
        signature = tuple(r.signature for r in row)
        known = all(signature) and all(r.status == "ok" for r in row)
        example = "" if all(r.steps >= LONG_TRACE for r in row) else row[0].example
        if known and (example, signature) in seen:
            continue
        seen.add((example, signature))
        kept.append(index)
    return kept
