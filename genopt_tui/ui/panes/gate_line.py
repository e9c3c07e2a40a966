"""The line under the panes: result of the gate for the proposal on the screen."""

from collections.abc import Mapping
from typing import Any

from genopt_tui.session.progress import describe_gate_size
from genopt_tui.ui import formatters
from genopt_tui.ui.panes.clickable_line import NARROW_WIDTH, ClickableLine, LinePart, take_fitting
from genopt_tui.ui.panes.proposal_text import format_promises
from genopt_tui.ui.state.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.symbols import SYMBOLS

VERDICT_STYLES = {"better": "$text-success", "worse": "$text-error"}


class GateLine(ClickableLine):
    """Progress or result of the gate for the proposal shown; without one, the loop's activity."""

    def feed(self, snapshot: Snapshot, kept_hunks: set[int] | None = None) -> None:
        proposal, width = snapshot.proposal, self.app.size.width
        parts: list[LinePart] = []
        if proposal is not None and (snapshot.is_historical or not proposal.decision):
            parts = build_gate_parts(proposal, width < NARROW_WIDTH, kept_hunks)
        activity = LinePart(f" {snapshot.activity}", "$text-muted")
        self.show(take_fitting(parts, width) or [activity])


def build_gate_parts(
    proposal: ProposalView, narrow: bool, kept_hunks: set[int] | None
) -> list[LinePart]:
    """The parts of the line. A score appears only if it belongs to exactly the edit that is
    shown."""
    if proposal.edited:
        return _build_unmeasured_parts("your edit")
    if kept_hunks is not None and proposal.files is not None:
        total = (proposal.candidate.edit or {}).get("hunks", "?")
        return _build_unmeasured_parts(f"{len(kept_hunks)} of {total} hunks")
    if proposal.gate:
        promises = format_promises(proposal)
        return [
            LinePart(
                f" {format_gate(proposal.gate, narrow=narrow)}",
                VERDICT_STYLES.get(str(proposal.gate.get("verdict", "")), ""),
            ),
            LinePart(f"   {promises}" if promises else "", "$text-muted"),
            LinePart("   whole edit", "$text-muted"),
        ]
    if proposal.files is not None and not proposal.decision:
        scores = [float(r["score"]) for r in proposal.gate_scores if r.get("score") is not None]
        mean = sum(scores) / len(scores) if scores else None
        text = formatters.format_running_gate(len(proposal.gate_scores), proposal.gate_size, mean)
        return [LinePart(f" {text}", "$text-muted")]
    return []


def _build_unmeasured_parts(edit: str) -> list[LinePart]:
    return [
        LinePart(f" gate: not run for {edit}", "$text-warning"),
        LinePart("   "),
        LinePart("a gate, then commit", "", "approve"),
        LinePart("   "),
        LinePart("A commit unmeasured", "", "approve_unmeasured"),
    ]


def format_gate(gate: Mapping[str, Any], *, narrow: bool = False) -> str:
    """`BETTER  8.7 → 16.1   Δ +7.4 (95 % CI 2.5…12.4)   10 examples: 9↑ 1↓`.

    The `narrow` form is `BETTER 8.7→16.1  Δ+7.4 (2.5…12.4)  9↑ 1↓  n=10`.
    """
    gap = "" if narrow else " "
    mean, base = (formatters.format_score(gate.get(key)) for key in ("mean", "base_mean"))
    scores = f"{base}{gap}{SYMBOLS.to}{gap}{mean}" if base else mean
    verdict = str(gate.get("verdict") or "").upper() or "gate"
    parts = [f"{verdict} {gap}{scores}"]
    if (difference := gate.get("difference")) is not None:
        change = f"{SYMBOLS.delta}{gap}{formatters.format_difference(difference)}"
        parts.append(f"{change} {_format_interval(gate.get('interval'), narrow)}".rstrip())
    counts, size = _format_counts(gate), describe_gate_size(gate)
    if narrow:
        parts += [counts, size]
    else:
        examples = f"{gate.get('n', 0)} example{'' if gate.get('n') == 1 else 's'}"
        if not size.startswith("n="):
            examples = size
        parts.append(f"{examples}: {counts}" if counts else examples)
    if gate.get("failed"):
        parts.append(f"{gate['failed']} failed")
    if gate.get("complete") is False:
        parts.append("incomplete: decides nothing")
    return ("  " if narrow else "   ").join(filter(None, parts))


def _format_interval(interval: Any, narrow: bool) -> str:
    if not interval:
        return ""
    low, high = map(formatters.format_score, interval)
    return f"({'' if narrow else '95 % CI '}{low}{SYMBOLS.range}{high})"


def _format_counts(gate: Mapping[str, Any]) -> str:
    """Counts of examples by direction: `9↑ 1↓`, with `2=` for unchanged ones."""
    counts = []
    for key, mark in (("better", SYMBOLS.up), ("worse", SYMBOLS.down), ("same", "=")):
        if (count := gate.get(key)) or (count == 0 and key != "same"):
            counts.append(f"{count}{mark}")
    return " ".join(counts)
