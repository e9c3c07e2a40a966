"""Events of a journal: appended by the runner, read by everybody."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from genopt_tui.session.journal.blocks import BlockStore
from genopt_tui.session.journal.compression import compress, decompress
from genopt_tui.session.journal.database import Database
from genopt_tui.session.journal.schema import FREQUENT_KINDS, Event, utc_timestamp

COLUMNS = "id, at, step, kind, data"
COMPRESS_FROM_BYTES = 2000  # event data from this size on is compressed: prompts, few others


def format_data(kind: str, text: str) -> str | bytes:
    """An event's data (JSON) as its row holds it. SQL reads into `batch_sampled`, which therefore
    stays text."""
    is_text = len(text) < COMPRESS_FROM_BYTES or kind == "batch_sampled"
    return text if is_text else compress(text)


def parse_data(stored: str | bytes) -> dict[str, Any]:
    """An event's data as its row holds it."""
    data: dict[str, Any] = json.loads(stored if isinstance(stored, str) else decompress(stored))
    return data


def _kinds_condition(kinds: Sequence[str]) -> str:
    """The SQL condition that an event is of one of these kinds, worded so that SQLite can use the
    index of rare kinds."""
    is_rare = not any(f"'{kind}'" in FREQUENT_KINDS for kind in kinds)
    rare = f" AND kind NOT IN {FREQUENT_KINDS}" if is_rare else ""
    return f"kind IN ({','.join('?' * len(kinds))}){rare}"


class EventTable:
    """What happened, in order."""

    def __init__(self, database: Database, blocks: BlockStore) -> None:
        self._database, self._blocks = database, blocks
        self.listener: Callable[[Event], None] | None = None
        """Called with each event that this connection appends, as readers will see it."""

    def append(self, step: int, kind: str, /, **data: Any) -> Event:
        """Append an event; durable when this returns."""
        at, text = utc_timestamp(), json.dumps(data)
        number = self._database.insert(
            "INSERT INTO event(at, step, kind, data) VALUES(?,?,?,?)",
            (at, step, kind, format_data(kind, text)),
        )
        event = Event(number, at, step, kind, json.loads(text))
        if self.listener:
            self.listener(event)
        return event

    def read(
        self, after: int = 0, *, step: int | None = None, kinds: Sequence[str] = (), limit: int = -1
    ) -> list[Event]:
        """Events in order, after the id `after`; of one step or of some kinds where given."""
        conditions, values = ["id > ?"], [after]
        if step is not None:
            conditions, values = [*conditions, "step = ?"], [*values, step]
        if kinds:
            conditions.append(_kinds_condition(kinds))
        rows = self._database.execute(
            f"SELECT {COLUMNS} FROM event WHERE {' AND '.join(conditions)} ORDER BY id LIMIT ?",
            (*values, *kinds, limit),
        ).fetchall()
        events = [_parse_event(row) for row in rows]
        if archived := list(self._read_archived(after, step, kinds)):
            known = {event.id for event in archived}
            live = (event for event in events if event.id not in known)
            events = sorted([*archived, *live], key=lambda event: event.id)
        return events if limit < 0 else events[:limit]

    def find_last(
        self, *kinds: str, step: int | None = None, below: int | None = None
    ) -> Event | None:
        """The newest event of these kinds, of one step or of the steps before `below` where
        given."""
        condition, block_condition, values = _kinds_condition(kinds), "1", []
        if step is not None:
            condition, block_condition = f"{condition} AND step = ?", "? BETWEEN low AND high"
            values.append(step)
        if below is not None:
            # `+` keeps SQLite off the index of steps: it shall go back from the newest event
            condition, block_condition = (
                f"{condition} AND +step < ?",
                f"{block_condition} AND low < ?",
            )
            values.append(below)
        row = self._database.execute(
            f"SELECT {COLUMNS} FROM event WHERE {condition} ORDER BY id DESC LIMIT 1",
            (*kinds, *values),
        ).fetchone()
        if row:
            return _parse_event(row)
        for kind, block in reversed(self._blocks.read_events(kinds, block_condition, *values)):
            for number, at, row_step, text in reversed(list(block.rows())):
                if step in (None, row_step) and (below is None or row_step < below):
                    return Event(number, at, row_step, kind, json.loads(text))
        return None

    def count(self, kind: str, after: int = 0) -> int:
        """How many events of a kind come after the id `after`."""
        live = self._database.read_int(
            f"SELECT count(*) FROM event WHERE id > ? AND {_kinds_condition([kind])}", (after, kind)
        )
        blocks = self._blocks.read_events([kind], "last > ?", after)
        return live + sum(number > after for _, block in blocks for number in block.ids)

    def last_id(self) -> int:
        """Id of the newest event, 0 when there is none."""
        return self._database.read_int("SELECT coalesce(max(id), 0) FROM event")

    def last_step(self) -> int:
        """The highest step number in the journal; 0 when there is none."""
        return self._database.read_int("SELECT coalesce(max(step), 0) FROM event")

    def first_step(self) -> int:
        """The lowest step number in the journal, 0 when there is none: above 1 where an earlier
        journal was lost."""
        queries = (
            "SELECT min(step) FROM event WHERE step > 0",
            "SELECT min(low) FROM block WHERE low > 0",
        )
        lowest = [self._database.execute(query).fetchone()[0] for query in queries]
        return min((int(step) for step in lowest if step is not None), default=0)

    def _read_archived(self, after: int, step: int | None, kinds: Sequence[str]) -> Iterator[Event]:
        """Events in blocks."""
        condition, values = "last > ?", [after]
        if step is not None:
            condition, values = f"{condition} AND ? BETWEEN low AND high", [after, step]
        for kind, block in self._blocks.read_events(kinds, condition, *values):
            for number, at, row_step, text in block.rows():
                if number > after and step in (None, row_step):
                    yield Event(number, at, row_step, kind, json.loads(text))


def _parse_event(row: tuple[int, str, int, str, str | bytes]) -> Event:
    """An event from the columns `COLUMNS`."""
    number, at, step, kind, data = row
    return Event(number, at, step, kind, parse_data(data))
