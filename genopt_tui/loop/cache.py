"""Where finished rollouts are found again."""

from genopt_tui.loop.book import Book
from genopt_tui.loop.scoring import Wish
from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.task.rollout import RolloutResult

NEVER = {"infra"}
THIS_RUN = {"timeout"}  # may be the machine's fault: trusted within the run that saw it, tried again by a later one


class JournalCache:
    """The journal as cache, for the holder of the session's lock. `since` is the last rollout before this run."""

    def __init__(self, book: Book, since: int = 0) -> None:
        self.book = self._book = book
        self.since = since

    def find(self, key: str, tree: str, *, traced: bool) -> RolloutRow | None:
        return reusable(self._book.journal.find_rollout(key, tree, traced=traced), self.since)

    def keep(self, key: str, wish: Wish, result: RolloutResult) -> RolloutRow:
        label = {} if wish.candidate is None else {"candidate": wish.candidate}
        journal, tree = self._book.journal, wish.version.tree
        self._book.together()
        row = journal.store_rollout(key, wish.step, tree, result, traced=wish.traced, **label)
        self._book.sync()
        return RolloutRow(row, key, wish.step, tree, wish.traced, result)

    def again(self, row: RolloutRow, wish: Wish) -> None:
        label = {} if wish.candidate is None else {"candidate": wish.candidate}
        self._book.together()
        self._book.journal.rollout_event(wish.step, row.id, row.tree, row.result, cached=True, **label)
        self._book.sync()


class ReadingCache:
    """Finished rollouts of a journal that somebody else writes (None: of none); what is new is kept in memory."""

    book: Book | None = None

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._own: dict[str, RolloutRow] = {}

    def find(self, key: str, tree: str, *, traced: bool) -> RolloutRow | None:
        if key in self._own or self._journal is None:
            return self._own.get(key)
        return reusable(self._journal.find_rollout(key, tree, traced=traced), 1 << 62)

    def keep(self, key: str, wish: Wish, result: RolloutResult) -> RolloutRow:
        row = self._own[key] = RolloutRow(0, key, wish.step, wish.version.tree, wish.traced, result)
        return row

    def again(self, row: RolloutRow, wish: Wish) -> None:
        """Nobody is told."""


def reusable(row: RolloutRow | None, since: int) -> RolloutRow | None:
    """The row, unless its status says that another try may end differently."""
    if row is None or row.result.status in NEVER or (row.result.status in THIS_RUN and row.id <= since):
        return None
    return row
