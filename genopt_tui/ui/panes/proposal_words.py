"""The words of a proposal: its tab, what it rests on and expects, what its hunks are worth, what became of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from genopt_tui.ui import words
from genopt_tui.ui.doing import aside_words
from genopt_tui.ui.panes.lines import count_of
from genopt_tui.ui.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.marks import MARKS

REASONS = 3
"""Places that an edit rests on which are named one by one."""


def notes(p: ProposalView) -> list[Line]:
    """What it rests on, what it expects, and what was refused before."""
    lines: list[Line] = [
        (("because ", "gutter"), (f"{example} step {step}", "scope"), ("  (Enter shows it)", "dim"))
        for example, step in p.because[:REASONS]
    ]
    if (more := len(p.because) - REASONS) > 0:
        lines.append(((f"        and {count_of(more, 'more place')}: Enter on a hunk goes to its own", "dim"),))
    if p.expects:
        told = ", ".join(f"{example} {way}" for example, way in p.expects)
        lines.append((("expects ", "gutter"), (told, ""), (f"  {promises_words(p)}", "strong")))
    return [*lines, *refusal_lines(p.refusals)]


def tab_name(p: ProposalView) -> str:
    """A candidate, where it comes from, and what its gate or the decision said."""
    edit: Mapping[str, Any] = p.candidate.edit or {}
    origin: Mapping[str, Any] = edit.get("origin") or {}
    parts = [p.label or str(p.step)]
    if pairs := origin.get("pairs") or edit.get("whatif"):
        parts.append(f"if {', '.join(map(str, pairs))}")
    elif origin.get("step"):
        parts.append(f"as in {origin['step']}")
    elif origin:
        parts.append(f"hunks {', '.join(map(str, origin['hunks']))}" if origin.get("hunks") else "edited")
    if p.decided:
        parts.append(p.decided if p.decided not in parts else "")
    elif p.gate:
        parts.append(
            f"{words.signed(p.gate.get('difference'))} {words.change(str(p.gate.get('verdict', '')), p.gate.get('difference'))}"
        )
    elif p.streaming:
        parts.append(MARKS.dots)
    return " ".join(part for part in parts if part.strip())


def worth_words(p: ProposalView) -> dict[int, str]:
    """`+1.1 of +1.4 [+0.2, +2.0] up, 13.4 without it` for each hunk whose worth was measured."""
    whole = words.signed((p.gate or {}).get("difference"))
    return {number: _worth(row, whole) for number, row in p.worth.items() if row.get("worth") is not None}


def _worth(row: Mapping[str, Any], whole: str) -> str:
    span = " [{}, {}]".format(*map(words.signed, row["interval"])) if row.get("interval") else ""
    change = words.change(str(row.get("verdict", "")), row["worth"])
    of = f" of {whole}" if whole else ""
    without = f", {words.score(row['without'])} without it" if row.get("without") is not None else ""
    return f"{words.signed(row['worth'])}{of}{span} {change}{without}"


def promises_words(p: ProposalView) -> str:
    """How many of the expectations could be judged, how many came true, and the same of the whole session."""
    gate: Mapping[str, Any] = p.gate or {}
    if not (told := gate.get("promises")):
        return ""
    kept, made = gate.get("session_promises") or (0, 0)
    return f"kept {gate.get('promises_kept') or 0} of {told}" + (f", the session {kept} of {made}" if made else "")


def phase_text(snapshot: Snapshot) -> str:
    """What the step is doing, where the pane itself does not show it."""
    proposal = snapshot.proposal
    if (aside := snapshot.aside) is not None and aside.what == "hunks":
        return aside_words(aside)
    if snapshot.looking_back:
        return "" if proposal is not None else "this version was not proposed: there is nothing to show here"
    if proposal is not None and proposal.refusals and proposal.files is None:
        last = proposal.refusals[-1]
        tail = "no further attempt" if last.get("final") else "asked to repair it"
        return f"refused: {last.get('why', '')} ({tail})"
    return "" if proposal is not None and (proposal.text or proposal.files is not None) else snapshot.doing


def refusal_lines(refusals: Sequence[Mapping[str, Any]]) -> list[Line]:
    """What the edit had to be repaired for."""
    lines: list[Line] = []
    for number, refusal in enumerate(refusals, 1):
        why = " ".join(str(refusal.get("why", "")).split())
        lines.append(((f"attempt {number} was refused: ", "warn"), (why, "")))
    return lines
