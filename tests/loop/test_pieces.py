"""Pieces of a reply: durable and told soon after they came, also when no further piece follows."""

import asyncio
from pathlib import Path

from genopt_tui.loop.asking import Pieces
from genopt_tui.propose.base import Ask
from genopt_tui.session.journal import Journal


def test_a_piece_after_which_the_model_falls_silent_is_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    async def silence() -> None:
        pieces = Pieces(journal, Ask([], step=1))
        pieces.add("Raise ")
        pieces.add("it")
        while not journal.chunks():
            await asyncio.sleep(0.005)
        pieces.add("!")
        pieces.drop()

    asyncio.run(asyncio.wait_for(silence(), 30))
    assert [row[4] for row in journal.chunks()] == ["Raise it"]
    journal.close()
