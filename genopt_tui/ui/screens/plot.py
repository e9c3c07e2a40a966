"""`P`: the learning curve: gate means with 95 % intervals, train means, branches, rejected
versions."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev

from textual import events

from genopt_tui.session.journal import Journal
from genopt_tui.ui import formatters
from genopt_tui.ui.scores import compute_half_width, describe_incomparable, select_comparable
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.line_source import Line

AXIS_WIDTH = 9
"""Cells to the left of the curve."""
TEST_MARK = "T"


@dataclass(frozen=True, slots=True)
class Point:
    """A mark at `step` from `low` to `high` (equal to `value` without an interval), with `name`
    beside it."""

    step: int
    value: float
    low: float
    high: float
    mark: str
    style: str
    name: str = ""


class PlotScreen(TabbedScreen):
    """The curve: steps to the right, scores upward."""

    KEYS = "Esc back"

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(f"Learning curve of {snapshot.session.name}")
        self._snapshot = snapshot
        self._train: dict[int, float] = {}
        self._test: list[Point] = []
        self._best: list[tuple[int, float]] = []

    def read(self) -> tuple[str, Sequence[Page]]:
        s = self._snapshot
        journal = Journal(Path(s.session.path), durable=False)
        try:
            built = journal.read_events(kinds=["evidence_built"])
            self._train = {
                e.step: float(e.data["mean"]) for e in built if e.data.get("mean") is not None
            }
            self._test = read_test_points(Path(s.session.path), journal, s.rows)
            groups = {row.group for row in select_comparable(s.rows)[0]}
            self._best = read_best_scores(Path(s.session.path), groups)
        finally:
            journal.close()
        return self._format_legend(), [Page("curve", self._draw_lines())]

    def _format_legend(self) -> str:
        marks = formatters.choose_symbols()
        rule, note = (
            self._snapshot.session.rule,
            describe_incomparable(select_comparable(self._snapshot.rows)[1]),
        )
        openings = formatters.format_test_openings(self._snapshot.test_openings)
        return (
            f"{marks.accepted} gate mean with its 95 % interval  {marks.dash} best so far  "
            f"{marks.live} rejected  + train batch mean  {marks.abandoned} abandoned  "
            f"{TEST_MARK} test split, {openings}"
            + (f"\nscores: {rule}" if rule else "")
            + (f"\n{note}: they were scored under another task or gate" if note else "")
        )

    def _draw_lines(self) -> list[Line]:
        width, height = (
            max(20, self.app.size.width - AXIS_WIDTH - 8),
            max(6, self.app.size.height - 12),
        )
        points = [
            *build_points(select_comparable(self._snapshot.rows)[0]),
            *build_train_points(self._train),
            *self._test,
        ]
        return (
            draw_curve(points, width, height, self._best)
            if points
            else [(("no version has a score yet: s runs a step", "dim"),)]
        )

    def on_resize(self, event: events.Resize) -> None:
        if self.ready:
            self.show(self._format_legend(), [Page("curve", self._draw_lines())])


def build_points(rows: Iterable[HistoryRow]) -> list[Point]:
    """Gate scores of all versions; tips of branches with their names, rejected ones hollow."""
    marks = formatters.choose_symbols()
    points = []
    for row in rows:
        if row.score is None:
            continue
        half = compute_half_width(row.stderr, row.n) or 0.0
        accepted = row.kind == "branch"
        mark = (
            marks.accepted
            if accepted
            else marks.live
            if row.kind == "rejected"
            else marks.abandoned
        )
        style = "good" if accepted and row.head else "strong" if accepted else "dim"
        half = half if accepted else 0.0
        points.append(
            Point(
                row.step,
                row.score,
                row.score - half,
                row.score + half,
                mark,
                style,
                " ".join(row.branches),
            )
        )
    return points


def read_test_points(session: Path, journal: Journal, rows: Iterable[HistoryRow]) -> list[Point]:
    """Test means, with intervals, of the versions for which the test split was opened."""
    from genopt_tui.session.compare import load_scores
    from genopt_tui.session.history.notes import count_openings
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.travel import load_session_task

    steps, points = {row.commit: row.step for row in rows}, []
    with Repository.open(session) as repository:
        task = load_session_task(
            session, str(repository.read_choices(repository.head()).task["name"])
        ).task
        for commit in count_openings(repository):
            scored = load_scores(
                repository, journal, commit, failure_score=task.failure_score, split="test"
            ).scores
            scores = [score for score, _ in scored.values()]
            if scores and commit in steps:
                mean = fmean(scores)
                half = (
                    compute_half_width(stdev(scores) / len(scores) ** 0.5, len(scores))
                    if len(scores) > 1
                    else None
                )
                points.append(
                    Point(
                        steps[commit],
                        mean,
                        mean - (half or 0),
                        mean + (half or 0),
                        TEST_MARK,
                        "warn",
                    )
                )
    return points


def read_best_scores(session: Path, groups: Collection[str]) -> list[tuple[int, float]]:
    """The best accepted score by step, as in `genopt curve`, among these groups of scores."""
    from genopt_tui.session.curve import build_curve
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.travel import load_session_task

    with Repository.open(session) as repository:
        task = load_session_task(
            session, str(repository.read_choices(repository.head()).task["name"])
        ).task
        curve = build_curve(repository.read_log(all_branches=True), {}, task.direction)
    return [(p.step, p.best) for p in curve if p.best is not None and p.group in groups]


def build_train_points(means: dict[int, float]) -> list[Point]:
    return [Point(step, mean, mean, mean, "+", "number") for step, mean in means.items()]


def draw_curve(
    points: Sequence[Point], width: int, height: int, best: Sequence[tuple[int, float]] = ()
) -> list[Line]:
    """The points as lines of text, highest score first, axis of steps last. `best` (step, value) is
    a line behind them."""
    low, high = (
        min([p.low for p in points] + [b for _, b in best]),
        max([p.high for p in points] + [b for _, b in best]),
    )
    span, last = (high - low) or 1.0, max(p.step for p in points) or 1
    marks = formatters.choose_symbols()
    cells: dict[tuple[int, int], tuple[str, str]] = {}

    def get_row(value: float) -> int:
        return round((high - value) / span * (height - 1))

    for p in sorted(points, key=lambda p: p.style != "dim"):
        x = round(p.step / last * (width - 1))
        for y in range(get_row(p.high), get_row(p.low) + 1):
            cells.setdefault((x, y), (marks.pipe, "gutter"))
        cells[(x, get_row(p.value))] = (p.mark, p.style)
    for p in points:
        x, y = round(p.step / last * (width - 1)), get_row(p.value)
        x = x + 2 if x + 2 + len(p.name) <= width else x - 1 - len(p.name)
        rows = [
            [(x + i, row) for i in range(len(p.name))]
            for row in (y, y - 1, y + 1)
            if 0 <= row < height
        ]
        free = next((row for row in rows if not cells.keys() & set(row)), rows[0])
        cells |= {cell: (char, "title") for cell, char in zip(free, p.name, strict=True)}
    for (step, value), (until, _) in pairwise([*best, (last, 0.0)]):
        for x in range(round(step / last * (width - 1)), round(until / last * (width - 1)) + 1):
            cells.setdefault((x, get_row(value)), (marks.dash, "dim"))
    lines = [
        _draw_row(y, high - y * span / (height - 1), cells, width, height) for y in range(height)
    ]
    return [
        *lines,
        ((" " * AXIS_WIDTH + marks.dash * width, "gutter"),),
        ((_draw_step_axis(last, width), "gutter"),),
    ]


def _draw_row(
    y: int, value: float, cells: dict[tuple[int, int], tuple[str, str]], width: int, height: int
) -> Line:
    label = (
        formatters.format_score(value) if y % max(1, height // 6) == 0 or y == height - 1 else ""
    )
    return (
        (f"{label:>{AXIS_WIDTH - 2}}  ", "gutter"),
        *(cells.get((x, y), (" ", "")) for x in range(width)),
    )


def _draw_step_axis(last: int, width: int) -> str:
    """Step numbers under the curve."""
    text = [" "] * (AXIS_WIDTH + width + 4)
    free = 0
    for step in range(0, last + 1, max(1, last // 10)):
        x = AXIS_WIDTH + round(step / last * (width - 1))
        if x >= free:
            word = "start" if step == 0 else str(step)
            text[x : x + len(word)] = word
            free = x + len(word) + 1
    return "".join(text).rstrip()
