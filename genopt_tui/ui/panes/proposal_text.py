"""The text of a proposal: its tab, what it rests on and expects, what its hunks are worth, and the
gate's scores by example."""

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
"""Places that an edit rests on which are named one by one."""
TURNED_DOWN = {"rejected", "undecided", "refused", "failed", "superseded", "not chosen"}
"""Decisions after which an edit is no version."""


def build_notes(p: ProposalView) -> list[Line]:
    """Why it was turned down, what it rests on, what it expects, and earlier refusals."""
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
    if reason := format_reason(p.decision, p.reason):
        lines.insert(0, ((reason, "warn"),))
    return [*lines, *build_refusal_lines(p.refusals)]


def format_reason(decision: str, reason: str) -> str:
    """Why a proposal was turned down: `rejected: it copies the whole board`; else empty."""
    if decision not in TURNED_DOWN or not reason.strip():
        return ""
    text = " ".join(reason.split())
    return text if text.startswith(f"{decision}:") else f"{decision}: {text}"


def format_tab(p: ProposalView) -> str:
    """A candidate, where it comes from, and what its gate or the decision said."""
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
        parts.append(
            f"{formatters.format_difference(p.gate.get('difference'))} {formatters.format_change(str(p.gate.get('verdict', '')), p.gate.get('difference'))}"
        )
    elif p.streaming:
        parts.append(SYMBOLS.dots)
    return " ".join(part for part in parts if part.strip())


def format_worths(p: ProposalView) -> dict[int, str]:
    """`+1.1 of +1.4 [+0.2, +2.0] up, 13.4 without it` for each hunk whose worth was measured."""
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
    of = f" of {whole}" if whole else ""
    without = (
        f", {formatters.format_score(row['without'])} without it"
        if row.get("without") is not None
        else ""
    )
    return f"{formatters.format_difference(row['worth'])}{of}{span} {change}{without}"


def format_promises(p: ProposalView) -> str:
    """`promised 3, kept 1 (session 9 of 21)`; empty where no expectation could be checked."""
    gate: Mapping[str, Any] = p.gate or {}
    promised = gate.get("promises")
    if not promised:
        return ""
    kept, made = gate.get("session_promises") or (0, 0)
    session = f" (session {kept} of {made})" if made > promised else ""
    return f"promised {promised}, kept {gate.get('promises_kept') or 0}{session}"


def describe_phase(snapshot: Snapshot) -> str:
    """What the step is doing, where the pane itself does not show it."""
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
    """What the edit had to be repaired for."""
    lines: list[Line] = []
    for number, refusal in enumerate(refusals, 1):
        why = " ".join(str(refusal.get("why", "")).split())
        lines.append(((f"attempt {number} was refused: ", "warn"), (why, "")))
    return lines


MAX_GATE_ROWS = 3
"""Rows that the scores take at most."""


def build_gate_rows(
    p: ProposalView, width: int, workers: int = 1, *, whole: bool = True
) -> list[str]:
    """What the gate gave so far, example by example in the order of arrival; empty before the first
    one.

    Without `whole` less is shown than what was scored, which the rows say.
    """
    scores: Sequence[Mapping[str, Any]] = (p.gate or {}).get("scores") or p.gate_scores
    if not scores:
        return []
    prefix = _find_common_prefix([str(row.get("example", "?")) for row in scores])
    told = [_format_gate_score(row, len(prefix)) for row in scores]
    wide = max(map(len, told)) + 2
    head = (
        _format_gate_progress(p, scores, workers)
        if not p.gate
        else f"gate by example{'' if whole else ', of the whole edit'}"
    )
    rows = [f"{head}  {prefix}{SYMBOLS.dots}" if prefix else head]
    across = max(1, width // wide)
    rooms = (MAX_GATE_ROWS - 1) * across
    if len(told) > rooms:
        told = [*told[: rooms - 1], f"and {len(told) - rooms + 1} more"]
    rows += [
        "".join(f"{cell:<{wide}}" for cell in told[at : at + across]).rstrip()
        for at in range(0, len(told), across)
    ]
    return rows


def _find_common_prefix(names: Sequence[str]) -> str:
    """What all names begin with, up to a separator: it is said once."""
    low, high = min(names), max(names)
    same = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), 0)
    return low[: max(low.rfind(mark, 0, same) for mark in "-_/:") + 1]


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
    """How many of how many, and about how long the rest takes at the pace of those that ran."""
    size = max(p.gate_size, len(scores))
    ran = [float(row["seconds"]) for row in scores if row.get("seconds") and not row.get("cached")]
    left = ceil((size - len(scores)) / max(1, workers)) * sum(ran) / len(ran) if ran else 0.0
    return f"gate {len(scores)}/{size}{f', about {format_duration(left)} left' if left else ''}"
