"""Blocks of a journal: many old rows of one kind, compressed together because neighbouring steps
are nearly the same.

A block is written and its rows are deleted in one transaction. Readers ask the tables first and the
blocks second, so a row that moves in between is read twice rather than missed, and readers drop
duplicates by id.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genopt_tui.session.journal.compression import compress, decompress
from genopt_tui.session.journal.database import Database

MAX_DECODED_BLOCKS = 24  # decoded blocks in memory
MAX_BLOCK_BYTES = 1 << 20  # bytes of rows in a block before compression
ROLLOUT_KIND, REPLY_KIND = "#rollout", "#reply"  # kinds of blocks without events

BlockRow = tuple[int, str, int, str]
"""Id, time, step, and the rest as JSON on one line."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows by column. Readers parse only the `texts` they need."""

    ids: Sequence[int]
    times: Sequence[str]
    steps: Sequence[int]
    texts: Sequence[str]

    def rows(self) -> Iterator[BlockRow]:
        return zip(self.ids, self.times, self.steps, self.texts, strict=True)


def encode_block(rows: Sequence[BlockRow]) -> bytes:
    ids, times, steps, texts = zip(*rows, strict=True)
    return compress("\n".join([json.dumps([ids, times, steps]), *texts]))


def decode_block(data: bytes) -> Block:
    head, *texts = decompress(data).split("\n")
    ids, times, steps = json.loads(head)
    return Block(ids, times, steps, texts)


class BlockStore:
    """Reads and writes blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decoded: OrderedDict[int, Block] = OrderedDict()

    def read_of_kind(self, kind: str, condition: str = "1", *values: object) -> Iterator[Block]:
        """Blocks of one kind, oldest first. `condition` is SQL on first, last (row ids), low and
        high (steps)."""
        rows = self._database.execute(
            f"SELECT id FROM block WHERE kind = ? AND {condition} ORDER BY last", (kind, *values)
        ).fetchall()
        for (number,) in rows:
            yield self.read(number)

    def read_events(
        self, kinds: Sequence[str], condition: str = "1", *values: object
    ) -> list[tuple[str, Block]]:
        """Blocks of events with their kinds (all when `kinds` is empty), in the order of their last
        ids. `condition` is the same as in `read_of_kind`."""
        of_kind = f"kind IN ({','.join('?' * len(kinds))})" if kinds else "kind NOT LIKE '#%'"
        rows = self._database.execute(
            f"SELECT id, kind FROM block WHERE {of_kind} AND {condition} ORDER BY last",
            (*kinds, *values),
        )
        return [(kind, self.read(number)) for number, kind in rows.fetchall()]

    def read(self, number: int) -> Block:
        """One block, decoded."""
        if number in self._decoded:
            self._decoded.move_to_end(number)
        else:
            row = self._database.execute(
                "SELECT rows FROM block WHERE id = ?", (number,)
            ).fetchone()
            self._decoded[number] = decode_block(row[0])
            if len(self._decoded) > MAX_DECODED_BLOCKS:
                self._decoded.popitem(last=False)
        return self._decoded[number]

    def add(self, kind: str, rows: Sequence[BlockRow]) -> list[int]:
        """Store rows of a kind in blocks; returns the number of each row's block, in order."""
        numbers: list[int] = []
        for part in split_rows(rows):
            steps = [row[2] for row in part]
            number = self._database.insert(
                "INSERT INTO block(kind, first, last, low, high, rows) VALUES(?,?,?,?,?,?)",
                (kind, part[0][0], part[-1][0], min(steps), max(steps), encode_block(part)),
            )
            numbers += [number] * len(part)
        return numbers


def split_rows(rows: Sequence[BlockRow]) -> Iterator[list[BlockRow]]:
    """The rows in order, in parts of at most `MAX_BLOCK_BYTES` (or one row)."""
    part: list[BlockRow] = []
    size = 0
    for row in rows:
        if part and size + len(row[3]) > MAX_BLOCK_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row[3])
    if part:
        yield part
