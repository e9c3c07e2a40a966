"""What the panes show instead of the present: another version with its step, and the traces of the
marked version beside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from genopt_tui.session.journal import Journal
from genopt_tui.ui.state import reducer
from genopt_tui.ui.state.reader import VersionReader
from genopt_tui.ui.state.snapshot import (
    EvidenceView,
    HistoryRow,
    HunkWorth,
    ProposalView,
    TraceSource,
    VersionView,
)


@dataclass(frozen=True, slots=True)
class HistoricalVersion:
    """A version: its artifact, the step that made it, and the traces of that step's evidence."""

    version: VersionView
    proposal: ProposalView | None
    evidence: EvidenceView
    traces: tuple[TraceSource, ...]


class HistoricalView:
    """`shown` is the version in the panes, None for the present; `marked_commit` the version whose
    traces stand beside ("": none).

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
        """Show this version; head, or an empty commit, is the present."""
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
        """Read the shown version again: more is known about it."""
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
        """Mark a version, whose traces then stand beside the others; an empty commit: none."""
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
        """Add to the shown version which version wrote each line."""
        if self.shown is not None and self.shown.version.commit == commit:
            view = self.shown.version
            self.shown = replace(
                self.shown, version=replace(view, blame=self._reader.read_blame(view, rows))
            )
