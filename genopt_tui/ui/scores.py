"""Which versions may be compared with head.

95 % intervals of a mean, as wide as few samples make them, without the statistics library that the
screen need not load.
"""

from collections.abc import Sequence

from genopt_tui.ui.state.snapshot import HistoryRow


def select_comparable(rows: Sequence[HistoryRow]) -> tuple[list[HistoryRow], int]:
    """The rows scored under head's task on head's gate examples, in their order, and how many were
    scored otherwise.

    A head without a score stands for its nearest ancestor with one; where there is none, all scored
    rows are given.
    """
    scored = [row for row in rows if row.score is not None]
    at = next((row for row in rows if row.head), None)
    while at is not None and at.score is None:
        parent = at.parents[0] if at.parents else ""
        at = next((row for row in rows if row.commit == parent), None)
    same = scored if at is None else [row for row in scored if row.group == at.group]
    return same, len(scored) - len(same)


def describe_incomparable(count: int) -> str:
    """What is said of versions that may not be compared with head; empty for none."""
    return f"{count} do not compare" if count else ""


T_QUANTILES: tuple[float, ...] = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
    2.228,
    2.201,
    2.179,
    2.16,
    2.145,
    2.131,
    2.12,
    2.11,
)
T_QUANTILES += (
    2.101,
    2.093,
    2.086,
    2.08,
    2.074,
    2.069,
    2.064,
    2.06,
    2.056,
    2.052,
    2.048,
    2.045,
    2.042,
)
"""Student's t at 97.5 %, for 1 to 30 degrees of freedom."""
NORMAL_QUANTILE = 1.96


def compute_half_width(stderr: float | None, n: int) -> float | None:
    """Half of the 95 % interval of a mean of `n` samples with this standard error; None where it is
    not known."""
    if stderr is None or n < 2:
        return None
    return stderr * (
        T_QUANTILES[n - 2] if n - 2 < len(T_QUANTILES) else NORMAL_QUANTILE + 2.5 / (n - 1)
    )
