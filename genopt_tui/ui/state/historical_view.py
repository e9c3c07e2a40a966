"""What the panes show instead of the present: an older version with all that its step held, and
traces of a marked one beside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from genopt_tui.session.journal import Journal
from genopt_tui.ui.state import reducer
from genopt_tui.ui.state.reader import VersionReader
from genopt_tui.ui.state.side_jobs import HunkWorth
from genopt_tui.ui.state.snapshot import (
    EvidenceView,
    ExternalChanges,
    HistoryRow,
    ProposalView,
    TraceSource,
    VersionView,
)


@dataclass(frozen=True, slots=True)
class HistoricalVersion:
    """An older version: its artifact, the step that made it, and the traces that step was shown."""

    version: VersionView
    proposal: ProposalView | None
    evidence: EvidenceView
    traces: tuple[TraceSource, ...]


class HistoricalView:
    """`back` is the older version that is shown, None for the present; `marked` the commit that
    traces are set beside ("": none).

    Belongs to the store's thread.
    """

    def __init__(
        self, journal: Journal, reader: VersionReader, worth: Callable[[str, str], HunkWorth]
    ) -> None:
        self._journal, self._reader, self._get_hunk_worth = journal, reader, worth
        self.shown: HistoricalVersion | None = None
        self.marked_commit = ""
        self._marked_tree = ""
        self._marked_traces: tuple[tuple[TraceSource, ...], tuple[TraceSource, ...]] = ((), ())

    def show_version(
        self, commit: str, rows: tuple[HistoryRow, ...], head: VersionView | None
    ) -> None:
        """Show this version; the head, or an empty commit, is the present."""
        if not commit or (head is not None and commit == head.commit):
            self.shown = None
            return
        view = self._reader.read_version(commit, rows)
        proposal, evidence = self._reader.read_step(view)
        if proposal is not None and not proposal.hunk_worth:
            proposal = replace(
                proposal, hunk_worth=self._get_hunk_worth(*self._reader.find_artifact_trees(commit))
            )
        self.shown = HistoricalVersion(view, proposal, evidence, self._list_traces(evidence))

    def refresh(self, rows: tuple[HistoryRow, ...]) -> None:
        """More is known of the version that is shown."""
        if self.shown is not None:
            self.show_version(self.shown.version.commit, rows, None)

    def _list_traces(self, evidence: EvidenceView) -> tuple[TraceSource, ...]:
        parts = [
            {**p, "split": "train"}
            for p in (evidence.sent or {}).get("parts", ())
            if p.get("rollout") is not None
        ]
        found = {int(p["rollout"]): self._journal.read_rollout(int(p["rollout"])) for p in parts}
        lengths = {
            number: row.result.steps
            for number, row in found.items()
            if row is not None and row.traced
        }
        return reducer.build_trace_sources(
            [p for p in parts if int(p["rollout"]) in lengths], lengths, evidence.sent
        )

    def set_mark(self, commit: str) -> None:
        """Set this version's traces beside those that are shown; an empty commit: none."""
        self.marked_commit, self._marked_tree = (
            commit,
            self._reader.find_artifact_tree(commit) if commit else "",
        )
        self._marked_traces = ((), ())

    def find_marked_traces(self, traces: Sequence[TraceSource]) -> tuple[TraceSource, ...]:
        """The marked version's newest traces of the same examples."""
        traces = tuple(traces)
        if not self.marked_commit or not traces:
            return ()
        if traces != self._marked_traces[0]:
            wanted = {(trace.example, trace.repeat) for trace in traces}
            rows = [r for r in self._journal.read_rollouts(self._marked_tree) if r.traced]
            found = {(r.result.example, r.result.repeat): r for r in rows}
            sources = (
                TraceSource(r.id, *key, r.result.steps, r.result.score, r.result.status)
                for key, r in found.items()
                if key in wanted
            )
            self._marked_traces = (traces, tuple(sources))
        return self._marked_traces[1]

    def load_blame(self, commit: str, rows: tuple[HistoryRow, ...]) -> None:
        """Say which version wrote each line, where this one is shown."""
        if self.shown is not None and self.shown.version.commit == commit:
            view = self.shown.version
            self.shown = replace(
                self.shown, version=replace(view, blame=self._reader.read_blame(view, rows))
            )


def format_banner(back: VersionView | None, outside: ExternalChanges, scored: bool) -> str:
    """The line that says that these panes do not show the present, else what happened without the
    application; empty for neither.

    `scored`: head has scores under the task as it is now.
    """
    if back is not None:
        return f"You look at version {back.label}. Esc goes back to the present"
    if outside.conflicted:
        return f"{outside.conflicted[0]} holds a conflict: H opens it in your editor, and takes it once no marks are left"
    if outside.edited:
        files = ", ".join(outside.edited[:3]) + (" ..." if len(outside.edited) > 3 else "")
        return f"{files} edited by hand: H makes a version of it"
    if outside.git_change:
        return f"{outside.git_change}: nothing of it is touched, the next act goes on from there"
    if outside.task_changed and scored:
        return "The task has changed since head was made: X and c compare what was scored again, new steps go on from that"
    if outside.task_changed:
        return "The task has changed since head was scored, new scores do not compare: J scores start, best and head again"
    return ""
