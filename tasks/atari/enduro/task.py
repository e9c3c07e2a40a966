"""Enduro: overtake as many cars as possible."""

from typing import Any

from atari_objects import Scene
from atari_play import Game, build_result, list_seed_examples, play_episodes

from genopt_tui.task.contract import Context, Example, Result

# Addresses in the console's memory
PLAYER_X, PLAYER_Y, CARS, ADVANCE = 46, 52, 27, 59  # seven cars of one byte, the nearest first
CAR_SLOTS = 7
ON_ROAD_SIDE, LEFT_LANE = 16, 1  # bits of a car
FAR_AHEAD_X = 87


class Enduro:
    """Player and EnemyCars, the nearest first, with their places relative to the player.

    Memory holds no places of cars, only lanes and how far the nearest has come; they are worked out
    from these.
    "full" gives the player's movement dx, dy as well.
    """

    def __init__(self, style: str) -> None:
        self._paper = style == "paper"
        self._scene = Scene()

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]:
        self._scene.begin_step()
        player = self._scene.put(
            "player", _compute_player_x(memory[PLAYER_X]), 89 + memory[PLAYER_Y], 16, 11
        )
        observation: dict[str, Any] = {
            "Player": player.to_box() if self._paper else player.to_moving_box()
        }
        cars = []
        for slot in range(CAR_SLOTS):
            if car := memory[CARS + slot]:
                x, y = _locate_car(slot, car, memory[PLAYER_X], memory[ADVANCE])
                cars.append(
                    {"x": x, "y": y, "w": 16, "h": 10, "rel_x": x - player.x, "rel_y": y - player.y}
                )
        if cars:
            cars.sort(key=lambda car: -car["y"])
            observation["EnemyCars"] = cars
            observation["nearest_enemy_rel_x"] = cars[0]["rel_x"]
            observation["nearest_enemy_rel_y"] = cars[0]["rel_y"]
        return observation


def _compute_player_x(value: int) -> int:
    return 77 + (255 - value >> 1) + 2 if value & 128 else 77 - (value >> 1)


def _locate_car(slot: int, car: int, sideways: int, advance: int) -> tuple[int, int]:
    """Where the car in `slot` is on the screen: the road's perspective, shifted by how far the
    player is off its middle."""
    y = 150 - int(1.2 * (18 - slot) * slot + (advance >> 3) * 0.9**slot)
    shift = sideways - 256 if sideways & 128 else sideways
    if not car & ON_ROAD_SIDE:
        return FAR_AHEAD_X, y
    if car & LEFT_LANE:
        return int((2192 + 7 * y) / 30) + shift, y
    return int((6498 - 23 * y) / 60 + shift), y


GAME = Game(
    "enduro",
    Enduro,
    dict(
        enumerate(
            (
                "coast",
                "gas",
                "right",
                "left",
                "brake",
                "brake+right",
                "brake+left",
                "right+gas",
                "left+gas",
            )
        )
    ),
)


def examples(split: str) -> list[Example]:
    return list_seed_examples(split)


def run(artifact: object, example: Example, ctx: Context) -> Result:
    episodes = play_episodes(GAME, ctx)
    lost = sum(1 for episode in episodes for reward in episode.rewards if reward < 0)
    return build_result(GAME, episodes, f"Steps in which you were overtaken: {lost}.")
