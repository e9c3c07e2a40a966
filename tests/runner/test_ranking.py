"""When a run of versions has lost what the best one gained."""

from genopt_tui.runner.ranking import RELAPSE_COUNT, is_relapse


def test_five_versions_that_lost_the_gain_are_a_relapse():
    assert is_relapse(1.0, 11.0, [8.9] * RELAPSE_COUNT, "higher")
    assert is_relapse(11.0, 1.0, [3.1] * RELAPSE_COUNT, "lower")
    assert not is_relapse(1.0, 11.0, [*[8.9] * (RELAPSE_COUNT - 1), 9.1], "higher")
    assert not is_relapse(1.0, 11.0, [0.0] * (RELAPSE_COUNT - 1), "higher")


def test_without_a_gain_nothing_relapses():
    for direction in ("higher", "lower"):
        assert not is_relapse(5.0, 5.0, [5.0] * RELAPSE_COUNT, direction)
    assert not is_relapse(5.0, 4.0, [9.0] * RELAPSE_COUNT, "higher")
    assert not is_relapse(4.0, 5.0, [1.0] * RELAPSE_COUNT, "lower")
