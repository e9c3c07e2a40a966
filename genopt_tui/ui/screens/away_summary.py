"""What happened while nobody looked: shown when a session is opened again after its run went on
alone."""

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
"""Undecided proposals that are named."""


class AwaySummaryScreen(TabbedScreen):
    """Counts, the gate's line, what was undecided, and the keys that go on from here."""

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
        self._found: Comparison | None = None

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
        told = f"Left {format_clock(self._departure['at'])} on {self._departure['mode']}, back {format_clock(datetime.now().astimezone().isoformat())}."
        if ended:
            told += f" Stopped {format_clock(ended.at)}: {ended.data['reason']}."
        return told, [self._build_page()]

    async def load(self) -> None:
        """At once what is known; the test of best against start takes a moment."""
        await super().load()
        if not self.pages:
            return
        try:
            self._found = await run_in_thread(self._compare_best_with_start)
        except EXPECTED_ERRORS:  # the line stands without an interval
            return
        self.pages = [self._build_page()]
        self.turn_to(0)

    def _build_page(self) -> Page:
        return Page(
            "back",
            build_summary(self._main.snapshot, self._outcomes, self._gate_uses, self._found),
            {0: "best"},
        )

    def _compare_best_with_start(self) -> "Comparison | None":
        """Best against start; None where they are the same version."""
        from genopt_tui.ui.screens.compare_reader import Side, read_comparison

        s, start = self._main.snapshot, find_start(self._main.snapshot)
        if start is None or start.commit == s.best:
            return None
        path = Path(s.session.path)
        return read_comparison((Side(path, start.commit), Side(path, s.best))).result

    def open_target(self, thing: object) -> None:
        self.action_then("best")

    def action_then(self, name: str) -> None:
        """Leave this page and do what the key says, on the best version."""
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
    """The version that the session began with."""
    return next((row for row in reversed(snapshot.rows) if row.decision == "start"), None)


def format_clock(at: str) -> str:
    """An ISO time as the clock here showed it."""
    return datetime.fromisoformat(at).astimezone().strftime("%H:%M")


def build_summary(
    snapshot: Snapshot, outcomes: Counter[str], uses: int, found: "Comparison | None"
) -> list[Line]:
    """Steps by outcome, best against start (`found`: tested), how often gate and test split were
    looked at."""
    counts: Counter[str] = Counter()
    for outcome, count in outcomes.items():
        counts["accepted" if outcome in ACCEPTED else outcome] += count
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    kept = [row.label for row in snapshot.rows if row.decision == "undecided"]
    named = f" (undecided, kept: {' '.join(kept[:MAX_NAMED])})" if kept else ""
    gate = f"{_format_gate(snapshot, found)} (used {pluralize(uses, 'time')})  test: {formatters.format_test_openings(snapshot.test_openings)}"
    return [
        ((f"{pluralize(outcomes.total(), 'step')}: {told}", "strong"), (named, "warn")),
        ((gate, ""),),
        ((f"best is {_format_best(snapshot)}", ""),),
    ]


def _format_best(snapshot: Snapshot) -> str:
    return next(
        (row.subject.removeprefix("step ") for row in snapshot.rows if row.commit == snapshot.best),
        "not known",
    )


def _format_gate(snapshot: Snapshot, found: "Comparison | None") -> str:
    """Start against best, `gate 0.61->0.74 d+0.13 [+0.05,+0.21] BETTER n=50`, as far as it is
    known."""
    start, best = (
        find_start(snapshot),
        next((row for row in snapshot.rows if row.commit == snapshot.best), None),
    )
    if start is None or best is None or start.score is None or best.score is None:
        return "gate: nothing was scored"
    if found is None:
        return f"gate {formatters.format_score(start.score)}->{formatters.format_score(best.score)} n={best.n}"
    span = (
        f" [{formatters.format_difference(found.interval[0])},{formatters.format_difference(found.interval[1])}]"
        if found.interval
        else ""
    )
    means = f"{formatters.format_score(found.mean_a)}->{formatters.format_score(found.mean_b)}"
    return f"gate {means} d{formatters.format_difference(found.difference)}{span} {found.verdict.upper()} n={found.n}"
