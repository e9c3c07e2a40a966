"""`X`: gate examples by versions: which was won where, and where it was lost again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from genopt_tui.session.commands import FillScores, SetExamples, new_token
from genopt_tui.session.journal import Journal
from genopt_tui.session.matrix import average_scores
from genopt_tui.ui import formatters
from genopt_tui.ui.actions.table import ACTIONS_BY_ID
from genopt_tui.ui.panes.line_pane import pluralize
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.line_source import Line

if TYPE_CHECKING:
    from genopt_tui.ui.state.store import Store

MAX_VERSIONS = 40
"""Versions shown, the newest."""
COLUMN_WIDTH = 7
Scores = Mapping[str, Mapping[str, float]]
"""Commit to example to mean score."""


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """An example, and two neighbouring versions between which it changed the most for the worse
    (else at all)."""

    example: str
    before: str
    after: str


class MatrixScreen(TabbedScreen):
    """A row for each example, a column for each version on the line to head.

    Enter compares a version with the one scored before it: the chosen column's, else the one that
    lost the example. `x`
    leaves an example out from now on, with a reason, or takes it in again. `wanted` are versions to
    be scored first.
    """

    KEYS = "Enter diff and traces  h l version  x leave out  / search  Esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(ACTIONS_BY_ID["exclude"].keys, "exclude", show=False, id="exclude"),
    ]

    def __init__(self, snapshot: Snapshot, store: "Store", to_score: Sequence[str] = ()) -> None:
        super().__init__(f"Examples by versions of {snapshot.session.name}")
        self._snapshot, self._store, self._to_score = snapshot, store, to_score
        self._rows: Sequence[HistoryRow] = ()
        self._scores: Scores = {}
        self._examples: Sequence[str] = ()
        self._excluded = dict(snapshot.evidence.excluded)
        self._lower_is_better = False
        self.column = -1
        """The version that was chosen, by its place; -1 for none."""

    def on_mount(self) -> None:
        if self._to_score:
            self.waiting_text = "Scores under the task as it is now"
            job = FillScores(token=new_token(), versions=tuple(self._to_score))
            self.awaited_job = self._store.request_side_job(job)
            self.start_polling()

    def read(self) -> tuple[str, Sequence[Page]]:
        rows = list_path_to_head(self._snapshot)[-MAX_VERSIONS:]
        self._scores, left_out = self._read_scores(rows)
        self._rows = [row for row in rows if self._scores.get(row.commit)]
        self._examples = sorted({e for found in self._scores.values() for e in found})
        if not self._examples:
            return (
                "no version was scored under the task as it is now: s runs a step, J scores start, best and head",
                [],
            )
        page = self._build_page()
        lines = [page.source.draft(y) for y in range(len(page.source))]
        lost = sum(1 for line in lines if any("lost" in text for text, _ in line))
        told = f"{pluralize(len(self._examples), 'gate example')}, {pluralize(len(self._rows), 'version')}; {lost} lost again"
        more = (
            f"; {pluralize(left_out, 'version')} scored under another state of the task"
            if left_out
            else ""
        )
        rule = self._snapshot.session.rule
        return told + more + (f"\nscores: {rule}" if rule else ""), [page]

    def _build_page(self) -> Page:
        lines, opens = build_table(
            self._rows,
            self._scores,
            self._examples,
            self._lower_is_better,
            self.column,
            self._excluded,
        )
        return Page("gate", lines, opens)

    def _read_scores(self, rows: Sequence[HistoryRow]) -> tuple[Scores, int]:
        """The scores under the task as it is now; second how many versions have some of another
        state of it alone."""
        from genopt_tui.session.history.repository import Repository
        from genopt_tui.session.task_state import load_task_state

        session = Path(self._snapshot.session.path)
        journal = Journal(session, durable=False)
        try:
            with Repository.open(session) as repository:
                task, fingerprint = load_task_state(
                    session, repository.read_choices(repository.head())
                )
                self._lower_is_better = task.task.direction == "lower"
                failure = task.task.failure_score
                found = {
                    row.commit: average_scores(
                        repository, journal, row.commit, failure, fingerprint
                    )
                    for row in rows
                }
        finally:
            journal.close()
        return found, sum(1 for row in rows if row.score is not None and not found[row.commit])

    def action_act(self, name: str) -> None:
        if name in {"left", "right"} and self._rows:
            self.column = max(
                0, min(len(self._rows) - 1, self.column + (1 if name == "right" else -1))
            )
            self._redraw()
        else:
            super().action_act(name)

    def _redraw(self) -> None:
        self.pages = [self._build_page()]
        self.view.set_source(self.pages[0].source, keep=True)

    def action_exclude(self) -> None:
        if not 0 < self.view.cursor <= len(self._examples):
            return
        example = self._examples[self.view.cursor - 1]
        if self._excluded.pop(example, None) is not None:
            self._exclude(example, None)
        else:
            dialogs.ask_exclusion_reason(
                self.app, example, lambda reason: self._exclude(example, reason)
            )

    def _exclude(self, example: str, reason: str | None) -> None:
        self._store.send_command(SetExamples(excluded={example: reason}))
        if reason is not None:
            self._excluded[example] = reason
        self._redraw()

    def open_target(self, thing: object) -> None:
        from genopt_tui.ui.screens.compare import CompareScreen

        if not isinstance(thing, ScoreChange):
            return
        before, after = thing.before, thing.after
        if self.column > 0:
            having = [
                row.commit
                for row in self._rows[: self.column]
                if thing.example in self._scores[row.commit]
            ]
            before, after = having[-1] if having else before, self._rows[self.column].commit
        place = ("gate", thing.example, 0)
        self.app.push_screen(CompareScreen(self._snapshot, self._store, before, after, place))


def list_path_to_head(snapshot: Snapshot) -> list[HistoryRow]:
    """The versions from the start to head, oldest first."""
    by_commit = {row.commit: row for row in snapshot.rows}
    line: list[HistoryRow] = []
    at = by_commit.get(snapshot.head)
    while at is not None:
        line.append(at)
        at = by_commit.get(at.parents[0]) if at.parents else None
    return line[::-1]


def build_table(
    rows: Sequence[HistoryRow],
    scores: Scores,
    examples: Sequence[str],
    lower: bool,
    column: int,
    left_out: Mapping[str, str],
) -> tuple[list[Line], dict[int, object]]:
    """The lines, and what Enter on each opens; the label of the chosen column stands in brackets.

    `left_out` maps examples that are left out from now on to the reason.
    """
    labels = [f"[{row.label}]" if at == column else row.label for at, row in enumerate(rows)]
    head: Line = ((f"{'':16}", ""), *((f"{label:>{COLUMN_WIDTH}}", "title") for label in labels))
    lines, opens = [head], dict[int, object]()
    for example in examples:
        values = [scores[row.commit].get(example) for row in rows]
        told, turn = describe_loss(example, rows, values, lower)
        if turn is not None:
            opens[len(lines)] = turn
        out = f"  left out: {left_out[example]}" if example in left_out else ""
        lines.append(
            (
                (f"{example:16.16}", "strong"),
                *format_cells(values, lower),
                (f"  {told}", "warn"),
                (out, "dim"),
            )
        )
    whole = [
        scores[row.commit].values() if len(scores[row.commit]) == len(examples) else ()
        for row in rows
    ]
    lines.append(
        (
            (f"{'mean':16}", "title"),
            *format_cells([fmean(found) if found else None for found in whole], lower),
        )
    )
    return lines, opens


def format_cells(values: Sequence[float | None], lower: bool) -> list[tuple[str, str]]:
    """Scores, each coloured by its change against the last known one."""
    out, known = [], None
    for value in values:
        look = ""
        if value is not None and known is not None and value != known:
            look = "good" if (value > known) != lower else "bad"
        out.append(
            (
                f"{formatters.format_score(value) if value is not None else '.':>{COLUMN_WIDTH}}",
                look or ("" if value is not None else "dim"),
            )
        )
        known = known if value is None else value
    return out


def describe_loss(
    example: str, rows: Sequence[HistoryRow], values: Sequence[float | None], lower: bool
) -> tuple[str, ScoreChange | None]:
    """ "best at 4, lost at 11", and the versions between which that happened."""
    known = [(row, value) for row, value in zip(rows, values, strict=True) if value is not None]
    if len(known) < 2:
        return "", None
    pairs = list(pairwise(known))
    sign = -1 if lower else 1
    (before, a), (after, b) = min(pairs, key=lambda pair: sign * (pair[1][1] - pair[0][1]))
    best, top = max(known, key=lambda rv: sign * rv[1])
    if sign * (b - a) < 0 and sign * (known[-1][1] - top) < 0:
        return f"best at {best.label}, lost at {after.label}", ScoreChange(
            example, before.commit, after.commit
        )
    first, last = known[0][0], known[-1][0]
    return "", ScoreChange(example, first.commit, last.commit)
