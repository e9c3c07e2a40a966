"""What a journal does when nobody works: rows of steps long past become blocks, and the file gives
back what they took."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from genopt_tui.session.journal.blocks import REPLY_KIND, ROLLOUT_KIND, BlockRow
from genopt_tui.session.journal.replies import ReplyTable
from genopt_tui.session.journal.rollouts import RolloutTable, hash_tree
from genopt_tui.session.journal.schema import unpack_data

LIVE_STEPS = 64  # steps whose rows stay as they are: panes and the loop look at these most
STEPS_PER_BLOCK = 128  # steps that become blocks together
UNARCHIVED_KINDS = (
    *("hint", "design_set", "design_undone", "design_committed", "examples_set"),
    *("run_started", "run_finished", "paused", "resumed", "moved", "error", "aside_finished"),
)
"""Events that say how the session stands: few, and read often."""
VACUUM_RATIO = 4  # the file is written anew where more than one page in so many is free
MAX_VACUUM_PAGES = (
    1 << 17
)  # pages that are worth that: what is larger uses its free pages up instead


class Archiver(ReplyTable, RolloutTable):
    """Only for the holder of the session's lock. Killed anywhere, every row is where it was or in a
    block."""

    def archive(
        self,
        should_stop: Callable[[], bool] = lambda: False,
        *,
        kept: int = LIVE_STEPS,
        group: int = STEPS_PER_BLOCK,
    ) -> int:
        """Turn old rows into blocks, `group` steps in each transaction, until `stop`; returns how
        many steps were done."""
        done = 0
        while not should_stop() and (span := self._next_span(kept, group)):
            with self._transaction():
                self._archive_events(span[0])
                self._archive_rollouts(span[1])
                self._archive_replies(span[1])
            done += group
        if done and not should_stop():
            self._reclaim_space()
        return done

    def _next_span(self, kept: int, group: int) -> tuple[int, int] | None:
        """The event before which, and the step before which rows are due to become blocks."""
        among = f"kind NOT IN ({','.join('?' * len(UNARCHIVED_KINDS))}) AND step > 0"
        row = self._db.execute(
            f"SELECT id, step FROM event WHERE {among} ORDER BY id LIMIT 1", UNARCHIVED_KINDS
        ).fetchone()
        if row is None or row[1] + group > self.last_step() - kept:
            return None
        until = row[1] + group
        found = self._db.execute(
            "SELECT min(id) FROM event WHERE step >= ? AND id > ?", (until, row[0])
        ).fetchone()
        return int(found[0]), until

    def _archive_events(self, before: int) -> None:
        where, values = (
            f"id < ? AND kind NOT IN ({','.join('?' * len(UNARCHIVED_KINDS))})",
            (before, *UNARCHIVED_KINDS),
        )
        rows: dict[str, list[BlockRow]] = {}
        found = self._db.execute(
            f"SELECT kind, id, at, step, data FROM event WHERE {where} ORDER BY id", values
        )
        for kind, i, at, step, data in found:
            rows.setdefault(kind, []).append((i, at, step, json.dumps(unpack_data(data))))
        for kind, some in rows.items():
            self.add_blocks(kind, some)
        self._db.execute(f"DELETE FROM event WHERE {where}", values)

    def _archive_rollouts(self, before: int) -> None:
        rows, trees = [], []
        for i, at, step, *rest, data in self._select_before(
            "rollout",
            before,
            "key, tree, traced, example, repeat, split, status, score, seconds, steps, data",
        ):
            rows.append((i, at, step, json.dumps([*rest, json.loads(data)])))
            trees.append(rest[1])
        blocks = self.add_blocks(ROLLOUT_KIND, rows)
        pairs = {(hash_tree(tree), block) for tree, block in zip(trees, blocks, strict=True)}
        self._db.executemany("INSERT INTO block_tree VALUES(?,?)", sorted(pairs))
        self._delete("rollout", rows)

    def _archive_replies(self, before: int) -> None:
        rows = []
        for (
            i,
            at,
            step,
            candidate,
            attempt,
            text,
            complete,
            reason,
            usage,
            cost,
            seconds,
            error,
        ) in self._select_before(
            "reply",
            before,
            "candidate, attempt, text, complete, finish_reason, usage, cost, seconds, error",
        ):
            told = [
                candidate,
                attempt,
                text,
                bool(complete),
                reason,
                json.loads(usage),
                cost,
                seconds or 0.0,
                error or "",
            ]
            rows.append((i, at, step, json.dumps(told)))
        self.add_blocks(REPLY_KIND, rows)
        self._delete("reply", rows)

    def _select_before(self, table: str, step: int, columns: str) -> list[tuple[Any, ...]]:
        """Rows of a table up to the first one of this step or a later one."""
        first = self._db.execute(
            f"SELECT id FROM {table} WHERE step >= ? ORDER BY id LIMIT 1", (step,)
        ).fetchone()
        end = (
            first[0]
            if first
            else self._db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
        )
        return self._db.execute(
            f"SELECT id, at, step, {columns} FROM {table} WHERE id < ? ORDER BY id", (end,)
        ).fetchall()

    def _delete(self, table: str, rows: Iterable[BlockRow]) -> None:
        self._db.executemany(f"DELETE FROM {table} WHERE id = ?", ((row[0],) for row in rows))

    def _reclaim_space(self) -> None:
        """Give back free pages, and the space of the log."""
        free, all_ = (
            self._db.execute(f"PRAGMA {what}").fetchone()[0]
            for what in ("freelist_count", "page_count")
        )
        if free * VACUUM_RATIO > all_ and all_ - free <= MAX_VACUUM_PAGES:
            with suppress(
                sqlite3.OperationalError
            ):  # somebody else writes or the disk is full: another time then
                self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
