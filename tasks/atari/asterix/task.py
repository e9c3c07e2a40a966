"""Asterix: collect what is useful in eight lanes, and touch no enemy."""

from typing import Any

from atari_objects import Scene
from atari_play import Game, build_result, list_seed_examples, play_episodes

from genopt_tui.task.contract import Context, Example, Result

# Addresses in the console's memory
PLAYER_X, PLAYER_LANE = 41, 39
ITEM_X, KIND, IS_REWARD, EMPTY = 42, 29, 73, 18  # one byte a lane each; EMPTY counts backwards
NOTHING = 11
LANE_TOP, LANE_HEIGHT, LANES = 26, 16, 8
KINDS = {"Reward": "Rewards", "Enemy": "Enemies", "Consumable": "Consumables"}


class Asterix:
    """Player, and Enemies, Consumables and Rewards in order of their distance; a list without
    members has no entry.

    "paper": what the paper's programs saw, oddities included: an enemy or consumable that has left
    its lane stays
    in the list, where it was last, until something else comes along in that lane.
    "full": only what is there, with `lane` (0 the topmost), `dx` and `dist` (to the player) for
    each, and the player's lane.
    """

    def __init__(self, style: str) -> None:
        self._paper = style == "paper"
        self._scene = Scene()

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]:
        self._scene.begin_step()
        for lane in range(LANES):
            self._update_lane(memory, lane)
        x, y = memory[PLAYER_X], LANE_TOP + LANE_HEIGHT * memory[PLAYER_LANE]
        player = {"x": x, "y": y} if self._paper else {"x": x, "y": y, "lane": memory[PLAYER_LANE]}
        observation: dict[str, Any] = {"Player": player}
        for kind in KINDS:
            if items := self._list_items(kind, x, y):
                observation[KINDS[kind]] = items
        observation["lives"] = lives
        return observation

    def _update_lane(self, memory: bytearray, lane: int) -> None:
        scene = self._scene
        if memory[EMPTY - lane] == NOTHING:
            for kind in ("Reward",) if self._paper else KINDS:
                scene.remove(f"{kind} {lane}")
            return
        kind = (
            "Reward"
            if memory[IS_REWARD + lane]
            else "Enemy"
            if memory[KIND + lane] % 2
            else "Consumable"
        )
        for other in KINDS:
            if other != kind:
                scene.remove(f"{other} {lane}")
        shift = 1 if kind == "Consumable" else 0
        scene.put(
            f"{kind} {lane}",
            memory[ITEM_X + lane] + shift,
            LANE_TOP + LANE_HEIGHT * lane + shift,
            7,
            11,
        )

    def _list_items(self, kind: str, x: int, y: int) -> list[dict[str, Any]]:
        found = []
        for lane in range(LANES):
            if thing := self._scene.get(f"{kind} {lane}"):
                item: dict[str, Any] = {"x": thing.x, "y": thing.y, "type": kind}
                if not self._paper:
                    item |= {
                        "lane": lane,
                        "dx": thing.x - thing.previous_x,
                        "dist": abs(thing.x - x) + abs(thing.y - y),
                    }
                found.append(item)
        return sorted(found, key=lambda item: abs(item["x"] - x) + abs(item["y"] - y))


GAME = Game(
    "asterix",
    Asterix,
    dict(
        enumerate(
            (
                "stay",
                "up",
                "right",
                "left",
                "down",
                "up+right",
                "up+left",
                "down+right",
                "down+left",
            )
        )
    ),
)


def examples(split: str) -> list[Example]:
    return list_seed_examples(split)


def run(artifact: object, example: Example, ctx: Context) -> Result:
    episodes = play_episodes(GAME, ctx)
    items = sum(len(episode.rewards) for episode in episodes)
    return build_result(GAME, episodes, f"Items collected: {items}.")
