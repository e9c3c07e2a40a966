"""Finished rollouts in a journal: the cache that scoring asks, and the traces that panes show."""

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from genopt_tui.session.journal.blocks import REPLY_KIND, ROLLOUT_KIND
from genopt_tui.session.journal.events import EventTable
from genopt_tui.session.journal.schema import RolloutRow, utc_timestamp
from genopt_tui.task import pictures
from genopt_tui.task.rollout import Picture, RolloutResult, TraceChunk

COLUMNS = "id, step, key, tree, traced, example, repeat, split, status, score, seconds, steps, data"
COLUMN_FIELDS = (
    "trace",
    "pictures",
    "example",
    "repeat",
    "split",
    "status",
    "score",
    "seconds",
    "steps",
)
"""Fields of a result that have a place of their own."""
DATA_FIELDS = [field.name for field in fields(RolloutResult) if field.name not in COLUMN_FIELDS]


class RolloutTable(EventTable):
    """What running a version on an example yielded."""

    _trees: frozenset[str] = frozenset()
    _last_tree_rollout = 0  # the last rollout that `_trees` knows
    _archived_reply_counts: tuple[int, Mapping[str, int]] = (
        0,
        {},
    )  # the last block, and the replies in blocks by their prompt's tree

    def store_rollout(
        self, key: str, step: int, tree: str, result: RolloutResult, *, traced: bool, **event: Any
    ) -> int:
        """Keep a finished rollout with its trace and say `rollout_finished`, in one transaction."""
        data = {name: value for name in DATA_FIELDS if (value := getattr(result, name))}
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO rollout(key, at, step, tree, example, repeat, split, status, score, seconds, steps, traced, data) "
                "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
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
            identity = int(cursor.lastrowid or 0)
            self._db.executemany(
                "INSERT INTO trace VALUES(?,?,?,?)",
                [(identity, c.first, c.count, c.blob) for c in result.trace],
            )
            self._db.executemany(
                "INSERT INTO picture VALUES(?,?,?,?,?,?)",
                [
                    (identity, p.step, p.width, p.height, p.palette, p.pixels)
                    for p in result.pictures
                ],
            )
            self.append_rollout_event(step, identity, tree, result, cached=False, **event)
        return identity

    def append_rollout_event(
        self,
        step: int,
        rollout: int,
        tree: str,
        result: RolloutResult,
        *,
        cached: bool,
        **event: Any,
    ) -> None:
        """Say `rollout_finished` of a rollout that is kept as row `rollout`."""
        self.append_event(
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
            **event,
        )

    def find_rollout(self, key: str, tree: str, *, traced: bool = False) -> RolloutRow | None:
        """The newest finished rollout of this artifact with this cache key (with a trace, where one
        is wanted)."""
        rows = self._select_rollouts(
            "tree = ? AND key = ? AND traced >= ? ORDER BY id DESC LIMIT 1", tree, key, int(traced)
        )
        if rows:
            return rows[0]
        old = [r for r in self._read_archived_rollouts(tree) if r.key == key and r.traced >= traced]
        return old[-1] if old else None

    def read_rollout(self, identity: int) -> RolloutRow | None:
        if rows := self._select_rollouts("id = ?", identity):
            return rows[0]
        for block in self.read_blocks(ROLLOUT_KIND, "? BETWEEN first AND last", identity):
            for i, _, step, text in block.rows():
                if i == identity:
                    return _parse_rollout(i, step, json.loads(text))
        return None

    def read_rollouts(self, tree: str, split: str = "") -> list[RolloutRow]:
        """Finished rollouts of a version (artifact tree), oldest first."""
        held = self._select_rollouts(
            "tree = ? AND (? = '' OR split = ?) ORDER BY id", tree, split, split
        )
        known = {row.id for row in held}
        old = (
            r
            for r in self._read_archived_rollouts(tree)
            if split in ("", r.result.split) and r.id not in known
        )
        return [*old, *held]

    def _select_rollouts(self, where: str, *values: Any) -> list[RolloutRow]:
        rows = self._db.execute(f"SELECT {COLUMNS} FROM rollout WHERE {where}", values).fetchall()
        return [_parse_rollout(row[0], row[1], (*row[2:-1], json.loads(row[-1]))) for row in rows]

    def _read_archived_rollouts(self, tree: str) -> Iterator[RolloutRow]:
        """Rollouts of an artifact that lie in blocks, oldest first."""
        found = self._db.execute(
            "SELECT block FROM block_tree WHERE tree = ? ORDER BY block", (hash_tree(tree),)
        ).fetchall()
        for (number,) in found:
            for i, _, step, text in self.read_block(number).rows():
                if tree in text and (row := _parse_rollout(i, step, json.loads(text))).tree == tree:
                    yield row

    def last_rollout_id(self) -> int:
        """Id of the newest rollout, 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM rollout").fetchone()[0])

    def read_trees(self) -> frozenset[str]:
        """Artifacts (tree ids) that were rolled out."""
        last = self.last_rollout_id()
        rows = self._db.execute(
            "SELECT DISTINCT tree FROM rollout WHERE id > ? AND id <= ?",
            (self._last_tree_rollout, last),
        )
        fresh = {str(row[0]) for row in rows}
        for block in self.read_blocks(ROLLOUT_KIND, "last > ?", self._last_tree_rollout):
            fresh.update(json.loads(text)[1] for text in block.texts)
        self._trees |= fresh
        self._last_tree_rollout = last
        return self._trees

    def count_replies(self, tree: str) -> int:
        """How many complete replies there are to prompts made for the artifact `tree`."""
        held = self._db.execute(
            "SELECT count(*) FROM reply WHERE complete AND step IN (SELECT step FROM event WHERE kind = 'batch_sampled' "
            "AND json_extract(data, '$.tree') = ?)",
            (tree,),
        ).fetchone()[0]
        return int(held) + self._count_archived_replies().get(tree, 0)

    def _count_archived_replies(self) -> Mapping[str, int]:
        """Complete replies that lie in blocks, by the artifact that their prompt was made for."""
        newest = int(self._db.execute("SELECT coalesce(max(id), 0) FROM block").fetchone()[0])
        if newest != self._archived_reply_counts[0]:
            trees: dict[int, set[str]] = {}
            for event in self.read_events(kinds=["batch_sampled"]):
                trees.setdefault(event.step, set()).add(event.data["tree"])
            rows = (row for block in self.read_blocks(REPLY_KIND) for row in block.rows())
            asked = Counter(
                tree
                for _, _, step, text in rows
                if json.loads(text)[3]
                for tree in trees.get(step, ())
            )
            self._archived_reply_counts = (newest, asked)
        return self._archived_reply_counts[1]

    def read_trace_chunks(
        self, rollout: int, first: int = 0, count: int = 1 << 60
    ) -> list[TraceChunk]:
        """The chunks of a trace that hold steps `first` to `first + count`; the others are not
        read."""
        rows = self._db.execute(
            "SELECT first, count, blob FROM trace WHERE rollout = ? AND first + count > ? AND first < ? ORDER BY first",
            (rollout, first, first + count),
        )
        return [TraceChunk(*row) for row in rows]

    def read_picture(self, rollout: int, step: int) -> Picture | None:
        """The whole picture attached to `step`, or the latest before it. Raises ValueError when it
        is damaged."""
        rows = self._db.execute(
            "SELECT step, width, height, palette, pixels FROM picture WHERE rollout = ? AND step <= ? ORDER BY step DESC LIMIT ?",
            (rollout, step, pictures.KEYFRAME_INTERVAL),
        )
        run: list[Picture] = []
        for row in rows:
            run.insert(0, Picture(*row))
            if pictures.is_keyframe(run[0]):
                break
        return pictures.decode_last(run) if run else None


def hash_tree(tree: str) -> int:
    """A small number by which the blocks of an artifact are found; two artifacts may share it."""
    return zlib.crc32(tree.encode())


def _parse_rollout(identity: int, step: int, told: Sequence[Any]) -> RolloutRow:
    """A row from the rest of its columns, in their order."""
    key, tree, traced, example, repeat, split, status, score, seconds, steps, data = told
    result = RolloutResult(example, repeat, split, status, score, seconds, steps=steps, **data)
    return RolloutRow(identity, key, step, tree, bool(traced), result)
