"""The learning curve in figures: raw and best so far, and where sessions stood at equal budgets."""

from dataclasses import replace

import pytest

from genopt_tui.session.curve import (
    CurvePoint,
    Spending,
    build_curve,
    compare_at_equal_budget,
    find_at_budget,
)
from genopt_tui.session.history.versions import Version

START = Version("s", (), "", "", "", "branch", step=0, decision="start")
SPENT = {step: Spending(calls=step, rollouts=10 * step) for step in range(10)}


def made(
    step: int, score: float | None, base: tuple[str, float], decision: str = "gate", **more: object
) -> Version:
    """The version of a step, scored on four examples beside its base."""
    kind = "branch" if decision == "gate" else "rejected"
    version = Version(
        f"v{step}",
        (base[0],),
        "",
        "",
        "",
        kind,
        step,
        0,
        decision,
        score,
        n=4,
        base_score=base[1],
        gate_set="g",
    )
    return replace(version, **more)  # type: ignore[arg-type]


LINE = [
    START,
    made(1, 3.0, ("s", 2.0)),
    made(2, 1.0, ("v1", 3.0), "rejected"),
    made(3, 2.5, ("v1", 3.0), "always"),
    made(4, 7.0, ("v3", 2.5), "rejected"),
    made(5, 4.0, ("v3", 2.5)),
]


def curve(line: list[Version], direction: str = "higher") -> list[CurvePoint]:
    return build_curve(line[::-1], SPENT, direction)  # a log has the newest first


def test_raw_and_best_so_far_stand_side_by_side() -> None:
    found = curve(LINE)
    assert [p.raw for p in found] == [2.0, 3.0, 1.0, 2.5, 7.0, 4.0], (
        "the start as the gate scored it beside its successor"
    )
    assert [p.best for p in found] == [2.0, 3.0, 3.0, 3.0, 3.0, 4.0], (
        "what was not taken is no best"
    )
    assert [p.best_version for p in found] == ["s", "v1", "v1", "v1", "v1", "v5"]
    assert found[4].to_dict()["calls"] == 4


def test_the_best_is_the_lowest_where_lower_is_better() -> None:
    assert [p.best for p in curve(LINE, "lower")] == [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]


def test_a_best_under_another_task_or_gate_is_not_carried_over() -> None:
    other = made(6, 1.5, ("v5", 1.0), task="changed")
    found = curve([*LINE, other])
    assert (found[-1].best, found[-2].best) == (1.5, 4.0)
    assert found[-1].group != found[-2].group


def test_of_the_candidates_of_a_step_the_accepted_one_comes_last() -> None:
    beside = made(1, 9.0, ("s", 2.0), "not-chosen", commit="x", candidate=1)
    assert [p.version for p in curve([START, LINE[1], beside])] == ["s", "x", "v1"]


@pytest.mark.parametrize(
    ("calls", "raw", "best"), [(0, 2.0, 2.0), (2, 1.0, 3.0), (4, 7.0, 3.0), (99, 4.0, 4.0)]
)
def test_a_curve_is_read_at_a_budget(calls: int, raw: float, best: float) -> None:
    point = find_at_budget(curve(LINE), "calls", calls)
    assert point and (point.raw, point.best) == (raw, best)


def test_sessions_are_read_at_what_all_have_spent() -> None:
    most, stood = compare_at_equal_budget(
        {"long": curve(LINE), "short": curve(LINE[:3])}, "rollouts"
    )
    assert most == 20
    assert {name: p.step for name, p in stood.items() if p} == {"long": 2, "short": 2}
    unscored = compare_at_equal_budget({"long": curve(LINE), "none": curve([START])}, "calls")
    assert unscored[0] == 0 and unscored[1]["none"] is None
