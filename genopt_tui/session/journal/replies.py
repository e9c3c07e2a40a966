"""Replies of models in a journal, raw, and the pieces of those that are still arriving."""

import json
from collections.abc import Iterator
from typing import Any

from genopt_tui.session.journal.blocks import REPLY_KIND
from genopt_tui.session.journal.events import EventTable
from genopt_tui.session.journal.schema import Event, Reply, utc_timestamp

COLUMNS = "step, candidate, attempt, text, complete, finish_reason, usage, cost, seconds, error"


class ReplyTable(EventTable):
    """What models answered."""

    def add_chunk(self, step: int, candidate: int, attempt: int, text: str) -> None:
        """Keep a piece of a reply that is still arriving."""
        self._db.execute(
            "INSERT INTO reply_chunk(step, candidate, attempt, text) VALUES(?,?,?,?)",
            (step, candidate, attempt, text),
        )

    def read_chunks(self, after: int = 0) -> list[tuple[int, int, int, int, str]]:
        """(id, step, candidate, attempt, text) of pieces still held, after the id `after`."""
        return self._db.execute(
            "SELECT id, step, candidate, attempt, text FROM reply_chunk WHERE id > ? ORDER BY id",
            (after,),
        ).fetchall()

    def read_updates(
        self, event: int, piece: int
    ) -> tuple[list[Event], list[tuple[int, int, int, int, str]]]:
        """Events after the id `event` and pieces after the id `piece`, both as of one moment.

        A piece then belongs to a reply of which no `reply_finished` among these events tells: it
        comes after them.
        """
        self._db.execute("BEGIN")
        try:
            return self.read_events(event), self.read_chunks(piece)
        finally:
            self._db.execute("COMMIT")

    def store_reply(self, reply: Reply, **event: Any) -> int:
        """Keep a reply, drop its pieces and say `reply_finished`, in one transaction; durable when
        this returns."""
        with self._transaction():
            self._db.execute(
                "DELETE FROM reply_chunk WHERE step = ? AND candidate = ? AND attempt = ?",
                (reply.step, reply.candidate, reply.attempt),
            )
            cursor = self._db.execute(
                "INSERT INTO reply(step, candidate, attempt, at, text, complete, finish_reason, usage, cost, seconds, error) "
                "VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                (
                    reply.step,
                    reply.candidate,
                    reply.attempt,
                    utc_timestamp(),
                    reply.text,
                    reply.complete,
                    reply.finish_reason,
                    json.dumps(reply.usage),
                    reply.cost,
                    reply.seconds,
                    reply.error,
                ),
            )
            identity = int(cursor.lastrowid or 0)
            self.append_event(
                reply.step,
                "reply_finished",
                candidate=reply.candidate,
                attempt=reply.attempt,
                reply=identity,
                complete=reply.complete,
                finish_reason=reply.finish_reason,
                usage=reply.usage,
                cost=reply.cost,
                seconds=reply.seconds,
                error=reply.error,
                **event,
            )
        return identity

    def read_replies(self, step: int) -> list[Reply]:
        """All replies of a step, in order of arrival."""
        rows = self._db.execute(
            f"SELECT {COLUMNS}, id FROM reply WHERE step = ? ORDER BY id", (step,)
        ).fetchall()
        return [_parse_reply(row) for row in rows] or [
            r for r in self._read_archived_replies("? BETWEEN low AND high", step) if r.step == step
        ]

    def sum_usage(self, after: int = 0) -> tuple[int, int, int, float, bool]:
        """What replies after the id `after` took: (last id, calls, tokens, US dollars, whether some
        cost is unknown).

        Tokens that no provider reported are estimated from the reply's length.
        """
        rows = self._db.execute(
            f"SELECT {COLUMNS}, id FROM reply WHERE id > ? ORDER BY id", (after,)
        ).fetchall()
        held = {row[-1]: _parse_reply(row) for row in rows}
        replies = [
            *(
                r
                for r in self._read_archived_replies("last > ?", after)
                if r.id > after and r.id not in held
            ),
            *held.values(),
        ]
        tokens = sum(sum(r.usage.values()) if r.usage else len(r.text) // 4 for r in replies)
        costs = [r.cost for r in replies]
        total = sum(cost for cost in costs if cost is not None)
        return (
            max((r.id for r in replies), default=after),
            len(replies),
            tokens,
            total,
            None in costs,
        )

    def _read_archived_replies(self, where: str, value: int) -> Iterator[Reply]:
        """Replies that lie in blocks."""
        for block in self.read_blocks(REPLY_KIND, where, value):
            for i, _, step, text in block.rows():
                candidate, attempt, said, complete, reason, usage, cost, seconds, error = (
                    json.loads(text)
                )
                yield Reply(
                    step, candidate, attempt, said, complete, reason, usage, cost, seconds, error, i
                )


def _parse_reply(row: Any) -> Reply:
    step, candidate, attempt, text, complete, reason, usage, cost, seconds, error, identity = row
    used = json.loads(usage)
    return Reply(
        step,
        candidate,
        attempt,
        text,
        bool(complete),
        reason,
        used,
        cost,
        seconds or 0.0,
        error or "",
        identity,
    )
