"""`c`: two versions: verdict, diff of artifact and design choices, examples, traces, cost. Scores that are missing are made."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.ui.background import apart
from genopt_tui.ui.screens import compare_read
from genopt_tui.ui.screens.compare_read import Compared
from genopt_tui.ui.screens.sheet import Page, Sheet
from genopt_tui.ui.snapshot import Snapshot
from genopt_tui.ui.widgets.offload import EXPECTED

if TYPE_CHECKING:
    from genopt_tui.ui.store import Store

LOOK_AGAIN = 0.5
"""Seconds between two looks while scores are being made."""


class CompareScreen(Sheet):
    """Version `b` against `a`."""

    KEYS = "Tab diff, examples, traces, cost  x scores what is missing  / search  y copy  Esc back"
    BINDINGS = [("x", "evaluate", "score")]  # noqa: RUF012 - as Textual reads it

    def __init__(self, snapshot: Snapshot, store: "Store", a: str, b: str) -> None:
        names = {row.commit: row.label for row in snapshot.rows if row.commit}
        super().__init__(f"Compare {names.get(a, a[:7])} -> {names.get(b, b[:7])}  {snapshot.session.name}")
        self._session, self._store = Path(snapshot.session.path), store
        self.a, self.b, self._names = a, b, names
        self.compared: Compared | None = None
        self._asked = False

    def read(self) -> tuple[str, Sequence[Page]]:
        found = compare_read.read(self._session, self.a, self.b, self._names)
        self.compared = found
        pages = [
            Page("diff", found.diff),
            Page("examples", found.examples),
            Page("traces", found.traces),
            Page("cost", found.cost),
        ]
        return self._said(found), pages

    def _said(self, found: Compared) -> str:
        if not found.missing:
            return found.said
        names = " and ".join(self._names.get(c, c[:7]) for c in found.missing)
        rest = f"Scores of {names} are being made ..." if self._asked else f"{names} lacks scores: x makes them"
        return f"{found.said}\n{rest}"

    def action_evaluate(self) -> None:
        """Have the runner score what is missing, and look again until it is there."""
        if self.compared is None or not self.compared.missing or self._asked:
            return
        self._asked = True
        for commit in self.compared.missing:
            self._store.command("evaluate", version=commit)
        self.about.show(self._said(self.compared))
        self.set_timer(LOOK_AGAIN, self._look_again)

    async def _look_again(self) -> None:
        try:
            about, pages = await apart(self.read)
        except EXPECTED as error:
            about, pages = str(error), []
        if self.compared is not None and self.compared.missing:
            self.about.show(about)
            self.set_timer(LOOK_AGAIN, self._look_again)
        else:
            self._asked = False
            self.show(about, pages)
