"""One request for one reply: streamed, durable piece by piece, kept also when it breaks off."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

from genopt_tui.loop.book import Book
from genopt_tui.propose.base import Ask, Broken, Delta, Finish, Notice, Proposer
from genopt_tui.session.journal import Journal, Reply

PIECE = 0.05  # seconds: at most one row of pieces in this time


class Pieces:
    """Collects the pieces of a reply and writes them at most once in 50 ms, and no later than that after they came."""

    def __init__(self, journal: Journal, ask: Ask) -> None:
        self._journal, self._ask = journal, ask
        self.text, self._held, self._written = "", "", time.monotonic()
        self._soon: asyncio.TimerHandle | None = None

    def add(self, text: str) -> None:
        self.text += text
        self._held += text
        left = self._written + PIECE - time.monotonic()
        if left <= 0:
            self.flush()
        elif self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(left, self.flush)

    def flush(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._held:
            self._journal.chunk(self._ask.step, self._ask.candidate, self._ask.attempt, self._held)
            self._held, self._written = "", time.monotonic()

    def drop(self) -> None:
        """What is held is about to be stored as a whole."""
        self._held = ""
        self.flush()


async def ask(proposer: Proposer, request: Ask, book: Book) -> Reply:
    """The complete reply to `request`, stored before it is returned. What breaks off is stored as incomplete.

    Raises ProposerError when no reply comes; a cancelled request keeps what arrived.
    """
    pieces, began = Pieces(book.journal, request), time.monotonic()
    try:
        async with aclosing(proposer.stream(request)) as events:  # type: ignore[type-var]
            async for event in events:
                match event:
                    case Delta(text):
                        pieces.add(text)
                    case Notice(text, path):
                        book.say("notice", candidate=request.candidate, text=text, path=str(path) if path else None)
                    case Broken():
                        pieces.drop()
                        _store(book, proposer, _broken(request, event))
                        pieces, began = Pieces(book.journal, request), time.monotonic()
                    case Finish():
                        pieces.drop()
                        return _store(book, proposer, _finished(request, event, pieces.text, began))
    finally:
        pieces.flush()
        keep_pieces(book, lambda step, c, a: (step, c, a) == (request.step, request.candidate, request.attempt))
    raise AssertionError("a proposer ends with Finish or raises")


def keep_pieces(book: Book, mine: Callable[[int, int, int], bool] = lambda *_: True) -> None:
    """Store pieces whose reply never ended (its request was cancelled, or its runner died) as incomplete replies."""
    texts: dict[tuple[int, int, int], str] = {}
    for _, step, candidate, attempt, text in book.journal.chunks():
        if mine(step, candidate, attempt):
            texts[step, candidate, attempt] = texts.get((step, candidate, attempt), "") + text
    for (step, candidate, attempt), text in texts.items():
        reply = Reply(step, candidate, attempt, text, complete=False, error="it broke off", cost=None)
        book.journal.store_reply(reply, estimated=True)
    book.sync()


def _store(book: Book, proposer: Proposer, reply: Reply) -> Reply:
    book.journal.store_reply(reply, model=proposer.name)
    book.flush()
    book.sync()
    return reply


def _finished(request: Ask, event: Finish, text: str, began: float) -> Reply:
    return Reply(
        request.step,
        request.candidate,
        request.attempt,
        text,
        True,
        event.finish_reason,
        event.usage,
        event.cost,
        event.seconds or time.monotonic() - began,
    )


def _broken(request: Ask, event: Broken) -> Reply:
    return Reply(
        request.step,
        request.candidate,
        request.attempt,
        event.text,
        False,
        None,
        event.usage,
        event.cost,
        event.seconds,
        event.error,
    )
