"""Pong as a player meets it: what is seen, what actions do, what a seed changes, what play is
worth."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from genopt_tui.task.contract import ArtifactError

FIELDS = {"x", "y", "w", "h", "dx", "dy"}


def predictor(obs: dict[str, Any]) -> int:
    """Meets the ball where it will arrive; waits in the middle otherwise."""
    ball, paddle = obs.get("Ball"), obs["Player"]
    target = 105.0
    if ball and ball["dx"] > 0:
        target = ball["y"] + 2 + ball["dy"] * (140 - ball["x"]) / ball["dx"]
        while not 36 <= target <= 192:
            target = 72 - target if target < 36 else 384 - target
    missing = target - (paddle["y"] + 7 + 0.4 * paddle["dy"])
    return 0 if abs(missing) < 5 else 3 if missing > 0 else 2


def stay(obs: dict[str, Any]) -> int:
    return 0


@pytest.fixture
def pong(atari: Callable[[str], Any]) -> Any:
    return atari("pong")


def test_observation_is_the_papers(pong: Any) -> None:
    _, context = pong.run(stay, traced=True, steps=60)
    first, *_, last = (observation for observation, _, _ in context.steps)
    assert math.isnan(first["reward"])
    assert set(first) == {"Player", "NoObject", "reward"}, "nothing but the paddle before the serve"
    assert set(last) == {"Player", "Ball", "Enemy", "reward"}
    for name in ("Player", "Ball", "Enemy"):
        assert set(last[name]) == FIELDS
        assert all(type(value) is int for value in last[name].values())
    assert (last["Player"]["x"], last["Enemy"]["x"], last["Ball"]["w"]) == (140, 16, 2)


def test_full_observation_leaves_out_what_is_missing(pong: Any) -> None:
    _, context = pong.run(stay, traced=True, steps=3, observation="full")
    assert set(context.steps[0][0]) == {"Player", "reward"}
    assert context.steps[0][0]["Player"]["dx"] == 0


def test_movements_are_differences_of_places(pong: Any) -> None:
    _, context = pong.run("tunable", traced=True, steps=200)
    seen = [observation for observation, _, _ in context.steps]
    pairs = [(a["Ball"], b["Ball"]) for a, b in pairwise(seen) if "Ball" in a and "Ball" in b]
    assert len(pairs) > 50
    assert all((b["x"] - a["x"], b["y"] - a["y"]) == (b["dx"], b["dy"]) for a, b in pairs)


def test_two_moves_up_and_three_moves_down(pong: Any) -> None:
    def heights(action: int) -> list[int]:
        _, context = pong.run(lambda obs: action, traced=True, steps=5, sticky=0.0)
        return [observation["Player"]["y"] for observation, _, _ in context.steps]

    assert heights(2)[-1] < heights(0)[-1] < heights(3)[-1]


@pytest.mark.parametrize("action", ["2", None, 6, -1, 2.5])
def test_an_action_that_is_none_is_the_artifacts_error(pong: Any, action: object) -> None:
    with pytest.raises(ArtifactError, match="step 0"):
        pong.run(lambda obs: action, steps=5)


def test_a_seed_decides_the_game(pong: Any) -> None:
    def game(seed: int, **chosen: Any) -> list[Any]:
        return [
            step[0]["Player"]
            for step in pong.run("tunable", seed, traced=True, steps=300, **chosen)[1].steps
        ]

    assert game(1) == game(1)
    assert game(1) != game(2)
    assert game(1, sticky=0.0) == game(2, sticky=0.0), (
        "without sticky actions a seed changes nothing"
    )


def test_idle_steps_shift_the_game(pong: Any) -> None:
    def serve(seed: int) -> int:
        steps = pong.run(stay, seed, traced=True, steps=60, sticky=0.0, noops=30)[1].steps
        return next(index for index, step in enumerate(steps) if "Ball" in step[0])

    assert len({serve(seed) for seed in range(5)}) > 1


def test_reward_is_that_of_the_step_before(pong: Any) -> None:
    result, context = pong.run(stay, traced=True, steps=150)
    rewards = [reward for _, _, reward in context.steps]
    assert [step[0]["reward"] for step in context.steps[1:]] == rewards[:-1]
    assert sum(rewards) == result.score < 0


def test_only_traced_rollouts_keep_pictures(pong: Any) -> None:
    assert pong.run(stay, steps=5)[1].pictures == []
    pictures = pong.run(stay, traced=True, steps=5, frames=2)[1].pictures
    assert [picture.shape for picture in pictures] == [(210, 160, 3)] * 3
    assert len({picture.tobytes() for picture in pictures}) > 1 or pictures[0].any()


def test_random_start_loses_almost_every_point(pong: Any) -> None:
    scores = [pong.run("two-functions", seed)[0].score for seed in (1000, 1001)]
    assert all(-21 <= score <= -18 for score in scores)


def test_a_sensible_policy_wins_where_the_tunable_start_loses(pong: Any) -> None:
    assert pong.run(predictor, 1000)[0].score > 0 > pong.run("tunable", 1000)[0].score


def test_feedback_tells_how_it_ended(pong: Any) -> None:
    assert "stopped by the step limit after 100 steps" in pong.run(stay, steps=100)[0].feedback
    ended = pong.run(stay)[0]
    assert "It ended after" in ended.feedback and "Points won: 0, lost: 21." in ended.feedback
    assert ended.metrics["steps"] < 1000


def test_stages_follow_the_mean(pong: Any) -> None:
    stage = pong.folder.task.choose_hint
    assert len({stage(20), stage(5), stage(-21)}) == 3
    assert stage(19) == stage(21) and stage(0) == stage(-5)
