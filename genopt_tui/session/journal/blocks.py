"""Old rows of a journal in blocks: many rows of one kind compressed together, since neighbouring
steps hold nearly the same.

A block is written and its rows are deleted in one transaction. Who reads asks the tables first and
the blocks then, so that a
row which moves in between is seen (by some twice, hence `by id`).
"""

import json
import lzma
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genopt_tui.session.journal.schema import Database

MAX_DECODED_BLOCKS = 24  # blocks that are kept decoded
MAX_BLOCK_BYTES = 1 << 20  # bytes of rows in a block
LZMA_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 22}]
ROLLOUT_KIND, REPLY_KIND = "#rollout", "#reply"  # kinds of blocks that hold no events

BlockRow = tuple[int, str, int, str]
"""Id, time, step, and the rest as JSON on one line."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows by their columns; `texts` are parsed where they are wanted."""

    ids: Sequence[int]
    times: Sequence[str]
    steps: Sequence[int]
    texts: Sequence[str]

    def rows(self) -> Iterator[BlockRow]:
        return zip(self.ids, self.times, self.steps, self.texts, strict=True)


def encode_block(rows: Sequence[BlockRow]) -> bytes:
    ids, times, steps, texts = zip(*rows, strict=True)
    raw = "\n".join([json.dumps([ids, times, steps]), *texts])
    return lzma.compress(raw.encode(), lzma.FORMAT_RAW, filters=LZMA_FILTERS)


def decode_block(data: bytes) -> Block:
    head, *texts = lzma.decompress(data, lzma.FORMAT_RAW, filters=LZMA_FILTERS).decode().split("\n")
    ids, times, steps = json.loads(head)
    return Block(ids, times, steps, texts)


class BlockStore(Database):
    """Reads and writes blocks."""

    _decoded: OrderedDict[int, Block]

    def read_blocks(
        self, kind: str, where: str = "1", *values: object, newest: bool = False
    ) -> Iterator[Block]:
        """Blocks of a kind (empty: of all events) that fulfil a condition on first, last (ids) and
        low, high (steps)."""
        of = "kind = ?" if kind else "kind NOT LIKE '#%' AND ? = ''"
        found = self._db.execute(
            f"SELECT id FROM block WHERE {of} AND {where} ORDER BY last {'DESC' if newest else ''}",
            (kind, *values),
        ).fetchall()
        for (identity,) in found:
            yield self.read_block(identity)

    def read_event_blocks(
        self, kinds: Sequence[str], where: str = "1", *values: object
    ) -> list[tuple[str, Block]]:
        """Blocks of events with their kinds (none given: all), in the order of their last ids, that
        fulfil a condition."""
        of = f"kind IN ({','.join('?' * len(kinds))})" if kinds else "kind NOT LIKE '#%'"
        rows = self._db.execute(
            f"SELECT id, kind FROM block WHERE {of} AND {where} ORDER BY last", (*kinds, *values)
        )
        return [(kind, self.read_block(identity)) for identity, kind in rows.fetchall()]

    def read_block(self, identity: int) -> Block:
        """One block, decoded."""
        if not hasattr(self, "_decoded"):
            self._decoded = OrderedDict()
        if identity in self._decoded:
            self._decoded.move_to_end(identity)
        else:
            row = self._db.execute("SELECT rows FROM block WHERE id = ?", (identity,)).fetchone()
            self._decoded[identity] = decode_block(row[0])
            if len(self._decoded) > MAX_DECODED_BLOCKS:
                self._decoded.popitem(last=False)
        return self._decoded[identity]

    def add_blocks(self, kind: str, rows: Sequence[BlockRow]) -> list[int]:
        """Keep rows of a kind in blocks; returns the number of each row's block, in order."""
        numbers: list[int] = []
        for part in split_rows(rows):
            steps = [row[2] for row in part]
            cursor = self._db.execute(
                "INSERT INTO block(kind, first, last, low, high, rows) VALUES(?,?,?,?,?,?)",
                (kind, part[0][0], part[-1][0], min(steps), max(steps), encode_block(part)),
            )
            numbers += [int(cursor.lastrowid or 0)] * len(part)
        return numbers


def split_rows(rows: Sequence[BlockRow]) -> Iterator[list[BlockRow]]:
    """Rows in order, in as many parts as keep each below `LARGE`."""
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
