"""The journal of a session: what is happening, as rows in SQLite. Git holds what has been decided.

Writers: the runner (events, replies, rollouts) and its clients (commands only). Readers poll `changed()` and hold no
transaction open. Only the standard library is imported here: the interface reads the journal before anything else.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.task.rollout import Picture, RolloutResult, TraceChunk

FORMAT = 1
PAGE = 512  # bytes: an event changes a few pages, which are written whole
OFTEN = "('rollout_finished','evidence_built','prompt_built','reply_finished','edit_parsed','gate_finished','decided','committed','rejected')"
"""Events that nobody looks up by kind alone: they are in no index but their step's."""
CHECKPOINT = 4096  # pages in the log before they are put in their places: the more, the fewer are written twice
LONG = 1024  # bytes of an event's data from which it is compressed
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, at TEXT NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_step ON event(step);
CREATE INDEX IF NOT EXISTS event_rare ON event(kind, id) WHERE kind NOT IN {OFTEN};
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
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `step` is 0 for events that belong to no step."""

    id: int
    at: str
    step: int
    kind: str
    data: Mapping[str, Any]

    def line(self) -> dict[str, Any]:
        """As `--jsonl` prints it."""
        return {"at": self.at, "step": self.step, "kind": self.kind, **self.data}


@dataclass(frozen=True, slots=True)
class Command:
    """A client's wish, taken up by the runner."""

    id: int
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply, raw. `complete` is False for what arrived before a break. `cost` is US dollars, None when unknown."""

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


def path_of(session: Path) -> Path:
    return session / ".genopt" / "journal.db"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _of_kinds(kinds: Sequence[str]) -> str:
    """The condition that an event is of one of these kinds, such that the index of rare ones serves where it can."""
    rare = "" if any(f"'{kind}'" in OFTEN for kind in kinds) else f" AND kind NOT IN {OFTEN}"
    return f"kind IN ({','.join('?' * len(kinds))}){rare}"


def packed(kind: str, data: Mapping[str, Any]) -> str | bytes:
    """An event's data as it is stored: JSON, compressed where it is long and no query looks into it."""
    text = json.dumps(data)
    return text if len(text) < LONG or kind == "batch_sampled" else zlib.compress(text.encode(), 1)


def unpacked(stored: str | bytes) -> dict[str, Any]:
    """An event's data from what is stored."""
    found: dict[str, Any] = json.loads(stored if isinstance(stored, str) else zlib.decompress(stored))
    return found


class Journal:
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
        self._trees: set[str] = set()
        self._trees_to = 0  # the last rollout that `_trees` knows

    def close(self) -> None:
        self._db.close()

    def changed(self) -> bool:
        """Whether another connection committed since the last call (true at the first)."""
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        changed, self._seen = version != self._seen, version
        return bool(changed)

    # events

    def event(self, step: int, kind: str, /, **data: Any) -> Event:
        """Append an event; durable when this returns."""
        at = now()
        cursor = self._db.execute(
            "INSERT INTO event(at, step, kind, data) VALUES(?,?,?,?)", (at, step, kind, packed(kind, data))
        )
        return Event(int(cursor.lastrowid or 0), at, step, kind, data)

    def events(
        self, after: int = 0, *, step: int | None = None, kinds: Sequence[str] = (), limit: int = -1
    ) -> list[Event]:
        """Events in order, after the id `after`; of one step or of some kinds where given."""
        where, values = ["id > ?"], [after]
        if step is not None:
            where, values = [*where, "step = ?"], [*values, step]
        if kinds:
            where.append(_of_kinds(kinds))
        rows = self._db.execute(
            f"SELECT id, at, step, kind, data FROM event WHERE {' AND '.join(where)} ORDER BY id LIMIT ?",
            (*values, *kinds, limit),
        )
        return [Event(i, at, s, kind, unpacked(data)) for i, at, s, kind, data in rows]

    def last(self, *kinds: str, step: int | None = None, below: int | None = None) -> Event | None:
        """The newest event of these kinds, of one step or of the steps before `below` where given."""
        clause, values = ("AND step = ?", [step]) if step is not None else ("", [])
        clause, values = ("AND step < ?", [below]) if below is not None else (clause, values)
        row = self._db.execute(
            f"SELECT id, at, step, kind, data FROM event WHERE {_of_kinds(kinds)} {clause} ORDER BY id DESC LIMIT 1",
            (*kinds, *values),
        ).fetchone()
        return Event(row[0], row[1], row[2], row[3], unpacked(row[4])) if row else None

    def last_event(self) -> int:
        """Id of the newest event, 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0])

    def last_step(self) -> int:
        """The highest step number in the journal; 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(step), 0) FROM event").fetchone()[0])

    def first_step(self) -> int:
        """The lowest step number in the journal, 0 when there is none: above 1 where an earlier journal was lost."""
        return int(self._db.execute("SELECT coalesce(min(step), 0) FROM event WHERE step > 0").fetchone()[0])

    # commands

    def command(self, kind: str, /, **data: Any) -> int:
        """Leave a command for the runner; its id is named by the `command_done` event."""
        cursor = self._db.execute("INSERT INTO command(at, kind, data) VALUES(?,?,?)", (now(), kind, json.dumps(data)))
        return int(cursor.lastrowid or 0)

    def commands(self) -> list[Command]:
        """Commands that nobody has taken up yet, oldest first."""
        rows = self._db.execute("SELECT id, kind, data FROM command WHERE done = 0 ORDER BY id")
        return [Command(i, kind, json.loads(data)) for i, kind, data in rows]

    def command_done(self, command: Command, ok: bool = True, why: str = "", *, step: int = 0) -> None:
        """Mark a command as taken up and say so, in one transaction."""
        with self._transaction():
            self._db.execute("UPDATE command SET done = 1, ok = ?, why = ? WHERE id = ?", (ok, why, command.id))
            self.event(step, "command_done", id=command.id, command=command.kind, ok=ok, why=why)

    def outcome(self, command: int) -> tuple[bool, str] | None:
        """(ok, why) of a command, None while it waits."""
        row = self._db.execute(
            "SELECT ok, coalesce(why, '') FROM command WHERE id = ? AND done = 1", (command,)
        ).fetchone()
        return (bool(row[0]), row[1]) if row else None

    # replies

    def chunk(self, step: int, candidate: int, attempt: int, text: str) -> None:
        """Keep a piece of a reply that is still arriving."""
        self._db.execute(
            "INSERT INTO reply_chunk(step, candidate, attempt, text) VALUES(?,?,?,?)", (step, candidate, attempt, text)
        )

    def chunks(self, after: int = 0) -> list[tuple[int, int, int, int, str]]:
        """(id, step, candidate, attempt, text) of pieces still held, after the id `after`."""
        return self._db.execute(
            "SELECT id, step, candidate, attempt, text FROM reply_chunk WHERE id > ? ORDER BY id", (after,)
        ).fetchall()

    def news(self, event: int, piece: int) -> tuple[list[Event], list[tuple[int, int, int, int, str]]]:
        """Events after the id `event` and pieces after the id `piece`, both as of one moment.

        A piece then belongs to a reply of which no `reply_finished` among these events tells: it comes after them.
        """
        self._db.execute("BEGIN")
        try:
            return self.events(event), self.chunks(piece)
        finally:
            self._db.execute("COMMIT")

    def store_reply(self, reply: Reply, **event: Any) -> int:
        """Keep a reply, drop its pieces and say `reply_finished`, in one transaction; durable when this returns."""
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
                    now(),
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
            self.event(
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

    def replies(self, step: int) -> list[Reply]:
        """All replies of a step, in order of arrival."""
        rows = self._db.execute(
            "SELECT step, candidate, attempt, text, complete, finish_reason, usage, cost, seconds, error, id "
            "FROM reply WHERE step = ? ORDER BY id",
            (step,),
        )
        return [
            Reply(s, c, a, text, bool(done), reason, json.loads(usage), cost, seconds or 0.0, error or "", i)
            for s, c, a, text, done, reason, usage, cost, seconds, error, i in rows
        ]

    def spent(self, after: int = 0) -> tuple[int, int, int, float, bool]:
        """What replies after the id `after` took: (last id, calls, tokens, US dollars, whether some cost is unknown).

        Tokens that no provider reported are estimated from the reply's length.
        """
        row = self._db.execute(
            "SELECT coalesce(max(id), ?), count(*), coalesce(sum(coalesce(json_extract(usage, '$.input') + "
            "json_extract(usage, '$.output'), length(text) / 4)), 0), coalesce(sum(cost), 0.0), "
            "coalesce(max(cost IS NULL), 0) FROM reply WHERE id > ?",
            (after, after),
        ).fetchone()
        return int(row[0]), int(row[1]), int(row[2]), float(row[3]), bool(row[4])

    # rollouts

    def store_rollout(
        self, key: str, step: int, tree: str, result: RolloutResult, *, traced: bool, **event: Any
    ) -> int:
        """Keep a finished rollout with its trace and say `rollout_finished`, in one transaction."""
        data = {
            k: v
            for k, v in asdict(result).items()
            if k not in {"trace", "pictures", "example", "repeat", "split", "status", "score", "seconds", "steps"}
        }
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO rollout(key, at, step, tree, example, repeat, split, status, score, seconds, steps, traced, data) "
                "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    key,
                    now(),
                    step,
                    tree,
                    result.example,
                    result.repeat,
                    result.split,
                    result.status,
                    result.score,
                    result.seconds,
                    result.steps,
                    traced,
                    json.dumps(data),
                ),
            )
            identity = int(cursor.lastrowid or 0)
            self._db.executemany(
                "INSERT INTO trace VALUES(?,?,?,?)", [(identity, c.first, c.count, c.blob) for c in result.trace]
            )
            self._db.executemany(
                "INSERT INTO picture VALUES(?,?,?,?,?,?)",
                [(identity, p.step, p.width, p.height, p.palette, p.pixels) for p in result.pictures],
            )
            self.rollout_event(step, identity, tree, result, cached=False, **event)
        return identity

    def rollout_event(
        self, step: int, rollout: int, tree: str, result: RolloutResult, *, cached: bool, **event: Any
    ) -> None:
        """Say `rollout_finished` of a rollout that is kept as row `rollout`."""
        self.event(
            step,
            "rollout_finished",
            example=result.example,
            repeat=result.repeat,
            split=result.split,
            score=result.score,
            status=result.status,
            cached=cached,
            seconds=result.seconds,
            rollout=rollout,
            tree=tree,
            **event,
        )

    def find_rollout(self, key: str, tree: str, *, traced: bool = False) -> RolloutRow | None:
        """The newest finished rollout of this artifact with this cache key (with a trace, where one is wanted)."""
        rows = self._rollouts("tree = ? AND key = ? AND traced >= ? ORDER BY id DESC LIMIT 1", tree, key, int(traced))
        return next(rows, None)

    def rollout(self, identity: int) -> RolloutRow | None:
        return next(self._rollouts("id = ?", identity), None)

    def rollouts(self, tree: str, split: str = "") -> list[RolloutRow]:
        """Finished rollouts of a version (artifact tree), oldest first."""
        return list(self._rollouts("tree = ? AND (? = '' OR split = ?) ORDER BY id", tree, split, split))

    def _rollouts(self, where: str, *values: Any) -> Iterator[RolloutRow]:
        rows = self._db.execute(
            "SELECT id, key, step, tree, traced, example, repeat, split, status, score, seconds, steps, data FROM rollout WHERE "
            + where,
            values,
        )
        for i, key, step, tree, traced, example, repeat, split, status, score, seconds, steps, data in rows.fetchall():
            result = RolloutResult(example, repeat, split, status, score, seconds, steps=steps, **json.loads(data))
            yield RolloutRow(i, key, step, tree, bool(traced), result)

    def last_rollout(self) -> int:
        """Id of the newest rollout, 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM rollout").fetchone()[0])

    def trees(self) -> set[str]:
        """Artifacts (tree ids) that were rolled out."""
        last = self.last_rollout()
        rows = self._db.execute("SELECT DISTINCT tree FROM rollout WHERE id > ? AND id <= ?", (self._trees_to, last))
        self._trees.update(str(row[0]) for row in rows)
        self._trees_to = last
        return set(self._trees)

    def replies_for(self, tree: str) -> int:
        """How many complete replies there are to prompts made for the artifact `tree`."""
        return int(
            self._db.execute(
                "SELECT count(*) FROM reply WHERE complete AND step IN (SELECT step FROM event WHERE kind = 'batch_sampled' "
                "AND json_extract(data, '$.tree') = ?)",
                (tree,),
            ).fetchone()[0]
        )

    def trace_chunks(self, rollout: int, first: int = 0, count: int = 1 << 60) -> list[TraceChunk]:
        """The chunks of a trace that hold steps `first` to `first + count`; the others are not read."""
        rows = self._db.execute(
            "SELECT first, count, blob FROM trace WHERE rollout = ? AND first + count > ? AND first < ? ORDER BY first",
            (rollout, first, first + count),
        )
        return [TraceChunk(*row) for row in rows]

    def picture(self, rollout: int, step: int) -> Picture | None:
        """The picture attached to `step`, or the latest before it."""
        row = self._db.execute(
            "SELECT step, width, height, palette, pixels FROM picture WHERE rollout = ? AND step <= ? ORDER BY step DESC LIMIT 1",
            (rollout, step),
        ).fetchone()
        return Picture(*row) if row else None

    def together(self) -> "_Transaction":
        """What is written in this block becomes durable and visible at its end, in one go; also when it raises."""
        return _Transaction(self._db, keep=True)

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
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
