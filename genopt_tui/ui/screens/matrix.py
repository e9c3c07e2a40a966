"""`X`: gate examples by versions: which was won where, and where it was lost again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.session.journal import Journal
from genopt_tui.ui import words
from genopt_tui.ui.screens.sheet import Page, Sheet
from genopt_tui.ui.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.lines import Line

if TYPE_CHECKING:
    from genopt_tui.ui.store import Store

MOST = 40
"""Versions shown, the newest."""
WIDTH = 6
Scores = Mapping[str, Mapping[str, float]]
"""Commit to example to mean score."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Two neighbouring versions between which an example changed the most for the worse (else at all)."""

    before: str
    after: str


class MatrixScreen(Sheet):
    """A row for each example, a column for each version on the line to head."""

    KEYS = "Enter compares the versions between which it was lost  h l sideways  / search  Esc back"

    def __init__(self, snapshot: Snapshot, store: "Store") -> None:
        super().__init__(f"Examples by versions of {snapshot.session.name}")
        self._snapshot, self._store = snapshot, store
        self._lower = False

    def read(self) -> tuple[str, Sequence[Page]]:
        rows = line_to_head(self._snapshot)[-MOST:]
        scores = self._scores(rows)
        examples = sorted({e for found in scores.values() for e in found})
        if not examples:
            return "no version was scored yet: s runs a step", []
        lines, opens = table(rows, scores, examples, self._lower)
        lost = sum(1 for line in lines if any("lost" in text for text, _ in line))
        return f"{len(examples)} gate examples, {len(rows)} versions; {lost} lost again", [Page("gate", lines, opens)]

    def _scores(self, rows: Sequence[HistoryRow]) -> Scores:
        from genopt_tui.session.repository import Repository

        session = Path(self._snapshot.session.path)
        journal = Journal(session, durable=False)
        try:
            with Repository.open(session) as repository:
                self._lower = repository.direction() == "lower"
                return {row.commit: means(journal, repository.tree(row.commit)) for row in rows}
        finally:
            journal.close()

    def opened(self, thing: object) -> None:
        from genopt_tui.ui.screens.compare import CompareScreen

        if isinstance(thing, Turn):
            self.app.push_screen(CompareScreen(self._snapshot, self._store, thing.before, thing.after))


def line_to_head(snapshot: Snapshot) -> list[HistoryRow]:
    """The versions from the start to head, oldest first."""
    by_commit = {row.commit: row for row in snapshot.rows}
    line: list[HistoryRow] = []
    at = by_commit.get(snapshot.head)
    while at is not None:
        line.append(at)
        at = by_commit.get(at.parents[0]) if at.parents else None
    return line[::-1]


def means(journal: Journal, tree: str) -> dict[str, float]:
    """Mean score of each gate example that ran, of the version with this artifact."""
    found: dict[str, list[float]] = {}
    for row in journal.rollouts(tree, "gate"):
        if row.result.score is not None:
            found.setdefault(row.result.example, []).append(row.result.score)
    return {example: sum(scores) / len(scores) for example, scores in found.items()}


def table(
    rows: Sequence[HistoryRow], scores: Scores, examples: Sequence[str], lower: bool
) -> tuple[list[Line], dict[int, object]]:
    """The lines, and what Enter on each opens."""
    head: Line = ((f"{'':16}", ""), *((f"{row.label:>{WIDTH}}", "title") for row in rows))
    lines, opens = [head], dict[int, object]()
    for example in examples:
        values = [scores[row.commit].get(example) for row in rows]
        told, turn = story(rows, values, lower)
        if turn is not None:
            opens[len(lines)] = turn
        lines.append(((f"{example:16.16}", "strong"), *cells(values, lower), (f"  {told}", "warn")))
    return lines, opens


def cells(values: Sequence[float | None], lower: bool) -> list[tuple[str, str]]:
    """Scores, each coloured by its change against the last known one."""
    out, known = [], None
    for value in values:
        look = ""
        if value is not None and known is not None and value != known:
            look = "good" if (value > known) != lower else "bad"
        out.append(
            (
                f"{words.score(value) if value is not None else '.':>{WIDTH}}",
                look or ("" if value is not None else "dim"),
            )
        )
        known = known if value is None else value
    return out


def story(rows: Sequence[HistoryRow], values: Sequence[float | None], lower: bool) -> tuple[str, Turn | None]:
    """ "best at 4, lost at 11", and the versions between which that happened."""
    known = [(row, value) for row, value in zip(rows, values, strict=True) if value is not None]
    if len(known) < 2:
        return "", None
    pairs = list(pairwise(known))
    sign = -1 if lower else 1
    (before, a), (after, b) = min(pairs, key=lambda pair: sign * (pair[1][1] - pair[0][1]))
    best, top = max(known, key=lambda rv: sign * rv[1])
    if sign * (b - a) < 0 and sign * (known[-1][1] - top) < 0:
        return f"best at {best.label}, lost at {after.label}", Turn(before.commit, after.commit)
    first, last = known[0][0], known[-1][0]
    return "", Turn(first.commit, last.commit)
