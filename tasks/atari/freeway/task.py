"""Freeway: lead the chicken across ten lanes of traffic, again and again."""

from typing import Any

from atari_objects import Scene
from atari_play import Game, build_result, list_seed_examples, play_episodes

from genopt_tui.task.contract import Context, Example, Result

# Addresses in the console's memory: the left chicken's height, and the car of the lowest lane (the
# others lie below it)
CHICKEN_Y, LAST_CAR_X = 14, 108
LANES = tuple(f"lane {number}" for number in range(10))  # top to bottom
LANE_TOP, LANE_HEIGHT = 27, 16
CHICKEN_X = 44


class Freeway:
    """Chicken (the left one, which is ours) and Cars, one in each lane from top to bottom.

    "paper" measures the first movements from the left edge, as the paper's programs saw them;
    "full" lets all start at rest.
    """

    def __init__(self, style: str) -> None:
        self._scene = Scene()
        if style == "paper":
            self._scene.put("Chicken", 0, 0, 6, 8)
            for number, lane in enumerate(LANES):
                self._scene.put(lane, 0, LANE_TOP + LANE_HEIGHT * number, 8, 10)

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]:
        scene = self._scene
        scene.begin_step()
        chicken = scene.put("Chicken", CHICKEN_X, 193 - memory[CHICKEN_Y], 6, 8).to_moving_box()
        cars = [
            scene.put(
                lane, memory[LAST_CAR_X + 9 - number] - 3, LANE_TOP + LANE_HEIGHT * number, 8, 10
            ).to_moving_box()
            for number, lane in enumerate(LANES)
        ]
        return {"Chicken": chicken, "Cars": cars}


GAME = Game("freeway", Freeway, {0: "stay", 1: "up", 2: "down"})


def examples(split: str) -> list[Example]:
    return list_seed_examples(split)


def run(artifact: object, example: Example, ctx: Context) -> Result:
    return build_result(GAME, play_episodes(GAME, ctx))
