"""The SQLite file of a journal: how it is opened and upgraded, and its transactions."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.session.journal.schema import (
    CHECKPOINT_PAGES,
    FORMAT,
    PAGE_BYTES,
    SCHEMA,
    journal_path,
)


class Database:
    """One connection to a session's journal; use it from one thread only.

    `durable` writers flush each commit to the disk (the runner and commands); readers need not.
    Raises SessionError when the file cannot be read or a newer genopt wrote it.
    """

    def __init__(self, session: Path, *, durable: bool = True) -> None:
        file = journal_path(session)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            self.connection = sqlite3.connect(file, timeout=10, isolation_level=None)
            self.execute(f"PRAGMA page_size={PAGE_BYTES}")
            self.execute("PRAGMA journal_mode=WAL")
            self.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            self.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            version = self.read_int("PRAGMA user_version")
            if version > FORMAT:
                self.connection.close()
                raise SessionError(
                    f"the journal of {session.name} was written by a newer genopt",
                    f"its format is {version}, this genopt reads up to {FORMAT}",
                    "Update genopt",
                )
            if version != FORMAT:
                self._upgrade()
        except sqlite3.DatabaseError as error:
            raise SessionError(
                f"cannot open the journal of {session.name}",
                str(error),
                f"Move {file} away: versions stay, only what was in flight is lost",
            ) from error
        self._data_version = -1

    def _upgrade(self) -> None:
        """Create the tables, or add what journals of older formats lack."""
        with self.transaction():  # two processes may open an old journal at the same time
            for statement in SCHEMA.split(";"):
                self.execute(statement)
            columns = {row[1] for row in self.execute("PRAGMA table_info(command)")}
            if "step" not in columns:  # before format 4
                self.execute("ALTER TABLE command ADD COLUMN step INTEGER")
            self.execute(f"PRAGMA user_version={FORMAT}")

    def execute(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run one SQL statement."""
        return self.connection.execute(statement, tuple(values))

    def execute_many(self, statement: str, rows: Iterable[Iterable[Any]]) -> None:
        """Run one SQL statement for each row of values."""
        self.connection.executemany(statement, map(tuple, rows))

    def insert(self, statement: str, values: Iterable[Any]) -> int:
        """Run one INSERT and return the id of the new row."""
        return int(self.execute(statement, values).lastrowid or 0)

    def read_int(self, query: str, values: Iterable[Any] = ()) -> int:
        """The single number that a query yields."""
        return int(self.execute(query, values).fetchone()[0])

    def close(self) -> None:
        self.connection.close()

    def has_changed(self) -> bool:
        """Whether another connection committed since the last call (true at the first)."""
        version = self.read_int("PRAGMA data_version")
        changed, self._data_version = version != self._data_version, version
        return changed

    def group_commit(self) -> "Transaction":
        """A transaction whose writes become durable and visible at its end, even when its block
        raises."""
        return Transaction(self.connection, keep=True)

    def transaction(self) -> "Transaction":
        """A transaction that is rolled back when its block raises."""
        return Transaction(self.connection)


class Transaction:
    """`BEGIN IMMEDIATE` ... `COMMIT`, rolled back when the block raises (not with `keep`).

    Inside another transaction it is a savepoint of that one.
    """

    def __init__(self, connection: sqlite3.Connection, *, keep: bool = False) -> None:
        self._connection, self._keep, self._inner = connection, keep, False

    def __enter__(self) -> None:
        self._inner = self._connection.in_transaction
        self._connection.execute("SAVEPOINT part" if self._inner else "BEGIN IMMEDIATE")

    def roll_back(self) -> None:
        """End the transaction and discard what was written in it."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind and not self._keep:
            self._connection.execute("ROLLBACK TO part" if self._inner else "ROLLBACK")
        if self._inner:
            self._connection.execute("RELEASE part")
        elif self._connection.in_transaction:
            self._connection.execute("COMMIT")
