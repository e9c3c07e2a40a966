"""The SQLite file of a journal: how it is opened, what tables it has, and its transactions."""

import sqlite3
from pathlib import Path

from genopt_tui.errors import SessionError
from genopt_tui.session.rows import path_of

FORMAT = 3
PAGE = 512  # bytes: an event changes a few pages, which are written whole
OFTEN = (
    "('rollout_finished','evidence_built','prompt_built','reply_finished','edit_parsed','gate_finished','decided',"
    "'committed','rejected','budget','prompted')"
)
"""Events that nobody looks up by kind alone, or only the newest one: they are in no index but their step's."""
CHECKPOINT = 4096  # pages in the log before they are put in their places: the more, the fewer are written twice
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, at TEXT NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_step ON event(step);
DROP INDEX IF EXISTS event_rare;
CREATE INDEX event_rare ON event(kind, id) WHERE kind NOT IN {OFTEN};
CREATE INDEX IF NOT EXISTS event_base ON event(json_extract(data, '$.tree')) WHERE kind = 'batch_sampled';
CREATE TABLE IF NOT EXISTS command(id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, ok INTEGER, why TEXT);
CREATE TABLE IF NOT EXISTS reply(id INTEGER PRIMARY KEY, step INTEGER NOT NULL, candidate INTEGER NOT NULL, attempt INTEGER NOT NULL,
  at TEXT NOT NULL, text TEXT NOT NULL, complete INTEGER NOT NULL, finish_reason TEXT, usage TEXT NOT NULL, cost REAL, seconds REAL, error TEXT);
CREATE INDEX IF NOT EXISTS reply_step ON reply(step, candidate, attempt);
CREATE TABLE IF NOT EXISTS reply_chunk(id INTEGER PRIMARY KEY AUTOINCREMENT, step INTEGER NOT NULL, candidate INTEGER NOT NULL,
  attempt INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rollout(id INTEGER PRIMARY KEY, key TEXT NOT NULL, at TEXT NOT NULL, step INTEGER NOT NULL, tree TEXT NOT NULL,
  example TEXT NOT NULL, repeat INTEGER NOT NULL, split TEXT NOT NULL, status TEXT NOT NULL, score REAL, seconds REAL NOT NULL,
  steps INTEGER NOT NULL, traced INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS rollout_tree ON rollout(tree, split);
CREATE TABLE IF NOT EXISTS trace(rollout INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, blob BLOB NOT NULL,
  PRIMARY KEY(rollout, first));
CREATE TABLE IF NOT EXISTS picture(rollout INTEGER NOT NULL, step INTEGER NOT NULL, width INTEGER, height INTEGER, palette BLOB, pixels BLOB,
  PRIMARY KEY(rollout, step));
CREATE TABLE IF NOT EXISTS block(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  low INTEGER NOT NULL, high INTEGER NOT NULL, rows BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS block_place ON block(kind, last, low, high);
CREATE TABLE IF NOT EXISTS block_tree(tree INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY(tree, block)) WITHOUT ROWID;
"""


class Database:
    """One connection to a session's journal; use it from one thread only.

    `durable` writers flush each commit to the disk (the runner and commands); readers need not.
    """

    def __init__(self, session: Path, *, durable: bool = True) -> None:
        file = path_of(session)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            self._db = sqlite3.connect(file, timeout=10, isolation_level=None)
            self._db.execute(f"PRAGMA page_size={PAGE}")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT}")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            if self._db.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                self._db.executescript(SCHEMA + f"PRAGMA user_version={FORMAT};")
        except sqlite3.DatabaseError as error:
            raise SessionError(
                f"cannot open the journal of {session.name}",
                str(error),
                f"Move {file} away: versions stay, only what was in flight is lost",
            ) from error
        self._seen = -1

    def close(self) -> None:
        self._db.close()

    def changed(self) -> bool:
        """Whether another connection committed since the last call (true at the first)."""
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        changed, self._seen = version != self._seen, version
        return bool(changed)

    def together(self) -> "Transaction":
        """What is written in this block becomes durable and visible at its end, in one go; also when it raises."""
        return Transaction(self._db, keep=True)

    def _transaction(self) -> "Transaction":
        return Transaction(self._db)


class Transaction:
    """`BEGIN IMMEDIATE` ... `COMMIT`, rolled back when the block raises (not with `keep`); within another, a part of it."""

    def __init__(self, db: sqlite3.Connection, *, keep: bool = False) -> None:
        self._db, self._keep, self._inner = db, keep, False

    def __enter__(self) -> None:
        self._inner = self._db.in_transaction
        self._db.execute("SAVEPOINT part" if self._inner else "BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind and not self._keep:
            self._db.execute("ROLLBACK TO part" if self._inner else "ROLLBACK")
        if self._inner:
            self._db.execute("RELEASE part")
        elif self._db.in_transaction:
            self._db.execute("COMMIT")
