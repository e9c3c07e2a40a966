"""The only source of the interface's state: reads the journal and git in threads of its own, posts snapshots."""

from genopt_tui.ui.snapshot import (
    BudgetView,
    EvidenceView,
    HistoryRow,
    PicturePiece,
    ProposalView,
    SessionInfo,
    Snapshot,
    TracePiece,
    TraceSource,
    VersionView,
)

__all__ = [
    "BudgetView",
    "EvidenceView",
    "HistoryRow",
    "PicturePiece",
    "ProposalView",
    "SessionInfo",
    "Snapshot",
    "TracePiece",
    "TraceSource",
    "VersionView",
]
