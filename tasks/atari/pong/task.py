"""Pong: the right paddle is ours; first to 21 points."""

from typing import Any

from atari_objects import Box, Scene
from atari_play import Game, build_result, list_seed_examples, play_episodes

from genopt_tui.task.contract import Context, Example, Result

# Addresses in the console's memory
BALL_X, BALL_Y, ENEMY_Y, PLAYER_Y = 49, 54, 50, 51

ENEMY_X, PLAYER_X, PADDLE_WIDTH, PADDLE_HEIGHT = 16, 140, 4, 15
FIELD_TOP = 34


class Pong:
    """Player, Ball and Enemy from memory. The player is always there: where memory does not say, it
    stays where it was.

    "paper": what the paper's programs saw, oddities included: while something is missing there is
    an entry
    NoObject full of zeros, and the player's first movement is measured from (0, 0).
    "full": a missing object has no entry at all, and everything starts at rest.
    """

    def __init__(self, style: str) -> None:
        self._paper = style == "paper"
        self._scene = Scene()
        if self._paper:
            self._scene.put("Player", 0, 0, PADDLE_WIDTH, PADDLE_HEIGHT)

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]:
        scene = self._scene
        scene.begin_step()
        if box := _find_player(memory[PLAYER_Y]):
            scene.put("Player", *box)
        for name, box in (("Ball", _find_ball(memory)), ("Enemy", _find_enemy(memory[ENEMY_Y]))):
            if box:
                scene.put(name, *box)
            else:
                scene.remove(name)
        observation: dict[str, Any] = {}
        for name in ("Player", "Ball", "Enemy"):
            if thing := scene.get(name):
                observation[name] = thing.to_moving_box()
            elif self._paper:
                observation["NoObject"] = {"x": 0, "y": 0, "w": 0, "h": 0, "dx": 0, "dy": 0}
        return observation


def _find_ball(memory: bytearray) -> Box | None:
    x, y = memory[BALL_X], memory[BALL_Y]
    return (x - 49, y - 14, 2, 4) if y != 0 and x > 49 else None


def _find_player(y: int) -> Box | None:
    return _clip_paddle(PLAYER_X, y, offset=13, bottom=207, low=192) if y > 13 else None


def _find_enemy(y: int) -> Box | None:
    return _clip_paddle(ENEMY_X, y, offset=15, bottom=209, low=194) if y > 33 else None


def _clip_paddle(x: int, y: int, *, offset: int, bottom: int, low: int) -> Box:
    """A paddle, cut at the edges of the field; `y` as in memory, `low` where it begins to leave at
    the bottom."""
    if y - offset < FIELD_TOP:
        return (x, FIELD_TOP, PADDLE_WIDTH, y - FIELD_TOP + 1)
    return (x, y - offset, PADDLE_WIDTH, bottom - y if y > low else PADDLE_HEIGHT)


GAME = Game("pong", Pong, {0: "stay", 2: "up", 3: "down", 1: "fire", 4: "up+fire", 5: "down+fire"})


def examples(split: str) -> list[Example]:
    return list_seed_examples(split)


def run(artifact: object, example: Example, ctx: Context) -> Result:
    episodes = play_episodes(GAME, ctx)
    rewards = [reward for episode in episodes for reward in episode.rewards]
    won, lost = sum(1 for r in rewards if r > 0), sum(1 for r in rewards if r < 0)
    return build_result(GAME, episodes, f"Points won: {won}, lost: {lost}.")
