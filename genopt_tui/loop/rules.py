"""What is to be said of a candidate of the step in flight, from its events alone."""

from typing import Any

from genopt_tui.loop.records import Outcome
from genopt_tui.session.progress import Candidate
from genopt_tui.session.record import ACCEPTED


def is_train(rollout: Any) -> bool:
    return rollout["split"] == "train" and rollout.get("candidate") is None


def is_accepted(c: Candidate) -> bool:
    return bool(c.decided) and (c.decided or {})["decision"] in ACCEPTED


def at_rest(c: Candidate) -> bool:
    """Whether nothing more is asked, read or scored for this candidate."""
    if c.ended or c.refused or c.gate:
        return True
    decided = c.decided or {}
    return bool(decided) and (decided["decision"] not in ACCEPTED or bool(decided.get("unmeasured")))


def settled(c: Candidate) -> bool:
    """Whether this candidate's end is known without asking anybody."""
    return bool(c.ended or c.refused or c.decided)


def outcome_of(c: Candidate, *, accepted: bool) -> Outcome:
    """How a candidate ends that is not taken; `accepted`: another one of its step is."""
    if c.decided and not is_accepted(c):
        return Outcome(c.decided["decision"], c.decided["by"], c.decided["reason"])
    if c.refused:
        return Outcome("refused", "runner", str(c.refusals[-1]["why"]))
    if c.gate is None:
        return Outcome("not-chosen" if accepted else "failed", "runner", "it was not scored")
    if not c.gate["complete"]:
        return Outcome("failed", "runner", "its gate could not be completed")
    if accepted:
        return Outcome("not-chosen", "runner", "another candidate was taken")
    return Outcome("undecided" if c.gate["verdict"] == "undecided" else "rejected", "gate", verdict_line(c))


def verdict_line(c: Candidate) -> str:
    """The gate's reason in words."""
    gate = c.gate or {}
    low, high = gate.get("interval") or (None, None)
    span = f" [{low:+.3g}, {high:+.3g}]" if low is not None else ""
    if gate["mean"] is None:
        return f"{gate['verdict']}: no score, {gate['failed']} of {len(gate['scores'])} failed"
    return f"{gate['verdict']}: {gate.get('base_mean') or 0:.4g} -> {gate['mean']:.4g}{span}, n={gate['n']}"
