"""Staged changes for the next update: a shorter or longer horizon, a smaller or larger batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HORIZON_STEPS = (
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    400,
    1000,
    2000,
    5000,
    10_000,
    20_000,
    50_000,
    100_000,
)
"""Horizons, in steps, that one key goes through."""


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """Horizon and batch size of an update."""

    kind: str = "all"
    steps: int = 400
    size: int = 1

    def list_pairs(self, before: "UpdatePlan") -> list[str]:
        """Settings, as KEY=VALUE, that turn `before` into this plan."""
        names = {"horizon.kind": "kind", "horizon.steps": "steps", "batch.size": "size"}
        return [
            f"{key}={getattr(self, name)}"
            for key, name in names.items()
            if getattr(self, name) != getattr(before, name)
        ]


def build_plan(design: Mapping[str, Any], staged: Sequence[str] = ()) -> UpdatePlan:
    """The current plan, including changes that wait for the next step."""
    horizon, batch = design.get("horizon") or {}, design.get("batch") or {}
    values: dict[str, Any] = {
        "horizon.kind": horizon.get("kind", "all"),
        "horizon.steps": horizon.get("steps") or 400,
        "batch.size": batch.get("size") or 1,
    }
    waiting = dict(pair.partition("=")[::2] for pair in staged)
    values.update({key: value for key, value in waiting.items() if key in values})
    try:
        return UpdatePlan(
            str(values["horizon.kind"]), int(values["horizon.steps"]), int(values["batch.size"])
        )
    except ValueError:
        return UpdatePlan(str(values["horizon.kind"]))


def move_horizon(plan: UpdatePlan, by: int, longest: int) -> UpdatePlan:
    """The plan with the next longer or shorter horizon.

    Above the `longest` trace the horizon is all steps; below all steps it is the first ones.
    """
    rungs = [steps for steps in HORIZON_STEPS if steps < longest] or [1]
    if plan.kind == "all":
        return plan if by > 0 else UpdatePlan("first", rungs[-1], plan.size)
    if by > 0:
        longer = [steps for steps in rungs if steps > plan.steps]
        if not longer and plan.kind in {"first", "last"}:
            return UpdatePlan("all", plan.steps, plan.size)
        return UpdatePlan(plan.kind, longer[0] if longer else plan.steps, plan.size)
    shorter = [steps for steps in rungs if steps < plan.steps]
    return UpdatePlan(plan.kind, shorter[-1] if shorter else plan.steps, plan.size)


def resize_batch(plan: UpdatePlan, by: int) -> UpdatePlan:
    """The plan with one rollout more or less in the batch; at least one."""
    return UpdatePlan(plan.kind, plan.steps, max(1, plan.size + by))


def format_horizon(kind: str, steps: Any) -> str:
    """A horizon in a few words."""
    texts = {
        "all": "every step",
        "first": f"the first {steps} steps",
        "last": f"the last {steps} steps",
    }
    around = f"{steps} steps on each side of a {kind.removeprefix('around-')}"
    return texts.get(kind, around if kind.startswith("around-") else kind)
