"""A run that fits the examples shown and loses elsewhere is warned of once enough versions show
it."""

from types import SimpleNamespace
from typing import Any

from genopt_tui.runner.finish import DriftMonitor


def step(base: str, train: float, gate: float) -> Any:
    """What the loop knows at the end of a step."""
    candidate = SimpleNamespace(gate={"base_mean": gate})
    return SimpleNamespace(
        batch={"base": base}, evidence={"mean": train}, candidates={0: candidate}
    )


def test_train_up_and_gate_down_is_told() -> None:
    drift = DriftMonitor()
    told = [drift.observe_step(step(f"v{n}", n, -n), "higher") for n in range(6)]
    assert told[:4] == [None] * 4
    assert told[4] and told[4].code == "meta-overfitting" and told[5]


def test_steps_without_a_new_base_or_without_scores_say_nothing() -> None:
    drift = DriftMonitor()
    assert all(drift.observe_step(step("same", n, -n), "higher") is None for n in range(9))
    assert (
        drift.observe_step(
            SimpleNamespace(batch={"base": "x"}, evidence=None, candidates={}), "higher"
        )
        is None
    )  # type: ignore[arg-type]
    assert all(drift.observe_step(step(f"v{n}", -n, n), "lower") is None for n in range(3))


def test_where_lower_is_better_the_signs_turn() -> None:
    drift = DriftMonitor()
    assert [drift.observe_step(step(f"v{n}", -n, n), "lower") for n in range(5)][-1]
    drift = DriftMonitor()
    assert not [drift.observe_step(step(f"v{n}", n, n), "higher") for n in range(5)][-1]
