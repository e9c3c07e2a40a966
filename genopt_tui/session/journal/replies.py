"""Replies of models in a journal, raw, and the pieces of those that are still arriving."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genopt_tui.session.journal.blocks import REPLY_KIND, BlockStore
from genopt_tui.session.journal.database import Database
from genopt_tui.session.journal.events import EventTable
from genopt_tui.session.journal.schema import Event, Reply, utc_timestamp

COLUMNS = "step, candidate, attempt, text, complete, finish_reason, usage, cost, seconds, error"


class ReplyTable:
    """What models answered."""

    def __init__(self, database: Database, blocks: BlockStore, events: EventTable) -> None:
        self._database, self._blocks, self._events = database, blocks, events
        self._archived_counts: tuple[int, Mapping[str, int]] = (0, {})
        """The last block, and the complete replies in blocks by the artifact of their prompt."""

    def add_chunk(self, step: int, candidate: int, attempt: int, text: str) -> None:
        """Store a piece of a reply that is still arriving."""
        self._database.execute(
            "INSERT INTO reply_chunk(step, candidate, attempt, text) VALUES(?,?,?,?)",
            (step, candidate, attempt, text),
        )

    def read_chunks(self, after: int = 0) -> list[tuple[int, int, int, int, str]]:
        """(id, step, candidate, attempt, text) of the stored pieces after the id `after`."""
        return self._database.execute(
            "SELECT id, step, candidate, attempt, text FROM reply_chunk WHERE id > ? ORDER BY id",
            (after,),
        ).fetchall()

    def read_updates(
        self, event: int, piece: int
    ) -> tuple[list[Event], list[tuple[int, int, int, int, str]]]:
        """Events after the id `event` and pieces after the id `piece`, both as of one moment.

        The pieces belong to replies that none of these events finishes.
        """
        self._database.execute("BEGIN")
        try:
            return self._events.read(event), self.read_chunks(piece)
        finally:
            self._database.execute("COMMIT")

    def store(self, reply: Reply, **event: Any) -> int:
        """Store a reply, drop its pieces and append `reply_finished`, in one transaction; durable
        when this returns. Returns the reply's id."""
        with self._database.transaction():
            self._database.execute(
                "DELETE FROM reply_chunk WHERE step = ? AND candidate = ? AND attempt = ?",
                (reply.step, reply.candidate, reply.attempt),
            )
            number = self._database.insert(
                f"INSERT INTO reply({COLUMNS}, at) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                (
                    reply.step,
                    reply.candidate,
                    reply.attempt,
                    reply.text,
                    reply.complete,
                    reply.finish_reason,
                    json.dumps(reply.usage),
                    reply.cost,
                    reply.seconds,
                    reply.error,
                    utc_timestamp(),
                ),
            )
            self._events.append(
                reply.step,
                "reply_finished",
                candidate=reply.candidate,
                attempt=reply.attempt,
                reply=number,
                complete=reply.complete,
                finish_reason=reply.finish_reason,
                usage=reply.usage,
                cost=reply.cost,
                seconds=reply.seconds,
                error=reply.error,
                **event,
            )
        return number

    def read(self, step: int) -> list[Reply]:
        """All replies of a step, in order of arrival."""
        if live := self._select("step = ?", step):
            return live
        archived = self._read_archived("? BETWEEN low AND high", step)
        return [reply for reply in archived if reply.step == step]

    def sum_usage(self, after: int = 0) -> tuple[int, int, int, float, bool]:
        """What replies after the id `after` took: (last id, calls, tokens, US dollars, whether some
        cost is unknown).

        Tokens that no provider reported are estimated from the reply's length.
        """
        live = {reply.id: reply for reply in self._select("id > ?", after)}
        archived = self._read_archived("last > ?", after)
        replies = [reply for reply in archived if reply.id > after and reply.id not in live]
        replies += live.values()
        tokens = sum(sum(r.usage.values()) if r.usage else len(r.text) // 4 for r in replies)
        costs = [reply.cost for reply in replies]
        total = sum(cost for cost in costs if cost is not None)
        last = max((reply.id for reply in replies), default=after)
        return last, len(replies), tokens, total, None in costs

    def count(self, tree: str) -> int:
        """How many complete replies there are to prompts made for the artifact `tree`."""
        live = self._database.read_int(
            "SELECT count(*) FROM reply WHERE complete AND step IN (SELECT step FROM event "
            "WHERE kind = 'batch_sampled' AND json_extract(data, '$.tree') = ?)",
            (tree,),
        )
        return live + self._count_archived().get(tree, 0)

    def _count_archived(self) -> Mapping[str, int]:
        """Complete replies in blocks, by the artifact that their prompt was made for."""
        newest = self._database.read_int("SELECT coalesce(max(id), 0) FROM block")
        if newest != self._archived_counts[0]:
            trees: dict[int, set[str]] = {}
            for event in self._events.read(kinds=["batch_sampled"]):
                trees.setdefault(event.step, set()).add(event.data["tree"])
            replies = (reply for reply in self._read_archived() if reply.complete)
            counts = Counter(tree for reply in replies for tree in trees.get(reply.step, ()))
            self._archived_counts = (newest, counts)
        return self._archived_counts[1]

    def _select(self, condition: str, value: int) -> list[Reply]:
        rows = self._database.execute(
            f"SELECT {COLUMNS}, id FROM reply WHERE {condition} ORDER BY id", (value,)
        )
        return [_parse_reply(row) for row in rows.fetchall()]

    def _read_archived(self, condition: str = "1", *values: int) -> Iterator[Reply]:
        """Replies in blocks."""
        for block in self._blocks.read_of_kind(REPLY_KIND, condition, *values):
            for number, _, step, text in block.rows():
                columns: list[Any] = [step, *json.loads(text), number]
                yield Reply(*columns)


def _parse_reply(row: Sequence[Any]) -> Reply:
    """A reply from the columns `COLUMNS` and its id."""
    step, candidate, attempt, text, complete, reason, usage, cost, seconds, error, number = row
    return Reply(
        step,
        candidate,
        attempt,
        text,
        bool(complete),
        reason,
        json.loads(usage),
        cost,
        seconds or 0.0,
        error or "",
        number,
    )
