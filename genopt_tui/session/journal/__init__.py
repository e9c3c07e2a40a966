"""The journal of a session: what is happening, as rows in SQLite. Git holds what has been decided.

Writers: the runner (events, replies, rollouts) and its clients (commands only). Readers poll
`changed()` and hold no
transaction open. Only the standard library is imported here: the interface reads the journal before
anything else.
`events`, `replies` and `rollouts` hold what there is of each, `blocks` old rows of all, which
`archive` makes when idle.
"""

import json

from genopt_tui.session.commands import Command, CommandResult
from genopt_tui.session.journal.archive import Archiver
from genopt_tui.session.journal.schema import (
    CommandRow,
    Event,
    Reply,
    RolloutRow,
    journal_path,
    utc_timestamp,
)


class Journal(Archiver):
    """One connection to a session's journal; use it from one thread only."""

    def add_command(self, command: "Command") -> int:
        """Leave a command for the runner; its id is named by the `command_done` event."""
        cursor = self._db.execute(
            "INSERT INTO command(at, kind, data) VALUES(?,?,?)",
            (utc_timestamp(), command.kind, json.dumps(command.to_json())),
        )
        return int(cursor.lastrowid or 0)

    def read_commands(self) -> list[CommandRow]:
        """Commands that no runner has finished yet, oldest first."""
        rows = self._db.execute("SELECT id, kind, data FROM command WHERE done = 0 ORDER BY id")
        return [CommandRow(i, kind, json.loads(data)) for i, kind, data in rows]

    def finish_command(self, row: CommandRow, result: "CommandResult", *, step: int = 0) -> None:
        """Store the result of a command and append `command_done` with `step`, the step in flight,
        in one transaction."""
        with self._transaction():
            self._db.execute(
                "UPDATE command SET done = 1, ok = ?, why = ?, step = ? WHERE id = ?",
                (result.ok, result.why, result.step, row.id),
            )
            self.append_event(
                step, "command_done", id=row.id, command=row.kind, ok=result.ok, why=result.why
            )

    def read_command_result(self, command: int) -> "CommandResult | None":
        """The result of the command with this id, None while it waits."""
        row = self._db.execute(
            "SELECT ok, coalesce(why, ''), step FROM command WHERE id = ? AND done = 1", (command,)
        ).fetchone()
        return CommandResult(bool(row[0]), row[1], row[2]) if row else None


__all__ = ["CommandRow", "Event", "Journal", "Reply", "RolloutRow", "journal_path", "utc_timestamp"]
