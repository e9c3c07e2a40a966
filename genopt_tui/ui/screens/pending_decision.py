"""The decision that waits on the screen: since when, and how a person edited its proposal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic

from genopt_tui.ui.state.snapshot import ProposalView, Snapshot

DECISION_GRACE = 0.5
"""Seconds after a decision appears in which a key cannot yet be meant for it."""


class PendingDecision:
    """Knows when the decision on the screen appeared there."""

    def __init__(self) -> None:
        self.since = 0.0
        """Time on the monotonic clock."""
        self._shown = ""

    def track(self, snapshot: Snapshot) -> bool:
        """Take note of the decision in `snapshot`; whether another one has just appeared."""
        tree = snapshot.proposal.tree if snapshot.proposal else ""
        shown = ""
        if snapshot.pending:
            shown = f"{snapshot.pending} {snapshot.progress.step} {tree}"
        if shown == self._shown:
            return False
        self._shown, self.since = shown, monotonic()
        return bool(shown)

    def is_too_early(self, key_time: float) -> bool:
        """Whether a key was pressed before a person can have seen what it decides on."""
        return key_time - self.since < DECISION_GRACE


@dataclass(frozen=True, slots=True)
class EditedProposal:
    """A person's edit of the proposal with this step, number and tree. No gate has scored it."""

    step: int
    number: int
    tree: str
    files: Mapping[str, str]

    @classmethod
    def build(cls, proposal: ProposalView, files: Mapping[str, str]) -> "EditedProposal":
        return cls(proposal.step, proposal.number, proposal.tree, dict(files))

    def is_outdated(self, proposal: ProposalView) -> bool:
        """Whether `proposal` is decided, or is not the one that was edited."""
        edited = (self.step, self.number, self.tree)
        return bool(proposal.decision) or edited != (proposal.step, proposal.number, proposal.tree)

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` with the edit in place of its proposal."""
        p = snapshot.proposal
        assert p is not None
        files = self.files
        names = tuple(sorted(n for n in {*p.base, *files} if p.base.get(n) != files.get(n)))
        edited = replace(p, files=files, changes=names, gate=None, gate_scores=(), edited=True)
        proposals = tuple(edited if other is p else other for other in snapshot.proposals)
        return replace(snapshot, proposals=proposals)
