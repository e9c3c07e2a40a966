"""Programs written against the published observations score here what they scored in the published
environments.

The scores were made there by tests/bench/atari_policies.py, which also compares every observation.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

POLICIES = Path(__file__).parent / "policies"
THERE = {
    "asterix": 1700 / 3,
    "breakout": 4,
    "enduro": 2,
    "freeway": 82 / 3,
    "pong": 5,
    "qbert": 125,
    "seaquest": 20,
    "space_invaders": 670,
}


@pytest.mark.parametrize("game", THERE)
def test_a_program_scores_what_it_scored_there(atari: Callable[[str], Any], game: str) -> None:
    player = atari(game)
    published = player.folder.task.presets["paper"].set
    chosen = {
        key.removeprefix("task."): value
        for key, value in published.items()
        if key.startswith("task.")
    }
    result, _ = player.run((POLICIES / f"{game}.py").read_text(), 0, frames=0, **chosen)
    assert result.score == pytest.approx(THERE[game])
