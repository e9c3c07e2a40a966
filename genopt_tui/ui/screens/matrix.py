"""`X`: matrix of gate examples by versions: where each was won, and where it was lost again."""

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
"""Most versions shown; the newest ones are."""
COLUMN_WIDTH = 7
Scores = Mapping[str, Mapping[str, float]]
"""Mean score by commit and example."""


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """The two neighbouring versions between which an example lost most; if it never lost, the first
    and the last one."""

    example: str
    before: str
    after: str


class MatrixScreen(TabbedScreen):
    """A row for each example, a column for each version on the path to head.

    Enter compares the version of the chosen column, else the one that lost the example, with the
    version scored before it. `x` excludes an example for good, with a reason, or includes it again.
    `to_score` are versions to score first.
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
        """Index of the chosen column; -1 for none."""

    def on_mount(self) -> None:
        if self._to_score:
            self.waiting_text = "Scores under the current task"
            job = FillScores(token=new_token(), versions=tuple(self._to_score))
            self.awaited_job = self._store.request_side_job(job)
            self.start_polling()

    def read(self) -> tuple[str, Sequence[Page]]:
        rows = list_path_to_head(self._snapshot)[-MAX_VERSIONS:]
        self._scores, left_out = self._read_scores(rows)
        self._rows = [row for row in rows if self._scores.get(row.commit)]
        self._examples = sorted({e for scores in self._scores.values() for e in scores})
        if not self._examples:
            return (
                "no version was scored under the current task: "
                "s runs a step, J scores start, best and head",
                [],
            )
        page = self._build_page()
        lines = [page.source.draft(y) for y in range(len(page.source))]
        lost = sum(1 for line in lines if any("lost" in text for text, _ in line))
        examples = pluralize(len(self._examples), "gate example")
        summary = f"{examples}, {pluralize(len(self._rows), 'version')}; {lost} lost again"
        more = (
            f"; {pluralize(left_out, 'version')} scored under another state of the task"
            if left_out
            else ""
        )
        rule = self._snapshot.session.rule
        return summary + more + (f"\nscores: {rule}" if rule else ""), [page]

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
        """Scores under the current task, and the number of versions with scores only under other
        states of it."""
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
                scores = {
                    row.commit: average_scores(
                        repository, journal, row.commit, failure, fingerprint
                    )
                    for row in rows
                }
        finally:
            journal.close()
        return scores, sum(1 for row in rows if row.score is not None and not scores[row.commit])

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
            scored_before = [
                row.commit
                for row in self._rows[: self.column]
                if thing.example in self._scores[row.commit]
            ]
            before, after = (
                scored_before[-1] if scored_before else before,
                self._rows[self.column].commit,
            )
        key = ("gate", thing.example, 0)
        self.app.push_screen(CompareScreen(self._snapshot, self._store, before, after, key))


def list_path_to_head(snapshot: Snapshot) -> list[HistoryRow]:
    """The versions from the start to head, oldest first."""
    by_commit = {r.commit: r for r in snapshot.rows}
    path: list[HistoryRow] = []
    row = by_commit.get(snapshot.head)
    while row is not None:
        path.append(row)
        row = by_commit.get(row.parents[0]) if row.parents else None
    return path[::-1]


def build_table(
    rows: Sequence[HistoryRow],
    scores: Scores,
    examples: Sequence[str],
    lower: bool,
    column: int,
    left_out: Mapping[str, str],
) -> tuple[list[Line], dict[int, object]]:
    """The lines of the matrix, and the target of Enter on each. The chosen column's label is in
    brackets.

    `left_out` maps excluded examples to the reason.
    """
    labels = [f"[{row.label}]" if i == column else row.label for i, row in enumerate(rows)]
    head: Line = ((f"{'':16}", ""), *((f"{label:>{COLUMN_WIDTH}}", "title") for label in labels))
    lines, targets = [head], dict[int, object]()
    for example in examples:
        values = [scores[row.commit].get(example) for row in rows]
        loss, change = describe_loss(example, rows, values, lower)
        if change is not None:
            targets[len(lines)] = change
        exclusion = f"  left out: {left_out[example]}" if example in left_out else ""
        lines.append(
            (
                (f"{example:16.16}", "strong"),
                *format_cells(values, lower),
                (f"  {loss}", "warn"),
                (exclusion, "dim"),
            )
        )
    complete = [
        scores[row.commit].values() if len(scores[row.commit]) == len(examples) else ()
        for row in rows
    ]
    lines.append(
        (
            (f"{'mean':16}", "title"),
            *format_cells(
                [
                    fmean(values_of_version) if values_of_version else None
                    for values_of_version in complete
                ],
                lower,
            ),
        )
    )
    return lines, targets


def format_cells(values: Sequence[float | None], lower: bool) -> list[tuple[str, str]]:
    """Scores, each coloured by its change from the last known one."""
    cells, previous = [], None
    for value in values:
        style = ""
        if value is not None and previous is not None and value != previous:
            style = "good" if (value > previous) != lower else "bad"
        cells.append(
            (
                f"{formatters.format_score(value) if value is not None else '.':>{COLUMN_WIDTH}}",
                style or ("" if value is not None else "dim"),
            )
        )
        previous = previous if value is None else value
    return cells


def describe_loss(
    example: str, rows: Sequence[HistoryRow], values: Sequence[float | None], lower: bool
) -> tuple[str, ScoreChange | None]:
    """`best at 4, lost at 11`, and the two versions between which that happened."""
    scored = [(row, value) for row, value in zip(rows, values, strict=True) if value is not None]
    if len(scored) < 2:
        return "", None
    pairs = list(pairwise(scored))
    sign = -1 if lower else 1
    (before, a), (after, b) = min(pairs, key=lambda pair: sign * (pair[1][1] - pair[0][1]))
    best, top = max(scored, key=lambda rv: sign * rv[1])
    if sign * (b - a) < 0 and sign * (scored[-1][1] - top) < 0:
        return f"best at {best.label}, lost at {after.label}", ScoreChange(
            example, before.commit, after.commit
        )
    first, last = scored[0][0], scored[-1][0]
    return "", ScoreChange(example, first.commit, last.commit)
