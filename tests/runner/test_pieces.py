"""Pieces of a reply: durable and told soon after they came, also when no further piece follows."""

import asyncio
from pathlib import Path

from genopt_tui.propose.base import ReplyRequest
from genopt_tui.runner.candidate import ChunkBuffer
from genopt_tui.session.journal import Journal


def test_a_piece_after_which_the_model_falls_silent_is_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    async def silence() -> None:
        pieces = ChunkBuffer(journal, ReplyRequest([], step=1))
        pieces.add("Raise ")
        pieces.add("it")
        while not journal.read_chunks():
            await asyncio.sleep(0.005)
        pieces.add("!")
        pieces.discard()

    asyncio.run(asyncio.wait_for(silence(), 30))
    assert [row[4] for row in journal.read_chunks()] == ["Raise it"]
    journal.close()
