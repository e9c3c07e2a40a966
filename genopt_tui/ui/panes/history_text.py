"""Text of the history's rows. Pure functions, so that tests need no screen."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from genopt_tui.ui import formatters
from genopt_tui.ui.panes.history_graph import draw_graph
from genopt_tui.ui.panes.proposal_text import format_reason
from genopt_tui.ui.scores import compute_half_width
from genopt_tui.ui.state.snapshot import HistoryRow

INTERVAL_WIDTH, COST_WIDTH = 64, 80
"""Columns of the pane from which every row shows the score's interval, and the cost."""
TASK_CHANGE_NOTE = (
    "scores above and below do not compare: "
    "the task changed here (J scores start, best and head again)"
)
StyledText = tuple[str, str]


def format_row(
    row: HistoryRow, graph_line: str, width: int, symbols: formatters.Symbols, room: int = 0
) -> list[StyledText]:
    """A row as (text, style) parts: graph, label, score, n, change, verdict, decider, subject.

    `width` is that of the graph. With enough `room`, the score's interval and the cost are added.
    """
    if row.kind == "live":
        return [
            (f"{symbols.live:<{width}} ", "live"),
            (f"{row.label:<5}", "label"),
            (f"{symbols.dots} {row.decision}", "live"),
        ]
    if row.kind == "line":
        return [(f"{'':<{width}} ", "graph"), (row.subject, "live")]
    dim = row.kind != "branch"
    score = formatters.format_score(row.score)
    count = f"n{row.n}" if score else ""
    digits = 7 if room >= INTERVAL_WIDTH else 6
    parts = [
        (f"{graph_line:<{width}} ", "dim" if dim else "graph"),
        (f"{row.label:<5}", "head" if row.head else "dim" if dim else "label"),
        (f"{score:>{digits}} ", "dim" if dim else "score"),
        (f"{format_spread(row):<9}" if room >= INTERVAL_WIDTH else "", "dim"),
        (f"{count:<4} ", "dim"),
    ]
    if dim:
        parts.append((row.decision or row.kind, "dim"))
    else:
        change = formatters.format_change(row.verdict, row.difference)
        parts.append(
            (
                f"{formatters.format_difference(row.difference):>{digits}} {change:<5}",
                change if change in {"up", "down"} else "plain",
            )
        )
        parts.append((f"{row.decided_by or _format_decision(row):<5}", "dim"))
    if room >= COST_WIDTH:
        parts.append((f"{format_cost(row):>8} ", "dim"))
    names = " ".join((*row.branches, *row.tags))
    subject = (
        row.subject.partition(": ")[2]
        if row.subject.startswith(("step ", "start: "))
        else row.subject
    )
    note_mark = "  # " if row.note else ""
    return [
        *parts,
        (f" {names}", "branch") if names else ("", ""),
        (note_mark, "live"),
        (f"  {subject}", "dim"),
    ]


def _format_decision(row: HistoryRow) -> str:
    """The decision, unless the label already is the decision."""
    return row.decision if row.decision != row.label else ""


def format_spread(row: HistoryRow) -> str:
    """Half of the score's 95 % interval: `+-1.6`."""
    half = compute_half_width(row.stderr, row.n) if row.score is not None else None
    return "" if half is None else f"+-{half:.2g}"


def format_cost(row: HistoryRow) -> str:
    """Cost of the step's model calls; empty if there were none."""
    if row.cost is None:
        return "$?" if row.model and row.step and row.decision not in {"manual", "design"} else ""
    return f"${row.cost:.4f}".rstrip("0").rstrip(".")


def format_details(row: HistoryRow, reason: str = "") -> str:
    """A version in two lines: decision, score with its interval, cost and names; then the reason
    for its rejection, subject and note."""
    if row.kind in {"live", "line"}:
        return row.subject if row.kind == "line" else ""
    half, score = compute_half_width(row.stderr, row.n), formatters.format_score(row.score)
    if half is not None and row.score is not None:
        low, high = (formatters.format_score(row.score + d) for d in (-half, half))
        score += f" [{low}, {high}]"
    by = (
        f" by {row.decided_by}"
        if row.decided_by not in {"", row.decision} and row.decision not in {"start", "design"}
        else ""
    )
    change = (
        f"d {formatters.format_difference(row.difference)} {row.verdict}".rstrip()
        if row.difference is not None
        else ""
    )
    parts = [
        f"{row.label} {_format_decision(row)}{by}".rstrip(),
        f"{score} n{row.n}" if score else "no score",
        change,
        format_cost(row),
    ]
    names = [
        *row.branches,
        *(f"tag {tag}" for tag in row.tags),
        "" if row.kind in {"branch", row.decision} else row.kind,
    ]
    note = f"  note: {row.note}" if row.note else ""
    why = f"{reason} · " if (reason := format_reason(row.decision, reason)) else ""
    return " · ".join(filter(None, [*parts, *names])) + f"\n{why}{row.subject}{note}"


def draw_row_graphs(
    rows: Sequence[HistoryRow], head: str, symbols: formatters.Symbols
) -> list[str]:
    """The graph beside these rows; rows that are not versions have none."""
    lines = iter(draw_graph([row for row in rows if row.commit], head, symbols))
    return [
        next(lines) if row.commit else symbols.live if row.kind == "live" else "" for row in rows
    ]


def draw_row_symbols(rows: Sequence[HistoryRow], symbols: formatters.Symbols) -> list[str]:
    """A symbol per row that shows its kind, while the graph is being computed."""
    mark = {
        "branch": symbols.accepted,
        "rejected": symbols.rejected,
        "abandoned": symbols.abandoned,
        "live": symbols.live,
    }
    return [mark.get(row.kind, "") for row in rows]


def insert_task_changes(rows: list[HistoryRow]) -> list[HistoryRow]:
    """The rows, with a line under each that was scored under another state of the task than its
    parent."""
    if not any(row.task_changed for row in rows):
        return rows
    line = HistoryRow("", "", 0, kind="line", subject=TASK_CHANGE_NOTE)
    return [part for row in rows for part in ((row, line) if row.task_changed else (row,))]


def draw_bar_chart(values: Sequence[float], width: int, height: int, bars: str) -> list[str]:
    """Values as vertical bars in `height` rows, the highest and the lowest value at the left.

    `bars` are the partial cells from the lowest to the full one.
    """
    low, high = min(values), max(values)
    labels = [formatters.format_score(high), formatters.format_score(low)]
    margin = max(map(len, labels)) + 1
    room = max(1, width - margin)
    if len(values) > room:  # each column is the last value of its share
        values = [values[(i + 1) * len(values) // room - 1] for i in range(room)]
    bar_width = max(1, min(4, room // len(values)))
    levels = [
        1 + round((v - low) / (high - low) * (height * len(bars) - 1)) if high > low else 1
        for v in values
    ]
    rows = []
    for row in range(height):
        base = (height - 1 - row) * len(bars)
        label = labels[0] if row == 0 else labels[1] if row == height - 1 else ""
        cells = "".join(
            (bars[min(level - base, len(bars)) - 1] if level > base else " ") * bar_width
            for level in levels
        )
        rows.append(f"{label:>{margin - 1}} {cells}".rstrip())
    return rows


def find_in_labels(rows: Sequence[HistoryRow], text: str) -> Iterator[tuple[str, str]]:
    """Commits whose label, decision, names, commit or note contain `text`; the second item is
    always empty."""
    ignore_case = text == text.lower()
    for row in rows:
        names = " ".join((*row.branches, *row.tags))
        searched = f"{row.label} {row.decision} {names} {row.commit} {row.note}"
        if text in (searched.lower() if ignore_case else searched):
            yield row.commit, ""


def read_reason(session: Path, commit: str) -> str:
    """The recorded reason of a version's decision. Blocks; call it in a thread."""
    from genopt_tui.session.history.repository import Repository

    with Repository.open(session) as repository:
        return repository.read_reason(commit)


def search_session(session: Path, text: str) -> dict[str, str]:
    """Commits whose subject, reasoning or edit contain `text`, with the matching line. Blocks; call
    it in a thread."""
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.history.search import search_history

    with Repository.open(session) as repository:
        return {
            match.version.commit: f"{match.where}: {match.line.strip()}"
            for match in search_history(repository, text)
        }
