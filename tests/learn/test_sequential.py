"""The growing gate's plan: levels that add up, and growth only where it can pay."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genopt_tui.learn.sequential import MAX_LOOKS, conditional_power, is_promising, plan_looks


@given(st.integers(1, 200), st.integers(1, 400), st.floats(0.001, 0.4))
def test_a_plan_spends_alpha_exactly_and_ends_at_most(first: int, most: int, alpha: float) -> None:
    looks = plan_looks(first, most, alpha)
    assert 1 <= len(looks) <= MAX_LOOKS
    assert looks[0].size == first and looks[-1].size == max(first, most)
    assert math.isclose(sum(look.alpha for look in looks), alpha)
    assert all(look.alpha > 0 for look in looks)
    assert [look.size for look in looks] == sorted({look.size for look in looks})
    assert [look.number for look in looks] == list(range(1, len(looks) + 1))


def test_a_gate_that_may_not_grow_looks_once_at_full_alpha() -> None:
    (look,) = plan_looks(10, 10, 0.05)
    assert (look.size, look.alpha) == (10, 0.05)


def test_a_gate_of_no_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        plan_looks(0, 10, 0.05)


def test_growth_stops_where_nothing_changed_or_the_mean_is_down() -> None:
    first, *_, final = plan_looks(10, 40, 0.05)
    assert not is_promising([0.0] * 10, first, final)
    assert not is_promising([-1.0, 0.5, -0.2, 0.1, 0.0, 0.0, -0.3, 0.2, 0.1, 0.0], first, final)
    assert not is_promising([], first, final)


def test_growth_goes_on_where_some_are_up_and_none_is_down() -> None:
    first, *_, final = plan_looks(24, 96, 0.05)
    assert is_promising([0.0] * 23 + [1.0], first, final)


def test_a_clear_gain_has_high_conditional_power_and_a_faint_one_low() -> None:
    first, *_, final = plan_looks(10, 40, 0.05)
    wave = [1.0, -1.0] * 5
    assert conditional_power([w + 0.8 for w in wave], first, final) > 0.9
    assert conditional_power([w + 0.05 for w in wave], first, final) < 0.03
    assert conditional_power([2.0] * 10, first, final) == 1.0
    assert conditional_power([-2.0] * 10, first, final) == 0.0


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30), st.floats(0, 3))
def test_a_larger_gain_never_lowers_the_conditional_power(gains: list[float], more: float) -> None:
    first, *_, final = plan_looks(len(gains), 4 * len(gains), 0.05)
    if len(set(gains)) > 1 and any(gain + more for gain in gains):
        lifted = [gain + more for gain in gains]
        assert (
            conditional_power(lifted, first, final) >= conditional_power(gains, first, final) - 1e-9
        )
