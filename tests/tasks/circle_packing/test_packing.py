"""The verifier: valid packings score the sum of their radii, faults of 1e-12 are found."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.task import loader
from tests.tasks.offline import searched


class _Player:
    """Stands in for the player: answers with a fixed packing."""

    traced = False

    def __init__(self, circles: object) -> None:
        self.circles = circles

    def call(self, *_: Any) -> object:
        return self.circles

    def step(self, *_: Any, **__: Any) -> None:
        pass


@pytest.fixture
def score() -> Any:
    task = loader.find_task("circle_packing").load_module()
    return lambda circles: task.run({}, task.examples("gate")[0], _Player(circles))


def grid() -> list[list[float]]:
    return [[(i + 0.5) / 6, (j + 0.5) / 6, 1 / 12 - 1e-9] for i in range(6) for j in range(6)][:26]


def test_starts_are_valid(score: Any) -> None:
    folder = loader.find_task("circle_packing")
    for start, low, high in (("grid", 2.4, 2.63), ("blank", 0, 0)):
        names: dict[str, Any] = {}
        exec(folder.read_start(start)["packing.py"], names)
        assert low <= score(names["pack"]()).score <= high


def test_touching_is_allowed_and_the_sum_is_exact(score: Any) -> None:
    circles = [[0.25, 0.5, 0.25], [0.75, 0.5, 0.25]] + [[0.5, 0.01, 0.0]] * 24
    assert score(circles).score == 0.5


def best_known() -> list[list[float]]:
    """A packing as good as the best published ones, whose circles touch each other and the
    edges."""
    return list(json.loads((Path(__file__).parent / "best_known.json").read_text()))


def test_the_best_known_packing_scores_what_is_published(score: Any) -> None:
    assert score(best_known()).score == pytest.approx(2.63598, abs=5e-6)


def test_of_the_best_known_packing_no_circle_may_grow_by_a_hair(score: Any) -> None:
    circles = best_known()
    touching = [
        number
        for number in range(26)
        if math.isnan(
            score([[x, y, r + 1e-12 * (n == number)] for n, (x, y, r) in enumerate(circles)]).score
        )
    ]
    assert len(touching) >= 25  # all but rattlers


@pytest.mark.parametrize("change", [1e-12, 1e-6, 0.1])
def test_an_overlap_is_found(score: Any, change: float) -> None:
    circles = [[0.25, 0.5, 0.25], [0.75 - change, 0.5, 0.25]] + [[0.5, 0.01, 0.0]] * 24
    result = score(circles)
    assert math.isnan(result.score) and "overlap" in result.feedback


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("side", [-1, 1])
def test_leaving_the_square_is_found(score: Any, axis: int, side: int) -> None:
    circles = grid()
    circles[0][axis] = 0.5 + side * (0.5 - circles[0][2] + 1e-12)
    assert "leaves the square" in score(circles).feedback


@pytest.mark.parametrize(
    "circles",
    [
        None,
        [],
        "x",
        [[0, 0]] * 26,
        [[0.5, 0.5, math.nan]] * 26,
        [[0.5, 0.5, -0.1]] * 26,
        [[0.5, 0.5, "0"]] * 26,
        grid()[:25],
    ],
)
def test_nonsense_has_no_score(score: Any, circles: object) -> None:
    assert math.isnan(score(circles).score)


def test_search_comes_to_a_decision() -> None:
    session = searched("circle_packing", "gate.rule=always")
    assert session.decision == "always"
    assert session.start is not None and session.start > 2.4
