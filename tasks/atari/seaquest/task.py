"""Seaquest: shoot sharks and submarines, rescue divers, and surface before the oxygen is gone."""

from typing import Any

from atari_objects import Scene
from atari_play import Game, build_result, list_seed_examples, play_episodes

from genopt_tui.task.contract import Context, Example, Result

# Addresses in the console's memory; a lane's byte is the base plus the lane, the lowest lane first
PLAYER_X, PLAYER_Y, PLAYER_GONE = 70, 97, 105
ENEMY_X, FORMATION, LANE_KIND, SHARK_Y = 30, 36, 89, 93
DIVER_OR_MISSILE_X = 71
OXYGEN, DIVERS_ABOARD, MISSILE_X, SURFACE_LEVEL, SURFACE_X = 102, 62, 103, 60, 118
LANES, LANE_BOTTOM, LANE_HEIGHT, SCREEN_WIDTH = 4, 141, 24, 160
FULL_OXYGEN = 64


class Seaquest:
    """Player, Enemies (with type) and Divers from memory, and lives.

    "paper": what the paper's programs saw: neither oxygen nor the divers aboard, and oddities: an
    enemy or diver may stay in
    the list where it was last when something of another kind takes over its lane, and the player
    that comes back is at
    its place of birth for a step.
    "full": only what is there, with Oxygen (0 to 64), CollectedDivers (0 to 6), our Missile, and
    the SurfaceSubmarine among Enemies.
    """

    def __init__(self, style: str) -> None:
        self._paper = style == "paper"
        self._scene = Scene()
        if self._paper:
            self._scene.put("player", 76, 46, 16, 11)

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]:
        self._scene.begin_step()
        self._update_player(memory)
        for lane in range(LANES):
            self._update_enemies(memory, lane)
            self._update_diver(memory, lane)
        observation: dict[str, Any] = {}
        if player := self._scene.get("player"):
            observation["Player"] = player.to_moving_box()
        if (
            enemies := self._list_objects("Shark", 12)
            + self._list_objects("Submarine", 12)
            + self._list_objects("EnemyMissile", LANES)
        ):
            observation["Enemies"] = enemies
        if divers := self._list_objects("Diver", LANES):
            observation["Divers"] = [
                {key: diver[key] for key in diver if key != "type"} for diver in divers
            ]
        if not self._paper:
            self._add_full_details(observation, memory)
        observation["lives"] = lives
        return observation

    def _update_player(self, memory: bytearray) -> None:
        if 0 < memory[PLAYER_GONE] < 15:
            self._scene.remove("player")
        elif self._paper and self._scene.get("player") is None:
            self._scene.put("player", 76, 46, 16, 11)
        else:
            self._scene.put("player", memory[PLAYER_X], memory[PLAYER_Y] + 33, 16, 11)

    def _update_enemies(self, memory: bytearray, lane: int) -> None:
        submarines = _is_submarine(memory, lane)
        kind, other = ("Submarine", "Shark") if submarines else ("Shark", "Submarine")
        y = LANE_BOTTOM - LANE_HEIGHT * lane + (0 if submarines else memory[SHARK_Y] - 4)
        for place in range(3):
            slot = 3 * lane + place
            x = (memory[ENEMY_X + lane] + 16 * place) % 256
            if memory[FORMATION + lane] >> (2 - place) & 1 and x <= SCREEN_WIDTH + 5:
                self._scene.put(f"{kind} {slot}", x, y, 8, 11 if submarines else 7)
                if not self._paper:
                    self._scene.remove(f"{other} {slot}")
            else:
                self._scene.remove(f"Shark {slot}")
                self._scene.remove(f"Submarine {slot}")

    def _update_diver(self, memory: bytearray, lane: int) -> None:
        x = memory[DIVER_OR_MISSILE_X + lane]
        missile, diver = f"EnemyMissile {LANES - 1 - lane}", f"Diver {LANES - 1 - lane}"
        there, other = (missile, diver) if _is_submarine(memory, lane) else (diver, missile)
        if 0 < x < SCREEN_WIDTH:
            if there == missile:
                self._scene.put(missile, x + 3, 145 - LANE_HEIGHT * lane, 6, 4)
            else:
                self._scene.put(diver, x, LANE_BOTTOM - LANE_HEIGHT * lane, 8, 11)
            self._scene.remove(other)
            return
        self._scene.remove(there)
        if not self._paper:
            self._scene.remove(other)

    def _list_objects(self, kind: str, slots: int) -> list[dict[str, Any]]:
        things = [self._scene.get(f"{kind} {slot}") for slot in range(slots)]
        return [{**thing.to_moving_box(), "type": kind} for thing in things if thing]

    def _add_full_details(self, observation: dict[str, Any], memory: bytearray) -> None:
        scene = self._scene
        if memory[SURFACE_LEVEL] >= 2 and memory[SURFACE_X] < SCREEN_WIDTH:
            surface = scene.put("surface", memory[SURFACE_X], 45, 8, 11)
            observation.setdefault("Enemies", []).append(
                {**surface.to_moving_box(), "type": "SurfaceSubmarine"}
            )
        else:
            scene.remove("surface")
        if 0 < memory[MISSILE_X] < SCREEN_WIDTH:
            observation["Missile"] = scene.put(
                "missile", memory[MISSILE_X], memory[PLAYER_Y] + 40, 8, 1
            ).to_moving_box()
        else:
            scene.remove("missile")
        observation["Oxygen"] = min(memory[OXYGEN], FULL_OXYGEN)
        observation["CollectedDivers"] = min(memory[DIVERS_ABOARD], 6)


def _is_submarine(memory: bytearray, lane: int) -> bool:
    return 3 < memory[LANE_KIND + lane] % 8 < 7


MOVES = ("up", "right", "left", "down", "up+right", "up+left", "down+right", "down+left")
GAME = Game(
    "seaquest",
    Seaquest,
    dict(enumerate(("stay", "fire", *MOVES, *(f"{move}+fire" for move in MOVES)))),
)


def examples(split: str) -> list[Example]:
    return list_seed_examples(split)


def run(artifact: object, example: Example, ctx: Context) -> Result:
    return build_result(GAME, play_episodes(GAME, ctx))
