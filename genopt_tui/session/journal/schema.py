"""The rows of a journal, and the tables that hold them.

Only the standard library: the interface reads the journal before anything else is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genopt_tui.task.rollout import RolloutResult

FORMAT = 5
PAGE_BYTES = 512  # small, because an event changes a few pages and SQLite writes whole pages
# pages in the write-ahead log before they are copied to the file: the more, the fewer are copied
# more than once
CHECKPOINT_PAGES = 4096
FREQUENT_KINDS = (
    "('rollout_finished','evidence_built','prompt_built','reply_finished','edit_parsed',"
    "'gate_finished','decided','committed','rejected','budget','prompted')"
)
"""Events that nobody looks up by kind alone, or only the newest: `event_rare` leaves them out."""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS event(
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL,
  data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_step ON event(step);
DROP INDEX IF EXISTS event_rare;
CREATE INDEX event_rare ON event(kind, id) WHERE kind NOT IN {FREQUENT_KINDS};
CREATE INDEX IF NOT EXISTS event_base ON event(json_extract(data, '$.tree'))
  WHERE kind = 'batch_sampled';
CREATE TABLE IF NOT EXISTS command(
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, ok INTEGER, why TEXT, step INTEGER);
CREATE TABLE IF NOT EXISTS reply(
  id INTEGER PRIMARY KEY, step INTEGER NOT NULL, candidate INTEGER NOT NULL,
  attempt INTEGER NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL, complete INTEGER NOT NULL,
  finish_reason TEXT, usage TEXT NOT NULL, cost REAL, seconds REAL, error TEXT);
CREATE INDEX IF NOT EXISTS reply_step ON reply(step, candidate, attempt);
CREATE TABLE IF NOT EXISTS reply_chunk(
  id INTEGER PRIMARY KEY AUTOINCREMENT, step INTEGER NOT NULL, candidate INTEGER NOT NULL,
  attempt INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rollout(
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, at TEXT NOT NULL, step INTEGER NOT NULL,
  tree TEXT NOT NULL, example TEXT NOT NULL, repeat INTEGER NOT NULL, split TEXT NOT NULL,
  status TEXT NOT NULL, score REAL, seconds REAL NOT NULL, steps INTEGER NOT NULL,
  traced INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS rollout_tree ON rollout(tree, split);
CREATE TABLE IF NOT EXISTS trace(
  rollout INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, blob BLOB NOT NULL,
  PRIMARY KEY(rollout, first));
CREATE TABLE IF NOT EXISTS picture(
  rollout INTEGER NOT NULL, step INTEGER NOT NULL, width INTEGER, height INTEGER, palette BLOB,
  pixels BLOB, PRIMARY KEY(rollout, step));
CREATE TABLE IF NOT EXISTS block(
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  low INTEGER NOT NULL, high INTEGER NOT NULL, rows BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS block_place ON block(kind, last, low, high);
CREATE TABLE IF NOT EXISTS block_tree(
  tree INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY(tree, block)) WITHOUT ROWID;
"""


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
    """A model's reply, raw. `complete` is False where the stream broke off. `cost` is US dollars,
    None when unknown. `seconds` is wall time."""

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
