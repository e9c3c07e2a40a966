"""What the journal holds, row by row. Only the standard library: the interface reads the journal
before anything else.

The SQLite file of a journal: how it is opened, what tables it has, and its transactions.
"""

import json
import sqlite3
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.task.rollout import RolloutResult

COMPRESS_FROM_BYTES = 200  # bytes of an event's data from which it is compressed
COMPRESSION_DICTIONARY = (
    b'{"step": 0, "candidate": 0, "attempt": 0, "messages": [{"role": "system", "content": "# Objective # Artifact # Evidence '
    b'# Memory # Hints # Answer format"}, {"role": "user"}], "sections": [{"name": "objective", "tokens": 100, "cuts": 0}, '
    b'{"name": "artifact"}, {"name": "memory"}, {"name": "answer"}], "repair": false, "parts": [{"example": "seed-0", "repeat": 0, '
    b'"score": 0.0, "status": "ok", "rollout": 0, "steps": 0, "shown": [[0, 2]], "wanted": [[0, 2]], "cut": 0, "tokens": 20}], '
    b'"budget": 8000, "estimated": true, "horizon": {"kind": "full", "steps": 5}, "covers": {"trace": "", "score": ""}, '
    b'"mean": 0.0, "left_out": [], "dropped": [], "pinned": [], "fingerprint": "", "rule": "", "gate": {"rule": "better", '
    b'"examples": 10, "repeats": 1, "confidence": 0.95, "looks": 1}, "version": "", "tree": "", "base_tree": "", "branch": "main", '
    b'"subject": "step 1: ", "decision": "gate", "reason": "better: 0 -> 1, n=10", "by": "gate", "stderr": null, "n": 10, '
    b'"failed": 0, "complete": true, "base_mean": 0.0, "base_stderr": 0.0, "base_score": 0.0, "verdict": "undecided", "cost": 0.001, '
    b'"promises_kept": 0, "promises": 0, "difference": 0.0, "interval": [-0.1, 0.1], "p": 0.5, "test": "paired sign-flip permutation", '
    b'"confidence": 0.95, "better": 0, "worse": 0, "same": 0, "spent": {"steps": 1, "cost": 0.0, "tokens": 0, "calls": 1, '
    b'"minutes": 0.0}, "agent": {}, "limits": {}, "unknown_cost": false, "warning": "", "files": ["answer.py"], "hunks": 1, "added": 1, '
    b'"removed": 1, "reasoning": "", "because": [], "expects": [], "reply": 1, "finish_reason": "stop", "usage": {"input": 0, '
    b'"output": 0}, "error": "", "model": "", "scores": [{"example": "gate-0", "repeat": 0, "base": 0.0, "score": 0.0, "status": "ok"}, '
    b'{"example": "train-0", "repeat": 0, "split": "train", "score": 0.0, "status": "ok", "cached": false, "seconds": 0.01, '
    b'"rollout": 1, "tree": "'
)
"""What events often hold, for the compressor: part of the format, never to be changed."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `step` is 0 for events that belong to no step."""

    id: int
    at: str
    step: int
    kind: str
    data: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As `--jsonl` prints it."""
        return {"at": self.at, "step": self.step, "kind": self.kind, **self.data}


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command that waits in the journal; `commands.decode_command` gives its typed form."""

    id: int
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply, raw. `complete` is False for what arrived before a break. `cost` is US
    dollars, None when unknown."""

    step: int
    candidate: int
    attempt: int
    text: str
    complete: bool = True
    finish_reason: str | None = None
    usage: Mapping[str, int] | None = None
    cost: float | None = None
    seconds: float = 0.0
    error: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A finished rollout without its trace. `seconds` is wall time."""

    id: int
    key: str
    step: int
    tree: str
    traced: bool
    result: RolloutResult


def journal_path(session: Path) -> Path:
    return session / ".genopt" / "journal.db"


def utc_timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def pack_data(kind: str, text: str) -> str | bytes:
    """An event's data (JSON) as it is stored: compressed where it is long and no query looks into
    it."""
    if len(text) < COMPRESS_FROM_BYTES or kind == "batch_sampled":
        return text
    packer = zlib.compressobj(
        1, zlib.DEFLATED, 13, 5, zdict=COMPRESSION_DICTIONARY
    )  # fast: in blocks it is compressed once more, and well
    return packer.compress(text.encode()) + packer.flush()


def unpack_data(stored: str | bytes) -> dict[str, Any]:
    """An event's data from what is stored."""
    found: dict[str, Any] = json.loads(
        stored if isinstance(stored, str) else _decompress_data(stored)
    )
    return found


def _decompress_data(stored: bytes) -> bytes:
    return zlib.decompressobj(zdict=COMPRESSION_DICTIONARY).decompress(stored)


FORMAT = 4
PAGE_BYTES = 512  # bytes: an event changes a few pages, which are written whole
FREQUENT_KINDS = (
    "('rollout_finished','evidence_built','prompt_built','reply_finished','edit_parsed','gate_finished','decided',"
    "'committed','rejected','budget','prompted')"
)
"""Events that nobody looks up by kind alone, or only the newest one: they are in no index but their
step's."""
# pages in the log before they are put in their places: the more, the fewer are written twice
CHECKPOINT_PAGES = 4096
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, at TEXT NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_step ON event(step);
DROP INDEX IF EXISTS event_rare;
CREATE INDEX event_rare ON event(kind, id) WHERE kind NOT IN {FREQUENT_KINDS};
CREATE INDEX IF NOT EXISTS event_base ON event(json_extract(data, '$.tree')) WHERE kind = 'batch_sampled';
CREATE TABLE IF NOT EXISTS command(id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, ok INTEGER, why TEXT, step INTEGER);
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
        file = journal_path(session)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            self._db = sqlite3.connect(file, timeout=10, isolation_level=None)
            self._db.execute(f"PRAGMA page_size={PAGE_BYTES}")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found > FORMAT:
                self._db.close()
                raise SessionError(
                    f"the journal of {session.name} was written by a newer genopt",
                    f"its format is {found}, this genopt reads up to {FORMAT}",
                    "Update genopt",
                )
            if found != FORMAT:
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
        with self._transaction():  # two processes may open an old journal at the same time
            for statement in SCHEMA.split(";"):
                self._db.execute(statement)
            columns = {row[1] for row in self._db.execute("PRAGMA table_info(command)")}
            if "step" not in columns:  # before format 4
                self._db.execute("ALTER TABLE command ADD COLUMN step INTEGER")
            self._db.execute(f"PRAGMA user_version={FORMAT}")

    def close(self) -> None:
        self._db.close()

    def has_changed(self) -> bool:
        """Whether another connection committed since the last call (true at the first)."""
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        changed, self._data_version = version != self._data_version, version
        return bool(changed)

    def group_commit(self) -> "Transaction":
        """What is written in this block becomes durable and visible at its end, in one go; also
        when it raises."""
        return Transaction(self._db, keep=True)

    def _transaction(self) -> "Transaction":
        return Transaction(self._db)


class Transaction:
    """`BEGIN IMMEDIATE` ... `COMMIT`, rolled back when the block raises (not with `keep`); within
    another, a part of it."""

    def __init__(self, db: sqlite3.Connection, *, keep: bool = False) -> None:
        self._db, self._keep, self._inner = db, keep, False

    def __enter__(self) -> None:
        self._inner = self._db.in_transaction
        self._db.execute("SAVEPOINT part" if self._inner else "BEGIN IMMEDIATE")

    def roll_back(self) -> None:
        """End the transaction without a trace of what was written in it."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind and not self._keep:
            self._db.execute("ROLLBACK TO part" if self._inner else "ROLLBACK")
        if self._inner:
            self._db.execute("RELEASE part")
        elif self._db.in_transaction:
            self._db.execute("COMMIT")
