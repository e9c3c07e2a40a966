"""The words of the history's rows: pure, so that they can be read and tested without a screen."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from genopt_tui.ui import words
from genopt_tui.ui.graph import graph
from genopt_tui.ui.interval import half_width
from genopt_tui.ui.snapshot import HistoryRow

WITH_INTERVAL, WITH_COST = 64, 80
"""Columns of the pane from which the score's interval, and the cost, stand in every row."""
TASK_CHANGED = "scores above and below do not compare: the task changed here (J scores start, best and head again)"
Part = tuple[str, str]


def parts_of(row: HistoryRow, drawn: str, width: int, marks: words.Marks, room: int = 0) -> list[Part]:
    """A row as (text, style) parts: graph, label, score, n, change, verdict, who, subject.

    `width` is that of the graph; with enough `room` the score's interval and the cost stand there too.
    """
    if row.kind == "live":
        return [
            (f"{marks.live:<{width}} ", "live"),
            (f"{row.label:<5}", "label"),
            (f"{marks.dots} {row.decision}", "live"),
        ]
    if row.kind == "line":
        return [(f"{'':<{width}} ", "graph"), (row.subject, "live")]
    dim = row.kind != "branch"
    score = words.score(row.score)
    count = f"n{row.n}" if score else ""
    digits = 7 if room >= WITH_INTERVAL else 6
    out = [
        (f"{drawn:<{width}} ", "dim" if dim else "graph"),
        (f"{row.label:<5}", "head" if row.head else "dim" if dim else "label"),
        (f"{score:>{digits}} ", "dim" if dim else "score"),
        (f"{spread(row):<9}" if room >= WITH_INTERVAL else "", "dim"),
        (f"{count:<4} ", "dim"),
    ]
    if dim:
        out.append((row.decision or row.kind, "dim"))
    else:
        change = words.change(row.verdict, row.difference)
        out.append(
            (f"{words.signed(row.difference):>{digits}} {change:<5}", change if change in {"up", "down"} else "plain")
        )
        out.append((f"{row.who or _decision(row):<5}", "dim"))
    if room >= WITH_COST:
        out.append((f"{price(row):>8} ", "dim"))
    names = " ".join((*row.branches, *row.tags))
    subject = row.subject.partition(": ")[2] if row.subject.startswith(("step ", "start: ")) else row.subject
    noted = "  # " if row.note else ""
    return [*out, (f" {names}", "branch") if names else ("", ""), (noted, "live"), (f"  {subject}", "dim")]


def _decision(row: HistoryRow) -> str:
    """How it was decided, where its label does not say so."""
    return row.decision if row.decision != row.label else ""


def spread(row: HistoryRow) -> str:
    """Half of the score's 95 % interval: `+-1.6`."""
    half = half_width(row.stderr, row.n) if row.score is not None else None
    return "" if half is None else f"+-{half:.2g}"


def price(row: HistoryRow) -> str:
    """What the step's model calls cost; empty where none was made."""
    if row.cost is None:
        return "$?" if row.model and row.step and row.decision not in {"manual", "design"} else ""
    return f"${row.cost:.4f}".rstrip("0").rstrip(".")


def about(row: HistoryRow) -> str:
    """What is known of one version, in two lines: decision, score with its interval, cost, names; then subject and note."""
    if row.kind in {"live", "line"}:
        return row.subject if row.kind == "line" else ""
    half, score = half_width(row.stderr, row.n), words.score(row.score)
    if half is not None and row.score is not None:
        score += f" [{words.score(row.score - half)}, {words.score(row.score + half)}]"
    by = f" by {row.who}" if row.who not in {"", row.decision} and row.decision not in {"start", "design"} else ""
    change = f"d {words.signed(row.difference)} {row.verdict}".rstrip() if row.difference is not None else ""
    parts = [
        f"{row.label} {_decision(row)}{by}".rstrip(),
        f"{score} n{row.n}" if score else "no score",
        change,
        price(row),
    ]
    names = [
        *row.branches,
        *(f"tag {tag}" for tag in row.tags),
        "" if row.kind in {"branch", row.decision} else row.kind,
    ]
    note = f"  note: {row.note}" if row.note else ""
    return " · ".join(filter(None, [*parts, *names])) + f"\n{row.subject}{note}"


def drawn(rows: Sequence[HistoryRow], head: str, marks: words.Marks) -> list[str]:
    """The graph beside these rows, of which some are no versions."""
    lines = iter(graph([row for row in rows if row.commit], head, marks))
    return [next(lines) if row.commit else marks.live if row.kind == "live" else "" for row in rows]


def plain_graph(rows: Sequence[HistoryRow], marks: words.Marks) -> list[str]:
    """What stands beside the rows until the graph is worked out: whether each was taken."""
    mark = {"branch": marks.accepted, "rejected": marks.rejected, "abandoned": marks.abandoned, "live": marks.live}
    return [mark.get(row.kind, "") for row in rows]


def with_task_changes(rows: list[HistoryRow]) -> list[HistoryRow]:
    """The rows, with a line beneath each that was scored under another state of the task than what it was made from."""
    if not any(row.task_changed for row in rows):
        return rows
    line = HistoryRow("", "", 0, kind="line", subject=TASK_CHANGED)
    return [part for row in rows for part in ((row, line) if row.task_changed else (row,))]


def labelled(rows: Sequence[HistoryRow], text: str) -> Iterator[tuple[str, str]]:
    """Commits whose own line holds `text`, and where."""
    fold = text == text.lower()
    for row in rows:
        told = f"{row.label} {row.decision} {' '.join((*row.branches, *row.tags))} {row.commit} {row.note}"
        if text in (told.lower() if fold else told):
            yield row.commit, ""


def search_in(session: Path, text: str) -> dict[str, str]:
    """Commits in whose subject, reasoning or edit `text` stands, and the line. For a thread of its own."""
    from genopt_tui.session.repository import Repository
    from genopt_tui.session.search import search

    with Repository.open(session) as repository:
        return {found.version.commit: f"{found.where}: {found.line.strip()}" for found in search(repository, text)}
