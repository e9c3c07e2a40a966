"""Which versions compare with head, and 95 % intervals of their means."""

from collections.abc import Sequence

from genopt_tui.learn.student import t_quantile
from genopt_tui.ui.state.snapshot import HistoryRow


def select_comparable(rows: Sequence[HistoryRow]) -> tuple[list[HistoryRow], int]:
    """The rows scored under head's task on head's gate examples, and the number of other scored
    rows.

    Where head has no score, its nearest scored ancestor takes its place; without one all scored
    rows compare.
    """
    scored = [row for row in rows if row.score is not None]
    reference = next((row for row in rows if row.head), None)
    while reference is not None and reference.score is None:
        parent = reference.parents[0] if reference.parents else ""
        reference = next((row for row in rows if row.commit == parent), None)
    if reference is None:
        return scored, 0
    same = [row for row in scored if row.group == reference.group]
    return same, len(scored) - len(same)


def describe_incomparable(count: int) -> str:
    """`3 do not compare`; empty for none."""
    return f"{count} do not compare" if count else ""


def compute_half_width(stderr: float | None, n: int) -> float | None:
    """Half of the 95 % t interval of a mean of `n` samples; None where `stderr` or n - 1 is missing."""
    if stderr is None or n < 2:
        return None
    return stderr * t_quantile(0.975, n - 1)
