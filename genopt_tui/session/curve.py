"""The learning curve in figures: every score as measured, the best so far, and what had been spent
by then."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from genopt_tui.learn.failures import Rank
from genopt_tui.session.history.best import DIRECTION_SIGN
from genopt_tui.session.history.versions import ACCEPTED, Version
from genopt_tui.session.journal import Journal

MEASURES = ("calls", "agent_calls", "rollouts")


@dataclass(frozen=True, slots=True)
class Spending:
    """What a session had spent by the end of a step: calls of the model that proposes, of the
    artifact's, and rollouts run."""

    calls: int = 0
    agent_calls: int = 0
    rollouts: int = 0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One version. `raw` is its score on the gate as measured, taken or not (None: it has none).

    `best` is the best score of what was accepted so far, the start included, under the same task
    and gate examples, and
    `best_version` whose it is. `group` names task and gate examples: scores of two groups do not
    compare.
    """

    version: str
    name: str
    step: int
    decision: str
    raw: float | None
    n: int
    best: float | None
    best_version: str
    group: str
    spent: Spending

    def to_dict(self) -> dict[str, Any]:
        flat = asdict(self)
        return {**{key: value for key, value in flat.items() if key != "spent"}, **flat["spent"]}


def load_spending(journal: Journal) -> dict[int, Spending]:
    """What had been spent when each step ended."""
    found: dict[int, Spending] = {}
    calls = agent_calls = rollouts = 0
    for event in journal.read_events(kinds=["budget", "rollout_finished", "step_ended"]):
        if event.kind == "rollout_finished":
            rollouts += not event.data.get("cached")
        elif event.kind == "budget":
            calls = int(event.data["spent"].get("calls", 0))
            agent_calls = int(event.data.get("agent", {}).get("calls", 0))
        found[event.step] = Spending(calls, agent_calls, rollouts)
    return found


def build_curve(
    versions: Iterable[Version], spent: Mapping[int, Spending], direction: str
) -> list[CurvePoint]:
    """The curve, the oldest step first, of several candidates of a step the accepted one last."""
    best: dict[str, tuple[float, str]] = {}
    top_key: dict[str, tuple[bool, float]] = {}
    found, known = [], Spending()
    line = sorted((v for v in versions if v.step is not None), key=_sort_key)
    as_base = {v.parent: v for v in reversed(line) if v.base_score is not None}
    for v in line:
        known = spent.get(v.step or 0, known)
        if v.score is None and (
            child := as_base.get(v.commit)
        ):  # the start: the gate scored it beside its first successor
            v = replace(
                v,
                score=child.base_score,
                rank=child.base_rank,
                n=child.n,
                task=child.task,
                gate_set=child.gate_set,
            )
        group = f"{v.task} {v.gate_set}"
        scored = [(v.base_score, v.base_rank, v.parent)]
        scored += [(v.score, v.rank, v.commit)] if v.decision in ACCEPTED else []
        for score, rank, commit in scored:
            if score is None:
                continue
            key = _rank_point(score, rank, direction)
            if group not in best or key > top_key[group]:
                best[group], top_key[group] = (score, commit), key
        top, whose = best.get(group, (None, ""))
        found.append(
            CurvePoint(
                v.commit, v.name, v.step or 0, v.decision, v.score, v.n, top, whose, group, known
            )
        )
    return found


def _rank_point(score: float, rank: Rank, direction: str) -> tuple[bool, float]:
    value = rank if isinstance(rank, float) else score
    return rank != "failed", DIRECTION_SIGN[direction] * value


def _sort_key(v: Version) -> tuple[int, bool, int]:
    return v.step or 0, v.decision in ACCEPTED, v.candidate


def find_at_budget(curve: Sequence[CurvePoint], measure: str, most: int) -> CurvePoint | None:
    """The last scored point of a curve that had spent no more than `most`; None when there is
    none."""
    within = [p for p in curve if p.raw is not None and getattr(p.spent, measure) <= most]
    return within[-1] if within else None


def compare_at_equal_budget(
    curves: Mapping[str, Sequence[CurvePoint]], measure: str
) -> tuple[int, dict[str, CurvePoint | None]]:
    """The greatest budget that every curve has reached, and where each of them stood then."""
    most = min((getattr(curve[-1].spent, measure) if curve else 0) for curve in curves.values())
    return most, {name: find_at_budget(curve, measure, most) for name, curve in curves.items()}
