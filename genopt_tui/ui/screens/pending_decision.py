"""The waiting decision: since when it is on the screen, and the user's edit of its proposal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic

from genopt_tui.ui.state.snapshot import ProposalView, Snapshot

DECISION_GRACE = 0.5
"""Seconds after a decision appears in which no key can be a response to it."""


class PendingDecision:
    """When the waiting decision appeared on the screen."""

    def __init__(self) -> None:
        self.since = 0.0
        """Seconds on the monotonic clock."""
        self._shown = ""

    def track(self, snapshot: Snapshot) -> bool:
        """Note the decision in `snapshot`; true if a new one has just appeared."""
        tree = snapshot.proposal.tree if snapshot.proposal else ""
        shown = ""
        if snapshot.pending:
            shown = f"{snapshot.pending} {snapshot.progress.step} {tree}"
        if shown == self._shown:
            return False
        self._shown, self.since = shown, monotonic()
        return bool(shown)

    def is_too_early(self, key_time: float) -> bool:
        """Whether a key was pressed before anybody could have seen the decision."""
        return key_time - self.since < DECISION_GRACE


class ProposalEdit:
    """The user's edit of the waiting proposal. It is dropped when another proposal appears, or when
    that one is decided."""

    def __init__(self) -> None:
        self._edited: EditedProposal | None = None

    def set_files(self, proposal: ProposalView, files: Mapping[str, str] | None) -> None:
        """Replace the files of `proposal`; None restores those that the model wrote."""
        self._edited = None if files is None else EditedProposal.build(proposal, files)

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` with the edit in place of its proposal, if the edit is of that proposal."""
        proposal = snapshot.proposal
        if self._edited is None or proposal is None or snapshot.is_historical:
            return snapshot
        if self._edited.is_outdated(proposal):
            self._edited = None
            return snapshot
        edited = self._edited.apply(proposal)
        proposals = tuple(edited if p is proposal else p for p in snapshot.proposals)
        return replace(snapshot, proposals=proposals)


@dataclass(frozen=True, slots=True)
class EditedProposal:
    """Edited files of the proposal with this step, number and tree. No gate has scored them."""

    step: int
    number: int
    tree: str
    files: Mapping[str, str]

    @classmethod
    def build(cls, proposal: ProposalView, files: Mapping[str, str]) -> "EditedProposal":
        return cls(proposal.step, proposal.number, proposal.tree, dict(files))

    def is_outdated(self, proposal: ProposalView) -> bool:
        """Whether `proposal` has been decided, or is not the one that was edited."""
        edited = (self.step, self.number, self.tree)
        return bool(proposal.decision) or edited != (proposal.step, proposal.number, proposal.tree)

    def apply(self, proposal: ProposalView) -> ProposalView:
        """`proposal` with the edited files and without the scores of its gate."""
        files, base = self.files, proposal.base
        changes = tuple(sorted(n for n in {*base, *files} if base.get(n) != files.get(n)))
        return replace(
            proposal, files=files, changes=changes, gate=None, gate_scores=(), edited=True
        )
