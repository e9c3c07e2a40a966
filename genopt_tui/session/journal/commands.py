"""Commands of a journal: left by clients, finished by the runner."""

import json

from genopt_tui.session.commands import Command, CommandResult
from genopt_tui.session.journal.database import Database
from genopt_tui.session.journal.events import EventTable
from genopt_tui.session.journal.schema import CommandRow, utc_timestamp


class CommandTable:
    """What clients asked the runner to do."""

    def __init__(self, database: Database, events: EventTable) -> None:
        self._database, self._events = database, events

    def add(self, command: Command) -> int:
        """Leave a command for the runner; returns its id, which `command_done` names."""
        return self._database.insert(
            "INSERT INTO command(at, kind, data) VALUES(?,?,?)",
            (utc_timestamp(), command.kind, json.dumps(command.to_json())),
        )

    def read(self) -> list[CommandRow]:
        """Unfinished commands, oldest first."""
        rows = self._database.execute(
            "SELECT id, kind, data FROM command WHERE done = 0 ORDER BY id"
        )
        return [CommandRow(number, kind, json.loads(data)) for number, kind, data in rows]

    def finish(self, row: CommandRow, result: CommandResult, *, step: int = 0) -> None:
        """Store the result of a command and append `command_done` with `step`, the step in flight,
        in one transaction."""
        with self._database.transaction():
            self._database.execute(
                "UPDATE command SET done = 1, ok = ?, why = ?, step = ? WHERE id = ?",
                (result.ok, result.why, result.step, row.id),
            )
            self._events.append(
                step, "command_done", id=row.id, command=row.kind, ok=result.ok, why=result.why
            )

    def read_result(self, command: int) -> CommandResult | None:
        """The result of the command with this id, None while it is unfinished."""
        row = self._database.execute(
            "SELECT ok, coalesce(why, ''), step FROM command WHERE id = ? AND done = 1", (command,)
        ).fetchone()
        return CommandResult(bool(row[0]), row[1], row[2]) if row else None
