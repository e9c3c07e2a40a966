"""Which versions may be compared with head."""

from collections.abc import Sequence

from genopt_tui.ui.snapshot import HistoryRow


def comparable(rows: Sequence[HistoryRow]) -> tuple[list[HistoryRow], int]:
    """The rows scored under head's task on head's gate examples, in their order, and how many were scored otherwise.

    A head without a score stands for its nearest ancestor with one; where there is none, all scored rows are given.
    """
    scored = [row for row in rows if row.score is not None]
    at = next((row for row in rows if row.head), None)
    while at is not None and at.score is None:
        parent = at.parents[0] if at.parents else ""
        at = next((row for row in rows if row.commit == parent), None)
    same = scored if at is None else [row for row in scored if row.group == at.group]
    return same, len(scored) - len(same)


def left_out(count: int) -> str:
    """What is said of versions that may not be compared with head; empty for none."""
    return f"{count} do not compare" if count else ""
