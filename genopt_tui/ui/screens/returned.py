"""What happened while nobody looked: shown when a session is opened again after its run went on alone."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from genopt_tui.session.journal import Journal
from genopt_tui.ui import words
from genopt_tui.ui.screens.sheet import Page, Sheet
from genopt_tui.ui.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.lines import Line

if TYPE_CHECKING:
    from genopt_tui.ui.screens.main import MainScreen

ACCEPTED = {"approved", "edited", "manual", "gate", "always", "better"}


class ReturnedScreen(Sheet):
    """Counts, the gate's line, what was undecided, and the keys that go on from here."""

    KEYS = "Enter best  c start vs best  X examples  t rewind to best  p go on  Esc the session"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"then('{name}')", show=False)
        for key, name in (("c", "compare"), ("X", "matrix"), ("t", "rewind"), ("p", "run"))
    ]

    def __init__(self, main: "MainScreen", left: dict[str, Any]) -> None:
        super().__init__(f"Back at {main.snapshot.session.name}")
        self._main, self._left = main, left

    def read(self) -> tuple[str, Sequence[Page]]:
        journal = Journal(Path(self._main.snapshot.session.path), durable=False)
        try:
            events = journal.events(
                int(self._left["event"]), kinds=["step_ended", "run_finished", "scored", "gate_finished"]
            )
        finally:
            journal.close()
        outcomes = Counter(str(e.data.get("outcome")) for e in events if e.kind == "step_ended")
        ended = next((e for e in reversed(events) if e.kind == "run_finished"), None)
        gates = sum(1 for e in events if e.kind == "gate_finished")
        told = f"Left {clock(self._left['at'])} on {self._left['mode']}, back {clock(datetime.now().astimezone().isoformat())}."
        if ended:
            told += f" Stopped {clock(ended.at)}: {ended.data['reason']}."
        return told, [Page("back", summary(self._main.snapshot, outcomes, gates), {0: "best"})]

    def opened(self, thing: object) -> None:
        self.action_then("best")

    def action_then(self, name: str) -> None:
        """Leave this page and do what the key says, on the best version."""
        main = self._main
        self.dismiss(None)
        if name != "run":
            main.history.go_to(main.snapshot.best)
        if name == "compare" and (start := beginning(main.snapshot)):
            main.set_mark(start.commit)
        main.call_later(main.action_act, name)


def beginning(snapshot: Snapshot) -> HistoryRow | None:
    """The version that the session began with."""
    return next((row for row in reversed(snapshot.rows) if row.decision == "start"), None)


def clock(at: str) -> str:
    """An ISO time as the clock here showed it."""
    return datetime.fromisoformat(at).astimezone().strftime("%H:%M")


def summary(snapshot: Snapshot, outcomes: Counter[str], gates: int) -> list[Line]:
    """Steps by outcome, start against best, and the proposals that nobody decided on."""
    steps = outcomes.total()
    counts = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
    lines: list[Line] = [((f"{steps} steps: {counts}", "strong"),)]
    best = next((row for row in snapshot.rows if row.commit == snapshot.best), None)
    start = beginning(snapshot)
    if best and start and best.score is not None and start.score is not None:
        change = words.signed(best.score - start.score)
        lines.append(
            (
                (
                    f"gate {words.score(start.score)} -> {words.score(best.score)}  d {change}  best is {best.label}, n={best.n}",
                    "",
                ),
            )
        )
    lines.append(((f"the gate was used {gates} times   test: sealed", "dim"),))
    open_ = [row.label for row in snapshot.rows if row.decision == "undecided"]
    if open_:
        lines.append(((f"undecided, kept: {' '.join(open_[:20])}", "warn"),))
    return lines
