"""Moves rows of old steps into blocks and gives back the space they took, while the runner is
idle."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from genopt_tui.session.journal.blocks import REPLY_KIND, ROLLOUT_KIND, BlockRow, BlockStore
from genopt_tui.session.journal.database import Database
from genopt_tui.session.journal.events import EventTable, parse_data
from genopt_tui.session.journal.rollouts import hash_tree

LIVE_STEPS = 64  # newest steps whose rows stay in their tables: panes and the loop read these most
STEPS_PER_BLOCK = 128  # steps that are moved in one transaction
UNARCHIVED_KINDS = (
    *("hint", "design_set", "design_undone", "design_committed", "examples_set"),
    *("run_started", "run_finished", "paused", "resumed", "moved", "error", "aside_finished"),
)
"""Events about the state of the session: few, and read often."""
IS_ARCHIVABLE = f"kind NOT IN ({','.join('?' * len(UNARCHIVED_KINDS))})"
VACUUM_RATIO = 4  # rewrite the file when more than one page in so many is free
# used pages up to which rewriting is worth its time; a larger file reuses its free pages
MAX_VACUUM_PAGES = 1 << 17


class Archiver:
    """Only for the holder of the session's lock. Killed anywhere, it leaves every row either in its
    table or in a block."""

    def __init__(self, database: Database, blocks: BlockStore, events: EventTable) -> None:
        self._database, self._blocks, self._events = database, blocks, events

    def archive(
        self,
        should_stop: Callable[[], bool] = lambda: False,
        *,
        kept: int = LIVE_STEPS,
        group: int = STEPS_PER_BLOCK,
    ) -> int:
        """Move old rows into blocks, `group` steps in each transaction, until `should_stop`;
        returns the number of steps moved."""
        steps = 0
        while not should_stop() and (span := self._next_span(kept, group)):
            before_event, before_step = span
            with self._database.transaction():
                self._archive_events(before_event)
                self._archive_rollouts(before_step)
                self._archive_replies(before_step)
            steps += group
        if steps and not should_stop():
            self._reclaim_space()
        return steps

    def _next_span(self, kept: int, group: int) -> tuple[int, int] | None:
        """The event and the step before which rows are due; None when none are."""
        oldest = self._database.execute(
            f"SELECT id, step FROM event WHERE {IS_ARCHIVABLE} AND step > 0 ORDER BY id LIMIT 1",
            UNARCHIVED_KINDS,
        ).fetchone()
        if oldest is None or oldest[1] + group > self._events.last_step() - kept:
            return None
        before_step = oldest[1] + group
        before_event = self._database.read_int(
            "SELECT min(id) FROM event WHERE step >= ? AND id > ?", (before_step, oldest[0])
        )
        return before_event, before_step

    def _archive_events(self, before: int) -> None:
        condition, values = f"id < ? AND {IS_ARCHIVABLE}", (before, *UNARCHIVED_KINDS)
        rows_by_kind: dict[str, list[BlockRow]] = {}
        rows = self._database.execute(
            f"SELECT kind, id, at, step, data FROM event WHERE {condition} ORDER BY id", values
        )
        for kind, number, at, step, data in rows:
            row = (number, at, step, json.dumps(parse_data(data)))
            rows_by_kind.setdefault(kind, []).append(row)
        for kind, some in rows_by_kind.items():
            self._blocks.add(kind, some)
        self._database.execute(f"DELETE FROM event WHERE {condition}", values)

    def _archive_rollouts(self, before: int) -> None:
        columns = "key, tree, traced, example, repeat, split, status, score, seconds, steps, data"
        rows, trees = [], []
        for number, at, step, *rest, data in self._select_before("rollout", before, columns):
            rows.append((number, at, step, json.dumps([*rest, json.loads(data)])))
            trees.append(rest[1])
        blocks = self._blocks.add(ROLLOUT_KIND, rows)
        pairs = {(hash_tree(tree), block) for tree, block in zip(trees, blocks, strict=True)}
        self._database.execute_many("INSERT INTO block_tree VALUES(?,?)", sorted(pairs))
        self._delete("rollout", rows)

    def _archive_replies(self, before: int) -> None:
        columns = "candidate, attempt, text, complete, finish_reason, usage, cost, seconds, error"
        rows = []
        for number, at, step, *values in self._select_before("reply", before, columns):
            complete, reason, usage, cost, seconds, error = values[3:]
            values[3:] = (
                bool(complete),
                reason,
                json.loads(usage),
                cost,
                seconds or 0.0,
                error or "",
            )
            rows.append((number, at, step, json.dumps(values)))
        self._blocks.add(REPLY_KIND, rows)
        self._delete("reply", rows)

    def _select_before(self, table: str, step: int, columns: str) -> list[tuple[Any, ...]]:
        """Id, time, step and `columns` of a table's rows before its first row of this step or a
        later one; without such a row all but the last."""
        end = (
            self._database.execute(
                f"SELECT id FROM {table} WHERE step >= ? ORDER BY id LIMIT 1", (step,)
            ).fetchone()
            or self._database.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
        )
        return self._database.execute(
            f"SELECT id, at, step, {columns} FROM {table} WHERE id < ? ORDER BY id", end
        ).fetchall()

    def _delete(self, table: str, rows: Iterable[BlockRow]) -> None:
        self._database.execute_many(
            f"DELETE FROM {table} WHERE id = ?", ((row[0],) for row in rows)
        )

    def _reclaim_space(self) -> None:
        """Shrink the database where much of it is free, and truncate the write-ahead log."""
        free = self._database.read_int("PRAGMA freelist_count")
        pages = self._database.read_int("PRAGMA page_count")
        if free * VACUUM_RATIO > pages and pages - free <= MAX_VACUUM_PAGES:
            # another process is writing, or the disk is full: the next archiving tries again
            with suppress(sqlite3.OperationalError):
                self._database.execute("VACUUM")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
