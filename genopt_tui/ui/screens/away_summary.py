"""Summary of a run that went on while its session was closed; shown when it is opened again."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from genopt_tui.session.history.versions import ACCEPTED
from genopt_tui.session.journal import Journal
from genopt_tui.ui import formatters
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_thread
from genopt_tui.ui.panes.line_pane import pluralize
from genopt_tui.ui.screens.compare import EXAMPLES, CompareScreen
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.line_source import Line

if TYPE_CHECKING:
    from genopt_tui.session.compare import Comparison
    from genopt_tui.ui.actions.host import ActionHost

MAX_NAMED = 20
"""Most undecided proposals that are named."""


class AwaySummaryScreen(TabbedScreen):
    """Steps by outcome, gate, undecided proposals, and keys for what to do next."""

    KEYS = "Enter best  c start vs best  f flipped cases  t rewind to best  p go on  Esc stay"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"then('{name}')", show=False)
        for key, name in (("c", "compare"), ("f", "flipped"), ("t", "rewind"), ("p", "run"))
    ]

    def __init__(self, main: "ActionHost", departure: dict[str, Any]) -> None:
        super().__init__(f"Back at {main.snapshot.session.name}")
        self._main, self._departure = main, departure
        self._outcomes: Counter[str] = Counter()
        self._gate_uses = 0
        self._comparison: Comparison | None = None

    def read(self) -> tuple[str, Sequence[Page]]:
        from genopt_tui.session.history.notes import count_gate_uses
        from genopt_tui.session.history.repository import Repository

        path = Path(self._main.snapshot.session.path)
        journal = Journal(path, durable=False)
        try:
            events = journal.read_events(
                int(self._departure["event"]), kinds=["step_ended", "run_finished"]
            )
        finally:
            journal.close()
        with Repository.open(path) as repository:
            self._gate_uses = count_gate_uses(repository)
        self._outcomes = Counter(
            str(e.data.get("outcome")) for e in events if e.kind == "step_ended"
        )
        ended = next((e for e in reversed(events) if e.kind == "run_finished"), None)
        left = format_clock(self._departure["at"])
        now = format_clock(datetime.now().astimezone().isoformat())
        about = f"Left {left} on {self._departure['mode']}, back {now}."
        if ended:
            about += f" Stopped {format_clock(ended.at)}: {ended.data['reason']}."
        return about, [self._build_page()]

    async def load(self) -> None:
        """Show what is known at once, then the comparison of best and start, which takes a
        moment."""
        await super().load()
        if not self.pages:
            return
        try:
            self._comparison = await run_in_thread(self._compare_best_with_start)
        except EXPECTED_ERRORS:  # show the line without an interval
            return
        self.pages = [self._build_page()]
        self.turn_to(0)

    def _build_page(self) -> Page:
        return Page(
            "back",
            build_summary(self._main.snapshot, self._outcomes, self._gate_uses, self._comparison),
            {0: "best"},
        )

    def _compare_best_with_start(self) -> "Comparison | None":
        """Comparison of best with start; None if they are the same version."""
        from genopt_tui.ui.screens.compare_reader import Side, read_comparison

        s, start = self._main.snapshot, find_start(self._main.snapshot)
        if start is None or start.commit == s.best:
            return None
        path = Path(s.session.path)
        return read_comparison((Side(path, start.commit), Side(path, s.best))).result

    def open_target(self, thing: object) -> None:
        self.action_then("best")

    def action_then(self, name: str) -> None:
        """Close this page and run an action on the best version."""
        main = self._main
        self.dismiss(None)
        if name != "run":
            main.go_to_version(main.snapshot.best)
        start = find_start(main.snapshot)
        if name in {"compare", "flipped"} and start:
            main.set_mark(start.commit)
        if name == "flipped" and start:
            s = main.snapshot
            main.app.push_screen(CompareScreen(s, main.store, start.commit, s.best, page=EXAMPLES))
        else:
            main.app.call_later(main.action_act, name)


def find_start(snapshot: Snapshot) -> HistoryRow | None:
    """The version that the session started from; None while its row is not loaded."""
    return next((row for row in reversed(snapshot.rows) if row.decision == "start"), None)


def format_clock(time: str) -> str:
    """An ISO time as local hours and minutes."""
    return datetime.fromisoformat(time).astimezone().strftime("%H:%M")


def build_summary(
    snapshot: Snapshot, outcomes: Counter[str], uses: int, comparison: "Comparison | None"
) -> list[Line]:
    """Three lines: steps by outcome, start against best with uses of gate and test split, and the
    best version.

    Without `comparison`, the gate line has no interval.
    """
    counts: Counter[str] = Counter()
    for outcome, count in outcomes.items():
        counts["accepted" if outcome in ACCEPTED else outcome] += count
    counted = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    undecided = [row.label for row in snapshot.rows if row.decision == "undecided"]
    named = f" (undecided, kept: {' '.join(undecided[:MAX_NAMED])})" if undecided else ""
    openings = formatters.format_test_openings(snapshot.test_openings)
    gate = (
        f"{_format_gate(snapshot, comparison)} (used {pluralize(uses, 'time')})  test: {openings}"
    )
    return [
        ((f"{pluralize(outcomes.total(), 'step')}: {counted}", "strong"), (named, "warn")),
        ((gate, ""),),
        ((f"best is {_format_best(snapshot)}", ""),),
    ]


def _format_best(snapshot: Snapshot) -> str:
    return next(
        (row.subject.removeprefix("step ") for row in snapshot.rows if row.commit == snapshot.best),
        "not known",
    )


def _format_gate(snapshot: Snapshot, comparison: "Comparison | None") -> str:
    """`gate 0.61->0.74 d+0.13 [+0.05,+0.21] BETTER n=50`, start against best, as far as known."""
    start, best = (
        find_start(snapshot),
        next((row for row in snapshot.rows if row.commit == snapshot.best), None),
    )
    if start is None or best is None or start.score is None or best.score is None:
        return "gate: nothing was scored"
    if comparison is None:
        scores = f"{formatters.format_score(start.score)}->{formatters.format_score(best.score)}"
        return f"gate {scores} n={best.n}"
    span = ""
    if comparison.interval:
        span = " [{},{}]".format(*map(formatters.format_difference, comparison.interval))
    means = "->".join(map(formatters.format_score, (comparison.mean_a, comparison.mean_b)))
    difference = formatters.format_difference(comparison.difference)
    return f"gate {means} d{difference}{span} {comparison.verdict.upper()} n={comparison.n}"
