"""Text of a proposal: its tab, reasons and expectations, worth of its hunks, gate scores."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from genopt_tui.durations import format_duration
from genopt_tui.ui import formatters
from genopt_tui.ui.panes.line_pane import pluralize
from genopt_tui.ui.state.activity import describe_side_job
from genopt_tui.ui.state.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.line_source import Line
from genopt_tui.ui.widgets.symbols import SYMBOLS

MAX_REASONS = 3
"""Cited places that are listed one by one."""
TURNED_DOWN = {"rejected", "undecided", "refused", "failed", "superseded", "not chosen"}
"""Decisions after which a proposal does not become a version."""


def build_notes(p: ProposalView) -> list[Line]:
    """Reason for its rejection, cited places, expectations, and earlier refusals."""
    lines: list[Line] = [
        (("because ", "gutter"), (f"{example} step {step}", "scope"), ("  (Enter shows it)", "dim"))
        for example, step in p.because[:MAX_REASONS]
    ]
    if (more := len(p.because) - MAX_REASONS) > 0:
        lines.append(
            (
                (
                    f"        and {pluralize(more, 'more place')}: Enter on a hunk goes to its own",
                    "dim",
                ),
            )
        )
    if p.expects:
        expected = ", ".join(f"{example} {change}" for example, change in p.expects)
        lines.append(
            (("expects ", "gutter"), (expected, ""), (f"  {format_promises(p)}", "strong"))
        )
    if p.unchecked:
        names = ", ".join(p.unchecked)
        lines.append((("not checked ", "gutter"), (f"{names}: not scored", "dim")))
    if reason := format_reason(p.decision, p.reason):
        lines.insert(0, ((reason, "warn"),))
    return [*lines, *build_refusal_lines(p.refusals)]


def format_reason(decision: str, reason: str) -> str:
    """Why a proposal was turned down, as `rejected: it copies the whole board`; empty if it was
    not."""
    if decision not in TURNED_DOWN or not reason.strip():
        return ""
    text = " ".join(reason.split())
    return text if text.startswith(f"{decision}:") else f"{decision}: {text}"


def format_tab(p: ProposalView) -> str:
    """Label of a candidate, its origin, and its decision or gate result."""
    edit: Mapping[str, Any] = p.candidate.edit or {}
    origin: Mapping[str, Any] = edit.get("origin") or {}
    parts = [p.label or str(p.step)]
    if pairs := origin.get("pairs") or edit.get("whatif"):
        parts.append(f"if {', '.join(map(str, pairs))}")
    elif origin.get("step"):
        parts.append(f"as in {origin['step']}")
    elif origin:
        parts.append(
            f"hunks {', '.join(map(str, origin['hunks']))}" if origin.get("hunks") else "edited"
        )
    if p.decision:
        parts.append(p.decision if p.decision not in parts else "")
    elif p.gate:
        difference, verdict = p.gate.get("difference"), str(p.gate.get("verdict", ""))
        change = formatters.format_change(verdict, difference)
        parts.append(f"{formatters.format_difference(difference)} {change}")
    elif p.streaming:
        parts.append(SYMBOLS.dots)
    return " ".join(part for part in parts if part.strip())


def format_worths(p: ProposalView) -> dict[int, str]:
    """`+1.1 of +1.4 [+0.2, +2.0] up, 13.4 without it` by hunk, for hunks whose worth was
    measured."""
    whole = formatters.format_difference((p.gate or {}).get("difference"))
    return {
        number: _format_worth(row, whole)
        for number, row in p.hunk_worth.items()
        if row.get("worth") is not None
    }


def _format_worth(row: Mapping[str, Any], whole: str) -> str:
    span = (
        " [{}, {}]".format(*map(formatters.format_difference, row["interval"]))
        if row.get("interval")
        else ""
    )
    change = formatters.format_change(str(row.get("verdict", "")), row["worth"])
    share = f" of {whole}" if whole else ""
    without = (
        f", {formatters.format_score(row['without'])} without it"
        if row.get("without") is not None
        else ""
    )
    return f"{formatters.format_difference(row['worth'])}{share}{span} {change}{without}"


def format_promises(p: ProposalView) -> str:
    """`promised 3, kept 1 (session 9 of 21)`; empty if no expectation could be checked."""
    gate: Mapping[str, Any] = p.gate or {}
    promised = gate.get("promises")
    if not promised:
        return ""
    kept, made = gate.get("session_promises") or (0, 0)
    session = f" (session {kept} of {made})" if made > promised else ""
    return f"promised {promised}, kept {gate.get('promises_kept') or 0}{session}"


def describe_phase(snapshot: Snapshot) -> str:
    """What the step is doing, unless the pane already shows it."""
    proposal = snapshot.proposal
    if (aside := snapshot.active_side_job) is not None and aside.kind == "hunks":
        return describe_side_job(aside)
    if snapshot.is_historical:
        return (
            ""
            if proposal is not None
            else "this version was not proposed: there is nothing to show here"
        )
    if proposal is not None and proposal.refusals and proposal.files is None:
        last = proposal.refusals[-1]
        tail = "no further attempt" if last.get("final") else "asked to repair it"
        return f"refused: {last.get('why', '')} ({tail})"
    return (
        ""
        if proposal is not None and (proposal.text or proposal.files is not None)
        else snapshot.activity
    )


def build_refusal_lines(refusals: Sequence[Mapping[str, Any]]) -> list[Line]:
    """A line for each refusal that the model had to repair."""
    lines: list[Line] = []
    for number, refusal in enumerate(refusals, 1):
        why = " ".join(str(refusal.get("why", "")).split())
        lines.append(((f"attempt {number} was refused: ", "warn"), (why, "")))
    return lines


MAX_GATE_ROWS = 3
"""Most rows for the scores."""


def build_gate_rows(
    p: ProposalView, width: int, workers: int = 1, *, whole: bool = True
) -> list[str]:
    """Gate scores by example in order of arrival; empty before the first one.

    `whole` is false if hunks are left out: the heading then says that the scores are of the whole
    edit.
    """
    scores: Sequence[Mapping[str, Any]] = (p.gate or {}).get("scores") or p.gate_scores
    if not scores:
        return []
    prefix = _find_common_prefix([str(row.get("example", "?")) for row in scores])
    cells = [_format_gate_score(row, len(prefix)) for row in scores]
    cell_width = max(map(len, cells)) + 2
    head = (
        _format_gate_progress(p, scores, workers)
        if not p.gate
        else f"gate by example{'' if whole else ', of the whole edit'}"
    )
    rows = [f"{head}  {prefix}{SYMBOLS.dots}" if prefix else head]
    columns = max(1, width // cell_width)
    max_cells = (MAX_GATE_ROWS - 1) * columns
    if len(cells) > max_cells:
        cells = [*cells[: max_cells - 1], f"and {len(cells) - max_cells + 1} more"]
    rows += [
        "".join(f"{cell:<{cell_width}}" for cell in cells[i : i + columns]).rstrip()
        for i in range(0, len(cells), columns)
    ]
    return rows


def _find_common_prefix(names: Sequence[str]) -> str:
    """The common prefix of all names, up to a separator."""
    low, high = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), 0)
    return low[: max(low.rfind(mark, 0, length) for mark in "-_/:") + 1]


def _format_gate_score(row: Mapping[str, Any], cut: int) -> str:
    status = str(row.get("status", "ok"))
    score = formatters.format_score(row["score"]) if row.get("score") is not None else status
    base = (
        f"{formatters.format_score(row['base'])}{SYMBOLS.to}" if row.get("base") is not None else ""
    )
    return f"{str(row.get('example', '?'))[cut:]} {base}{score}"


def _format_gate_progress(
    p: ProposalView, scores: Sequence[Mapping[str, Any]], workers: int
) -> str:
    """Scores so far, and the time left at the pace of the rollouts that ran."""
    size = max(p.gate_size, len(scores))
    durations = [
        float(row["seconds"]) for row in scores if row.get("seconds") and not row.get("cached")
    ]
    seconds_left = (
        ceil((size - len(scores)) / max(1, workers)) * sum(durations) / len(durations)
        if durations
        else 0.0
    )
    rest = f", about {format_duration(seconds_left)} left" if seconds_left else ""
    return f"gate {len(scores)}/{size}{rest}"
