"""Events of a journal: appended by the runner, read by everybody."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from genopt_tui.session.journal.blocks import BlockStore
from genopt_tui.session.journal.schema import (
    FREQUENT_KINDS,
    Event,
    pack_data,
    unpack_data,
    utc_timestamp,
)

COLUMNS = "id, at, step, kind, data"


def _kinds_condition(kinds: Sequence[str]) -> str:
    """The condition that an event is of one of these kinds, such that the index of rare ones serves
    where it can."""
    rare = (
        ""
        if any(f"'{kind}'" in FREQUENT_KINDS for kind in kinds)
        else f" AND kind NOT IN {FREQUENT_KINDS}"
    )
    return f"kind IN ({','.join('?' * len(kinds))}){rare}"


class EventTable(BlockStore):
    """What was said, in order."""

    listener: Callable[[Event], None] | None = None
    """Hears each event that this connection appends, as readers will see it."""

    def append_event(self, step: int, kind: str, /, **data: Any) -> Event:
        """Append an event; durable when this returns."""
        at, text = utc_timestamp(), json.dumps(data)
        cursor = self._db.execute(
            "INSERT INTO event(at, step, kind, data) VALUES(?,?,?,?)",
            (at, step, kind, pack_data(kind, text)),
        )
        event = Event(int(cursor.lastrowid or 0), at, step, kind, json.loads(text))
        if self.listener:
            self.listener(event)
        return event

    def read_events(
        self, after: int = 0, *, step: int | None = None, kinds: Sequence[str] = (), limit: int = -1
    ) -> list[Event]:
        """Events in order, after the id `after`; of one step or of some kinds where given."""
        where, values = ["id > ?"], [after]
        if step is not None:
            where, values = [*where, "step = ?"], [*values, step]
        if kinds:
            where.append(_kinds_condition(kinds))
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM event WHERE {' AND '.join(where)} ORDER BY id LIMIT ?",
            (*values, *kinds, limit),
        ).fetchall()
        found = [Event(i, at, s, kind, unpack_data(data)) for i, at, s, kind, data in rows]
        if old := list(self._read_archived_events(after, step, kinds)):
            known = {event.id for event in old}
            found = sorted([*old, *(e for e in found if e.id not in known)], key=lambda e: e.id)
        return found if limit < 0 else found[:limit]

    def find_last(
        self, *kinds: str, step: int | None = None, below: int | None = None
    ) -> Event | None:
        """The newest event of these kinds, of one step or of the steps before `below` where
        given."""
        clause, values = ("AND step = ?", [step]) if step is not None else ("", [])
        if below is not None:
            clause, values = (
                "AND +step < ?",
                [below],
            )  # `+`: backwards from the newest, not through all steps before
        row = self._db.execute(
            f"SELECT {COLUMNS} FROM event WHERE {_kinds_condition(kinds)} {clause} ORDER BY id DESC LIMIT 1",
            (*kinds, *values),
        ).fetchone()
        if row:
            return Event(row[0], row[1], row[2], row[3], unpack_data(row[4]))
        where = (
            clause.removeprefix("AND ")
            .replace("step = ?", "? BETWEEN low AND high")
            .replace("+step < ?", "low < ?")
        )
        for kind, block in reversed(self.read_event_blocks(kinds, where or "1", *values)):
            for i, at, s, text in reversed(list(block.rows())):
                if (step is None or s == step) and (below is None or s < below):
                    return Event(i, at, s, kind, json.loads(text))
        return None

    def count_events(self, kind: str, after: int = 0) -> int:
        """How many events of a kind there are after the id `after`."""
        row = self._db.execute(
            f"SELECT count(*) FROM event WHERE id > ? AND {_kinds_condition([kind])}", (after, kind)
        )
        held = int(row.fetchone()[0])
        return held + sum(
            i > after
            for _, block in self.read_event_blocks([kind], "last > ?", after)
            for i in block.ids
        )

    def last_event_id(self) -> int:
        """Id of the newest event, 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0])

    def last_step(self) -> int:
        """The highest step number in the journal; 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(step), 0) FROM event").fetchone()[0])

    def first_step(self) -> int:
        """The lowest step number in the journal, 0 when there is none: above 1 where an earlier
        journal was lost."""
        held = self._db.execute("SELECT min(step) FROM event WHERE step > 0").fetchone()[0]
        old = self._db.execute("SELECT min(low) FROM block WHERE low > 0").fetchone()[0]
        return min((int(step) for step in (held, old) if step is not None), default=0)

    def _read_archived_events(
        self, after: int, step: int | None, kinds: Sequence[str]
    ) -> Iterator[Event]:
        """Events that lie in blocks."""
        where, values = (
            ("last > ?", [after])
            if step is None
            else ("last > ? AND ? BETWEEN low AND high", [after, step])
        )
        for kind, block in self.read_event_blocks(kinds, where, *values):
            for i, at, s, text in block.rows():
                if i > after and step in (None, s):
                    yield Event(i, at, s, kind, json.loads(text))
