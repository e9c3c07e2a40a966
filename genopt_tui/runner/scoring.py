"""Runs rollouts, each version, example and repeat once: the journal is the cache."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from genopt_tui.config import DesignChoices, Gate, SessionSettings
from genopt_tui.errors import EvaluationError
from genopt_tui.runner.event_log import EventLog
from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.session.task_state import merge_limits
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Example, Rollout, RolloutResult, Split

if TYPE_CHECKING:
    from genopt_tui.evaluate.pool import LlmQuestion, Pool
    from genopt_tui.runner.event_log import EventLog


AnswerCallback = Callable[["LlmQuestion"], Awaitable[str]]
LONG_TRACE = 20  # steps from which equal actions and rewards are no coincidence


@dataclass(frozen=True)
class ArtifactFiles:
    """What is rolled out: the files of an artifact and the id of their tree."""

    files: Mapping[str, str]
    tree: str


@dataclass(frozen=True)
class RolloutRequest:
    """Rollouts of one version to get: (example id, repeat) pairs of a split. `candidate` labels
    their events.

    `fresh` ones run even where a finished rollout is known; `quiet` ones add no event when they
    come from the cache. `on_rollout` is called as each finishes.
    """

    artifact: ArtifactFiles
    split: Split
    pairs: Sequence[tuple[str, int]]
    traced: bool = False
    candidate: int | None = None
    step: int = 0
    fresh: bool = False
    quiet: bool = False
    on_rollout: Callable[[], None] | None = None

    def select_pair(self, index: int) -> "RolloutRequest":
        """The same request for one pair."""
        return replace(self, pairs=[self.pairs[index]])


class RolloutCache(Protocol):
    """Finished rollouts by key. `event_log` is None where nothing may be written."""

    @property
    def event_log(self) -> "EventLog | None": ...

    def find(self, key: str, tree: str, *, traced: bool) -> RolloutRow | None:
        """A finished rollout that may be used again."""

    def store(self, key: str, request: RolloutRequest, result: RolloutResult) -> RolloutRow:
        """Keep a finished rollout; durable when this returns."""

    def record_hit(self, row: RolloutRow, request: RolloutRequest) -> None:
        """Record that a finished rollout answers this request."""


class Scorer:
    """Rolls out versions of one task under one set of choices and settings. The pool starts with
    the first rollout.

    `timed`: rollouts run alone, and none is taken from the cache.
    """

    def __init__(
        self,
        task: TaskFolder,
        choices: DesignChoices,
        settings: SessionSettings,
        cache: RolloutCache,
        answer: AnswerCallback | None = None,
    ) -> None:
        self.task, self.choices, self._cache, self._answer = task, choices, cache, answer
        # a copy: the session's own may change while rollouts run under these
        self.settings = settings.model_copy(deep=True)
        self.file_states, self._file_digest = task.read_file_states(), task.compute_file_digest()
        self.task_settings = task.task.resolve_settings(choices.task)
        self.limits = merge_limits(task, settings)
        self.fingerprint = task.compute_fingerprint(self.task_settings, self.limits)
        self.sandbox = ""
        self._pool: Pool | None = None
        self._start_lock = asyncio.Lock()
        self._examples: dict[str, dict[str, Example]] = {}
        self.is_timed = task.task.measure == "time"
        self._timing_lock = asyncio.Lock()
        self._running: dict[tuple[str, bool], asyncio.Task[RolloutResult]] = {}

    @property
    def conditions(self) -> dict[str, Any]:
        """What a record says about how its scores were made."""
        settings = self.settings.model_dump(
            mode="json", include={"agent_model", "limits", "sandbox", "seed"}
        )
        return {"fingerprint": self.fingerprint, "settings": settings, "sandbox": self.sandbox}

    async def get_pool(self) -> "Pool":
        """The pool, started. Raises EvaluationError where no sandbox is strong enough."""
        async with self._start_lock:
            if self._pool is None:
                self._pool = await self._start_pool()
        return self._pool

    async def _start_pool(self) -> "Pool":
        from genopt_tui.evaluate.pool import Pool

        pool = Pool(
            self.task,
            workers=self.settings.workers,
            limits=self.limits,
            sandbox=self.settings.sandbox,
            answer=self._answer,
            file_digest=self._file_digest,
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

    async def load_examples(self, split: Split) -> dict[str, Example]:
        """The split's examples by id, in the task's order. Raises EvaluationError."""
        if split not in self._examples:
            found = await (await self.get_pool()).list_examples(split, self.task_settings)
            if not found:
                raise EvaluationError(f"{self.task.task.name} has no {split} examples")
            self._examples[split] = {example.id: example for example in found}
        return self._examples[split]

    async def select_pairs(self, split: Split, gate: Gate) -> list[tuple[str, int]]:
        """The (example, repeat) pairs that decide: always the same, so that versions compare
        pairwise. A gate that may grow begins with them. Raises EvaluationError where every example
        is excluded."""
        ids = await self._list_included(split)
        return [
            (example, r)
            for r in range(self._count_repeats(gate))
            for example in ids[: gate.examples]
        ]

    async def select_growing_pairs(self, gate: Gate) -> list[tuple[str, int]]:
        """The gate's pairs up to `gate.most`: those of `select_pairs`, then further examples, then
        further repeats where the scores carry noise."""
        first, ids = await self.select_pairs("gate", gate), await self._list_included("gate")
        if gate.rule == "always" or gate.most <= len(first):
            return first
        repeats = self._count_repeats(gate)
        pairs = first + [(e, r) for e in ids[gate.examples :] for r in range(repeats)]
        if self.has_noise:
            pairs += [(e, r) for r in range(repeats, repeats + gate.most) for e in ids]
        return pairs[: gate.most]

    @property
    def has_noise(self) -> bool:
        """Whether another repeat of an example can score differently."""
        return self.is_timed or not self.task.task.deterministic

    def _count_repeats(self, gate: Gate) -> int:
        return gate.repeats if self.has_noise else 1

    async def _list_included(self, split: Split) -> list[str]:
        examples = await self.load_examples(split)
        ids = [i for i in examples if i not in self.choices.exclude]
        if not ids:
            raise EvaluationError(
                f"every {split} example is excluded",
                f"all {len(examples)} of them",
                "Take one in again: --set exclude.EXAMPLE=",
            )
        return ids

    def build_key(self, tree: str, example: str, repeat: int) -> str:
        """The cache key of a rollout: all that decides its result; it begins with the task's
        fingerprint and a slash."""
        # "|None|[]": an artifact's model has neither the proposer's temperature nor its parameters;
        # journals written before name both
        agent = f"{self.settings.agent_model}|None|[]" if self.task.task.agent else ""
        parts = (tree, example, str(repeat), str(self.settings.seed), agent)
        return f"{self.fingerprint}/{sha256(chr(0).join(parts).encode()).hexdigest()}"

    async def run_rollouts(self, request: RolloutRequest) -> list[RolloutRow]:
        """The rollouts of a request, in the order of its pairs; finished ones come from the cache.

        Each is durable as soon as it is finished. A failing pool ends all of them: EvaluationError.
        """
        examples = await self.load_examples(request.split)
        missing = [example for example, _ in request.pairs if example not in examples]
        if missing:
            raise EvaluationError(
                f"the {request.split} split has no example '{missing[0]}'", "the task changed"
            )
        tasks = [
            asyncio.create_task(self._run_rollout(request, examples[example], repeat))
            for example, repeat in request.pairs
        ]
        if tell := request.on_rollout:
            for task in tasks:
                task.add_done_callback(lambda done: None if done.cancelled() else tell())
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_rollout(
        self, request: RolloutRequest, example: Example, repeat: int
    ) -> RolloutRow:
        key = self.build_key(request.artifact.tree, example.id, repeat)
        if not (request.fresh or self.is_timed) and (
            row := self._cache.find(key, request.artifact.tree, traced=request.traced)
        ):
            if not request.quiet:
                self._cache.record_hit(row, request)
            return row
        rollout = Rollout(
            artifact=dict(request.artifact.files),
            tree=request.artifact.tree,
            example=example,
            split=request.split,
            repeat=repeat,
            seed=self.settings.seed,
            settings=self.task_settings,
            traced=request.traced,
        )
        other = self._running.get((key, request.traced))
        if (
            other is not None
        ):  # an equal version of another candidate is being rolled out: one run serves both
            await asyncio.wait([other])
            return await self._run_rollout(request, example, repeat)
        running = self._running[key, request.traced] = asyncio.create_task(self._submit(rollout))
        try:
            result = await running
            return self._cache.store(key, request, result)
        finally:
            running.cancel()
            del self._running[key, request.traced]

    async def _submit(self, rollout: Rollout) -> RolloutResult:
        pool = await self.get_pool()
        if not self.is_timed:
            return await pool.submit(rollout)
        async with self._timing_lock:
            return await pool.submit(rollout)


def resolve_score(result: RolloutResult, failure: float) -> float | None:
    """What a rollout counts in a mean; None where it failed by our fault (`infra`)."""
    return None if result.status == "infra" else count_score(result, failure)


def count_score(result: RolloutResult, failure: float) -> float:
    """The score of a rollout that ran, else the failure score."""
    return result.score if result.status == "ok" and result.score is not None else failure


def build_score_rows(rows: Sequence[RolloutRow], failure: float) -> list[dict[str, Any]]:
    """Scores per example, as events tell them."""
    return [
        {
            "example": r.result.example,
            "repeat": r.result.repeat,
            "score": resolve_score(r.result, failure),
            "status": r.result.status,
        }
        for r in rows
    ]


def count_distinct(rows: Sequence[tuple[RolloutResult, ...]]) -> int:
    """How many independent samples these rows are: see `find_distinct`."""
    return len(find_distinct(rows))


def find_distinct(rows: Sequence[tuple[RolloutResult, ...]]) -> list[int]:
    """Indices of the rows that are samples of their own.

    A row holds rollouts of one example and repeat (of a version, or of base and candidate). A
    repeat of the same example whose rollouts all ran, with equal signatures, is the same sample
    again. Other examples and failures never are. Means count every row: this says only how many
    samples a mean rests on.
    """
    seen: set[tuple[str, tuple[str, ...]]] = set()
    distinct = []
    for index, row in enumerate(rows):
        sample = (row[0].example, tuple(result.signature for result in row))
        if all(result.signature and result.status == "ok" for result in row):
            if sample in seen:
                continue
            seen.add(sample)
        distinct.append(index)
    return distinct


NEVER_REUSED = {"infra"}
REUSED_WITHIN_RUN = {
    "timeout"
}  # may be the machine's fault: trusted within the run that saw it, tried again by a later one


class JournalCache:
    """The journal as cache, for the holder of the session's lock. `since` is the last rollout
    before this run."""

    def __init__(self, event_log: EventLog, since: int = 0) -> None:
        self.event_log = self._event_log = event_log
        self.since = since

    def find(self, key: str, tree: str, *, traced: bool) -> RolloutRow | None:
        return filter_reusable(
            self._event_log.journal.find_rollout(key, tree, traced=traced), self.since
        )

    def store(self, key: str, request: RolloutRequest, result: RolloutResult) -> RolloutRow:
        label = {} if request.candidate is None else {"candidate": request.candidate}
        journal, tree = self._event_log.journal, request.artifact.tree
        self._event_log.group_commit()
        row = journal.store_rollout(key, request.step, tree, result, traced=request.traced, **label)
        self._event_log.sync()
        return RolloutRow(row, key, request.step, tree, request.traced, result)

    def record_hit(self, row: RolloutRow, request: RolloutRequest) -> None:
        label = {} if request.candidate is None else {"candidate": request.candidate}
        self._event_log.group_commit()
        self._event_log.journal.append_rollout_event(
            request.step, row.id, row.tree, row.result, cached=True, **label
        )
        self._event_log.sync()


class ReadOnlyCache:
    """Finished rollouts of a journal that somebody else writes (None: of none); what is new is kept
    in memory."""

    event_log: EventLog | None = None

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._new_rows: dict[str, RolloutRow] = {}

    def find(self, key: str, tree: str, *, traced: bool) -> RolloutRow | None:
        if key in self._new_rows or self._journal is None:
            return self._new_rows.get(key)
        return filter_reusable(self._journal.find_rollout(key, tree, traced=traced), 1 << 62)

    def store(self, key: str, request: RolloutRequest, result: RolloutResult) -> RolloutRow:
        row = self._new_rows[key] = RolloutRow(
            0, key, request.step, request.artifact.tree, request.traced, result
        )
        return row

    def record_hit(self, row: RolloutRow, request: RolloutRequest) -> None:
        """Nothing to record."""


def filter_reusable(row: RolloutRow | None, since: int) -> RolloutRow | None:
    """The row, unless its status says that another try may end differently."""
    if (
        row is None
        or row.result.status in NEVER_REUSED
        or (row.result.status in REUSED_WITHIN_RUN and row.id <= since)
    ):
        return None
    return row
