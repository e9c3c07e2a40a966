"""The gate's scores by example as they come, in as few rows as they take, with progress and the time that is left."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from genopt_tui.ui import words
from genopt_tui.ui.snapshot import ProposalView
from genopt_tui.ui.widgets.marks import MARKS

ROWS = 3
"""Rows that the scores take at most."""


def gate_rows(p: ProposalView, width: int, workers: int = 1, *, whole: bool = True) -> list[str]:
    """What the gate gave so far, example by example in the order of arrival; empty before the first one.

    Without `whole` less is shown than what was scored, which the rows say.
    """
    scores: Sequence[Mapping[str, Any]] = (p.gate or {}).get("scores") or p.gate_scores
    if not scores:
        return []
    prefix = _shared([str(row.get("example", "?")) for row in scores])
    told = [_told(row, len(prefix)) for row in scores]
    wide = max(map(len, told)) + 2
    head = _progress(p, scores, workers) if not p.gate else f"gate by example{'' if whole else ', of the whole edit'}"
    rows = [f"{head}  {prefix}{MARKS.dots}" if prefix else head]
    across = max(1, width // wide)
    rooms = (ROWS - 1) * across
    if len(told) > rooms:
        told = [*told[: rooms - 1], f"and {len(told) - rooms + 1} more"]
    rows += [
        "".join(f"{cell:<{wide}}" for cell in told[at : at + across]).rstrip() for at in range(0, len(told), across)
    ]
    return rows


def _shared(names: Sequence[str]) -> str:
    """What all names begin with, up to a separator: it is said once."""
    low, high = min(names), max(names)
    same = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), 0)
    return low[: max(low.rfind(mark, 0, same) for mark in "-_/:") + 1]


def _told(row: Mapping[str, Any], cut: int) -> str:
    status = str(row.get("status", "ok"))
    score = words.score(row["score"]) if row.get("score") is not None else status
    base = f"{words.score(row['base'])}{MARKS.to}" if row.get("base") is not None else ""
    return f"{str(row.get('example', '?'))[cut:]} {base}{score}"


def _progress(p: ProposalView, scores: Sequence[Mapping[str, Any]], workers: int) -> str:
    """How many of how many, and about how long the rest takes at the pace of those that ran."""
    size = max(p.gate_size, len(scores))
    ran = [float(row["seconds"]) for row in scores if row.get("seconds") and not row.get("cached")]
    left = ceil((size - len(scores)) / max(1, workers)) * sum(ran) / len(ran) if ran else 0.0
    return f"gate {len(scores)}/{size}{f', about {duration(left)} left' if left else ''}"


def duration(seconds: float) -> str:
    """`12 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
