"""What the panes show instead of the present: an older version with all that its step held, and traces of a marked one beside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from genopt_tui.session.journal import Journal
from genopt_tui.ui import fold
from genopt_tui.ui.asides import Worth
from genopt_tui.ui.reader import Reader
from genopt_tui.ui.snapshot import EvidenceView, HistoryRow, Outside, ProposalView, TraceSource, VersionView


@dataclass(frozen=True, slots=True)
class Back:
    """An older version: its artifact, the step that made it, and the traces that step was shown."""

    version: VersionView
    proposal: ProposalView | None
    evidence: EvidenceView
    traces: tuple[TraceSource, ...]


class Looking:
    """`back` is the older version that is shown, None for the present; `marked` the commit that traces are set beside ("": none).

    Belongs to the store's thread.
    """

    def __init__(self, journal: Journal, reader: Reader, worth: Callable[[str, str], Worth]) -> None:
        self._journal, self._reader, self._worth = journal, reader, worth
        self.back: Back | None = None
        self.marked = ""
        self._tree = ""
        self._beside: tuple[tuple[TraceSource, ...], tuple[TraceSource, ...]] = ((), ())

    def at(self, commit: str, rows: tuple[HistoryRow, ...], head: VersionView | None) -> None:
        """Show this version; the head, or an empty commit, is the present."""
        if not commit or (head is not None and commit == head.commit):
            self.back = None
            return
        view = self._reader.version(commit, rows)
        proposal, evidence = self._reader.step_of(view)
        if proposal is not None and not proposal.worth:
            proposal = replace(proposal, worth=self._worth(*self._reader.trees(commit)))
        self.back = Back(view, proposal, evidence, self._traces(evidence))

    def again(self, rows: tuple[HistoryRow, ...]) -> None:
        """More is known of the version that is shown."""
        if self.back is not None:
            self.at(self.back.version.commit, rows, None)

    def _traces(self, evidence: EvidenceView) -> tuple[TraceSource, ...]:
        parts = [
            {**p, "split": "train"} for p in (evidence.sent or {}).get("parts", ()) if p.get("rollout") is not None
        ]
        found = {int(p["rollout"]): self._journal.rollout(int(p["rollout"])) for p in parts}
        lengths = {number: row.result.steps for number, row in found.items() if row is not None and row.traced}
        return fold.sources([p for p in parts if int(p["rollout"]) in lengths], lengths, evidence.sent)

    def set_mark(self, commit: str) -> None:
        """Set this version's traces beside those that are shown; an empty commit: none."""
        self.marked, self._tree = commit, self._reader.tree(commit) if commit else ""
        self._beside = ((), ())

    def beside(self, traces: Sequence[TraceSource]) -> tuple[TraceSource, ...]:
        """The marked version's newest traces of the same examples."""
        traces = tuple(traces)
        if not self.marked or not traces:
            return ()
        if traces != self._beside[0]:
            wanted = {(trace.example, trace.repeat) for trace in traces}
            rows = [r for r in self._journal.rollouts(self._tree) if r.traced]
            found = {(r.result.example, r.result.repeat): r for r in rows}
            sources = (
                TraceSource(r.id, *key, r.result.steps, r.result.score, r.result.status)
                for key, r in found.items()
                if key in wanted
            )
            self._beside = (traces, tuple(sources))
        return self._beside[1]

    def blame(self, commit: str, rows: tuple[HistoryRow, ...]) -> None:
        """Say which version wrote each line, where this one is shown."""
        if self.back is not None and self.back.version.commit == commit:
            view = self.back.version
            self.back = replace(self.back, version=replace(view, blame=self._reader.blame(view, rows)))


def banner(back: VersionView | None, outside: Outside, scored: bool) -> str:
    """The line that says that these panes do not show the present, else what happened without the application; empty for neither.

    `scored`: head has scores under the task as it is now.
    """
    if back is not None:
        return f"You look at version {back.label}. Esc goes back to the present"
    if outside.torn:
        return f"{outside.torn[0]} holds a conflict: H opens it in your editor, and takes it once no marks are left"
    if outside.edited:
        files = ", ".join(outside.edited[:3]) + (" ..." if len(outside.edited) > 3 else "")
        return f"{files} edited by hand: H makes a version of it"
    if outside.moved:
        return f"{outside.moved}: nothing of it is touched, the next act goes on from there"
    if outside.task_changed and scored:
        return (
            "The task has changed since head was made: X and c compare what was scored again, new steps go on from that"
        )
    if outside.task_changed:
        return (
            "The task has changed since head was scored, new scores do not compare: J scores start, best and head again"
        )
    return ""
