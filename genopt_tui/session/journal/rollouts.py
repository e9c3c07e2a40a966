"""Finished rollouts in a journal: the cache that scoring asks, and the traces that panes show."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from genopt_tui.session.journal.blocks import ROLLOUT_KIND, BlockStore
from genopt_tui.session.journal.database import Database
from genopt_tui.session.journal.events import EventTable
from genopt_tui.session.journal.schema import RolloutRow, utc_timestamp
from genopt_tui.task import pictures
from genopt_tui.task.rollout import Picture, RolloutResult, TraceChunk

COLUMNS = "id, step, key, tree, traced, example, repeat, split, status, score, seconds, steps, data"
COLUMN_FIELDS = (
    *("trace", "pictures", "example", "repeat", "split", "status", "score", "seconds", "steps"),
)
"""Fields of a result that have a column or a table of their own."""
DATA_FIELDS = [field.name for field in fields(RolloutResult) if field.name not in COLUMN_FIELDS]


class RolloutTable:
    """What running an artifact on an example yielded."""

    def __init__(self, database: Database, blocks: BlockStore, events: EventTable) -> None:
        self._database, self._blocks, self._events = database, blocks, events
        self._trees: frozenset[str] = frozenset()
        self._last_tree_rollout = 0
        """The last rollout whose tree is in `_trees`."""

    def store(
        self, key: str, step: int, tree: str, result: RolloutResult, *, traced: bool, **event: Any
    ) -> int:
        """Store a finished rollout with its trace and append `rollout_finished`, in one
        transaction. Returns the rollout's id."""
        data = {name: value for name in DATA_FIELDS if (value := getattr(result, name))}
        with self._database.transaction():
            number = self._database.insert(
                "INSERT INTO rollout(key, at, step, tree, example, repeat, split, status, score, "
                "seconds, steps, traced, data) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    key,
                    utc_timestamp(),
                    step,
                    tree,
                    result.example,
                    result.repeat,
                    result.split,
                    result.status,
                    result.score,
                    result.seconds,
                    result.steps,
                    traced,
                    json.dumps(data),
                ),
            )
            self._database.execute_many(
                "INSERT INTO trace VALUES(?,?,?,?)",
                [(number, c.first, c.count, c.blob) for c in result.trace],
            )
            self._database.execute_many(
                "INSERT INTO picture VALUES(?,?,?,?,?,?)",
                [(number, p.step, p.width, p.height, p.palette, p.pixels) for p in result.pictures],
            )
            self.append_event(step, number, tree, result, cached=False, **event)
        return number

    def append_event(
        self,
        step: int,
        rollout: int,
        tree: str,
        result: RolloutResult,
        *,
        cached: bool,
        **event: Any,
    ) -> None:
        """Append `rollout_finished` for the stored rollout with the id `rollout`."""
        self._events.append(
            step,
            "rollout_finished",
            example=result.example,
            repeat=result.repeat,
            split=result.split,
            score=result.score,
            status=result.status,
            cached=cached,
            seconds=result.seconds,
            rollout=rollout,
            tree=tree,
            **({"hint": result.hint} if result.hint else {}),
            **event,
        )

    def find(self, key: str, tree: str, *, traced: bool = False) -> RolloutRow | None:
        """The newest rollout of this artifact with this cache key; only one with a trace when
        `traced`."""
        live = self._select(
            "tree = ? AND key = ? AND traced >= ? ORDER BY id DESC LIMIT 1", tree, key, int(traced)
        )
        if live:
            return live[0]
        archived = [
            row for row in self._read_archived(tree) if row.key == key and row.traced >= traced
        ]
        return archived[-1] if archived else None

    def read(self, rollout: int) -> RolloutRow | None:
        """The rollout with this id, None when there is none."""
        if rows := self._select("id = ?", rollout):
            return rows[0]
        blocks = self._blocks.read_of_kind(ROLLOUT_KIND, "? BETWEEN first AND last", rollout)
        for block in blocks:
            for number, _, step, text in block.rows():
                if number == rollout:
                    return _parse_rollout(number, step, json.loads(text))
        return None

    def read_of_tree(self, tree: str, split: str = "") -> list[RolloutRow]:
        """Rollouts of an artifact, oldest first; of one split where given."""
        live = self._select("tree = ? AND (? = '' OR split = ?) ORDER BY id", tree, split, split)
        known = {row.id for row in live}
        archived = (
            row
            for row in self._read_archived(tree)
            if split in ("", row.result.split) and row.id not in known
        )
        return [*archived, *live]

    def last_id(self) -> int:
        """Id of the newest rollout, 0 when there is none."""
        return self._database.read_int("SELECT coalesce(max(id), 0) FROM rollout")

    def read_trees(self) -> frozenset[str]:
        """Artifacts (tree ids) that have rollouts."""
        last = self.last_id()
        rows = self._database.execute(
            "SELECT DISTINCT tree FROM rollout WHERE id > ? AND id <= ?",
            (self._last_tree_rollout, last),
        )
        fresh = {str(row[0]) for row in rows}
        for block in self._blocks.read_of_kind(ROLLOUT_KIND, "last > ?", self._last_tree_rollout):
            fresh.update(json.loads(text)[1] for text in block.texts)
        self._trees |= fresh
        self._last_tree_rollout = last
        return self._trees

    def read_trace_chunks(
        self, rollout: int, first: int = 0, count: int = 1 << 60
    ) -> list[TraceChunk]:
        """The chunks of a trace that hold its steps `first` to `first + count`."""
        rows = self._database.execute(
            "SELECT first, count, blob FROM trace "
            "WHERE rollout = ? AND first + count > ? AND first < ? ORDER BY first",
            (rollout, first, first + count),
        )
        return [TraceChunk(*row) for row in rows]

    def read_picture(self, rollout: int, step: int) -> Picture | None:
        """The whole picture of `step`, or of the latest step before it that has one. Raises
        ValueError when it is damaged."""
        rows = self._database.execute(
            "SELECT step, width, height, palette, pixels FROM picture "
            "WHERE rollout = ? AND step <= ? ORDER BY step DESC LIMIT ?",
            (rollout, step, pictures.KEYFRAME_INTERVAL),
        )
        run: list[Picture] = []
        for row in rows:
            run.insert(0, Picture(*row))
            if pictures.is_keyframe(run[0]):
                break
        return pictures.decode_last(run) if run else None

    def _select(self, condition: str, *values: Any) -> list[RolloutRow]:
        rows = self._database.execute(f"SELECT {COLUMNS} FROM rollout WHERE {condition}", values)
        return [
            _parse_rollout(row[0], row[1], (*row[2:-1], json.loads(row[-1])))
            for row in rows.fetchall()
        ]

    def _read_archived(self, tree: str) -> Iterator[RolloutRow]:
        """Rollouts of an artifact in blocks, oldest first."""
        numbers = self._database.execute(
            "SELECT block FROM block_tree WHERE tree = ? ORDER BY block", (hash_tree(tree),)
        ).fetchall()
        for (number,) in numbers:
            for rollout, _, step, text in self._blocks.read(number).rows():
                if tree in text:
                    row = _parse_rollout(rollout, step, json.loads(text))
                    if row.tree == tree:
                        yield row


def hash_tree(tree: str) -> int:
    """The number that `block_tree` indexes an artifact by. Two artifacts may share one."""
    return zlib.crc32(tree.encode())


def _parse_rollout(number: int, step: int, columns: Sequence[Any]) -> RolloutRow:
    """A row from the columns of `COLUMNS` that follow id and step."""
    key, tree, traced, example, repeat, split, status, score, seconds, steps, data = columns
    result = RolloutResult(example, repeat, split, status, score, seconds, steps=steps, **data)
    return RolloutRow(number, key, step, tree, bool(traced), result)
