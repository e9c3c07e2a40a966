"""The journal of a session: what is happening, as rows in SQLite. Git holds what has been decided.

Writers: the runner (events, replies, rollouts) and its clients (commands only). Readers poll
`changed()` and hold no
transaction open. Only the standard library is imported here: the interface reads the journal before
anything else.
`events`, `replies` and `rollouts` hold what there is of each, `blocks` old rows of all, which
`archive` makes when idle.
"""

import json
from typing import Any

from genopt_tui.session.journal.archive import Archiver
from genopt_tui.session.journal.schema import (
    Command,
    Event,
    Reply,
    RolloutRow,
    journal_path,
    utc_timestamp,
)


class Journal(Archiver):
    """One connection to a session's journal; use it from one thread only."""

    def add_command(self, kind: str, /, **data: Any) -> int:
        """Leave a command for the runner; its id is named by the `command_done` event."""
        cursor = self._db.execute(
            "INSERT INTO command(at, kind, data) VALUES(?,?,?)",
            (utc_timestamp(), kind, json.dumps(data)),
        )
        return int(cursor.lastrowid or 0)

    def read_commands(self) -> list[Command]:
        """Commands that nobody has taken up yet, oldest first."""
        rows = self._db.execute("SELECT id, kind, data FROM command WHERE done = 0 ORDER BY id")
        return [Command(i, kind, json.loads(data)) for i, kind, data in rows]

    def finish_command(
        self, command: Command, ok: bool = True, why: str = "", *, step: int = 0
    ) -> None:
        """Mark a command as taken up and say so, in one transaction."""
        with self._transaction():
            self._db.execute(
                "UPDATE command SET done = 1, ok = ?, why = ? WHERE id = ?", (ok, why, command.id)
            )
            self.append_event(
                step, "command_done", id=command.id, command=command.kind, ok=ok, why=why
            )

    def read_command_result(self, command: int) -> tuple[bool, str] | None:
        """(ok, why) of a command, None while it waits."""
        row = self._db.execute(
            "SELECT ok, coalesce(why, '') FROM command WHERE id = ? AND done = 1", (command,)
        ).fetchone()
        return (bool(row[0]), row[1]) if row else None


__all__ = ["Command", "Event", "Journal", "Reply", "RolloutRow", "journal_path", "utc_timestamp"]
