"""Breakout: keep the ball in play with the paddle and break the bricks."""

from typing import Any

from atari_objects import Numbers, Scene
from atari_play import Game, build_result, list_seed_examples, play_episodes

from genopt_tui.task.contract import Context, Example, Result

# Addresses in the console's memory
PLAYER_X, BALL_X, BALL_Y = 72, 99, 101
BRICK_BYTES = 36
# A row of bricks is spread over every sixth byte: for each of its 18 columns, the byte's base and
# the bit
COLUMNS = (
    *((30, bit) for bit in (6,)),
    *((24, bit) for bit in (6, 4, 2, 0)),
    *((18, bit) for bit in (0, 2, 4, 6)),
    *((12, bit) for bit in (4, 6)),
    *((6, bit) for bit in (6, 4, 2, 0)),
    *((0, bit) for bit in (0, 2, 4)),
)
ROWS = ("RB", "OB", "YB", "GB", "AB", "BB")  # red, orange, yellow, green, aqua, blue, from the top
BRICK_WIDTH, BRICK_HEIGHT, WALL_TOP, WALL_LEFT = 8, 6, 57, 8
PADDLE_Y, FIELD_BOTTOM = 189, 187


class Breakout:
    """Player, Ball, bricks by row and lives from memory. Bricks side by side are one wide brick, an
    empty row has no entry.

    "paper" measures the paddle's first movement as the paper's programs saw it; "full" lets it
    start at rest.
    """

    def __init__(self, style: str) -> None:
        self._scene = Scene()
        if style == "paper":
            self._scene.put("Player", 99, PADDLE_Y, 16, 4)
        self._wall = b""
        self._bricks: dict[str, list[Numbers]] = {}

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]:
        scene = self._scene
        scene.begin_step()
        observation: dict[str, Any] = {
            "Player": scene.put("Player", memory[PLAYER_X] - 47, PADDLE_Y, 16, 4).to_moving_box()
        }
        if 0 < memory[BALL_Y] <= FIELD_BOTTOM:
            observation["Ball"] = scene.put(
                "Ball", memory[BALL_X] - 49, memory[BALL_Y] + 9, 2, 4
            ).to_moving_box()
        else:
            scene.remove("Ball")
        if self._wall != memory[:BRICK_BYTES]:
            self._wall = bytes(memory[:BRICK_BYTES])
            self._bricks = {
                name: row
                for name, row in zip(ROWS, _find_brick_rows(self._wall), strict=True)
                if row
            }
        observation.update(self._bricks)
        observation["lives"] = lives
        return observation


def _find_brick_rows(wall: bytes) -> list[list[Numbers]]:
    """The runs of bricks in each row, top row first."""
    return [
        _find_brick_row(wall, 5 - number, WALL_TOP + BRICK_HEIGHT * number) for number in range(6)
    ]


def _find_brick_row(wall: bytes, offset: int, y: int) -> list[Numbers]:
    row: list[Numbers] = []
    joined = False
    for column, (base, bit) in enumerate(COLUMNS):
        there = wall[base + offset] >> bit & 1
        if there and joined:
            row[-1]["w"] += BRICK_WIDTH
        elif there:
            row.append(
                {"x": WALL_LEFT + BRICK_WIDTH * column, "y": y, "w": BRICK_WIDTH, "h": BRICK_HEIGHT}
            )
        joined = bool(there)
    return row


GAME = Game("breakout", Breakout, {0: "stay", 1: "fire", 2: "right", 3: "left"}, fire=1)


def examples(split: str) -> list[Example]:
    return list_seed_examples(split)


def run(artifact: object, example: Example, ctx: Context) -> Result:
    episodes = play_episodes(GAME, ctx)
    bricks = sum(len(episode.rewards) for episode in episodes)
    return build_result(GAME, episodes, f"Bricks broken: {bricks}.")
