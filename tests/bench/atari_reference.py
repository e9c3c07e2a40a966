"""Compare our observations with OCAtari's, step by step, on the same memory.

OCAtari needs an old numpy, so this runs in an environment of its own, from the checkout's root:

    python -m venv reference && reference/bin/pip install ocatari==2.2.1 numpy==1.26.4 ale-py
    PYTHONPATH=. reference/bin/python tests/bench/atari_reference.py [--steps 3000] [--endless]
    [GAME ...]

Prints for each game, over random play without sticky actions: the share of steps whose observations
are equal, and for each
field the share of steps in which both agree on it. `--endless` gives lost lives back, so that play
gets to later levels.
"""

import argparse
import importlib
import importlib.util
import random
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import ale_py
import numpy as np
from ocatari.ram.game_objects import GameObject

FAMILY = Path(__file__).parents[2] / "tasks" / "atari"
GAMES = ["asterix", "breakout", "enduro", "freeway", "pong", "qbert", "seaquest", "space_invaders"]
MOVING, PLACE = ("x", "y", "w", "h", "dx", "dy"), ("x", "y", "w", "h")
LIVES = {  # byte of the console's memory, and how many it begins with
    "asterix": (83, 3), "breakout": (57, 5), "qbert": (8, 2), "seaquest": (59, 3), "space_invaders": (73, 3),
}  # fmt: skip
ROWS = {57: "RB", 63: "OB", 69: "YB", 75: "GB", 81: "AB", 87: "BB"}

Observation = dict[str, Any]


def pick(thing: GameObject, fields: tuple[str, ...], **more: Any) -> dict[str, Any]:
    return {field: int(getattr(thing, field)) for field in fields} | more


def of(things: list[GameObject], *kinds: str) -> list[GameObject]:
    return [thing for thing in things if thing is not None and thing.category in kinds]


def pong(things: list[GameObject]) -> Observation:
    return {thing.category: pick(thing, MOVING) for thing in things}


def breakout(things: list[GameObject]) -> Observation:
    seen: Observation = {
        thing.category: pick(thing, MOVING) for thing in of(things, "Player", "Ball")
    }
    for brick in of(things, "Block"):
        seen.setdefault(ROWS[brick.y], []).append(pick(brick, PLACE))
    return seen


def space_invaders(things: list[GameObject]) -> Observation:
    seen: Observation = {
        thing.category: pick(thing, MOVING) for thing in of(things, "Player", "Satellite")
    }
    for kind in ("Shield", "Bullet", "Alien"):
        seen |= {
            f"{kind}{number}": pick(thing, MOVING) for number, thing in enumerate(of(things, kind))
        }
    return seen


def freeway(things: list[GameObject]) -> Observation:
    chicken = next(thing for thing in of(things, "Chicken") if thing.x < 80)
    return {
        "Chicken": pick(chicken, MOVING),
        "Cars": [pick(car, MOVING) for car in of(things, "Car")],
    }


def asterix(things: list[GameObject]) -> Observation:
    player = of(things, "Player")[0]
    seen: Observation = {"Player": pick(player, ("x", "y"))}
    for kind, name in (("Enemy", "Enemies"), ("Consumable", "Consumables"), ("Reward", "Rewards")):
        items = [pick(thing, ("x", "y"), type=kind) for thing in of(things, kind)]
        if items:
            seen[name] = sorted(
                items, key=lambda item: abs(item["x"] - player.x) + abs(item["y"] - player.y)
            )
    return seen


def enduro(things: list[GameObject]) -> Observation:
    player = of(things, "Player")[0]
    seen: Observation = {"Player": pick(player, PLACE)}
    cars = [
        pick(car, PLACE, rel_x=int(car.x - player.x), rel_y=int(car.y - player.y))
        for car in of(things, "Car")
    ]
    if cars:
        cars.sort(key=lambda car: -car["y"])
        seen |= {
            "EnemyCars": cars,
            "nearest_enemy_rel_x": cars[0]["rel_x"],
            "nearest_enemy_rel_y": cars[0]["rel_y"],
        }
    return seen


def qbert(things: list[GameObject]) -> Observation:
    seen: Observation = {thing.category: pick(thing, MOVING) for thing in of(things, "Player")}
    for name, kinds in (
        ("Enemies", ("Coily", "PurpleBall", "RedBall")),
        ("Friendlies", ("Sam", "GreenBall")),
    ):
        if found := [pick(thing, MOVING, type=thing.category) for thing in of(things, *kinds)]:
            seen[name] = found
    if disks := [pick(thing, PLACE) for thing in of(things, "Disk")]:
        seen["Disks"] = disks
    return seen


def seaquest(things: list[GameObject]) -> Observation:
    seen: Observation = {thing.category: pick(thing, MOVING) for thing in of(things, "Player")}
    kinds = ("Shark", "Submarine", "EnemyMissile")
    if enemies := [pick(thing, MOVING, type=thing.category) for thing in of(things, *kinds)]:
        seen["Enemies"] = enemies
    if divers := [pick(thing, MOVING) for thing in of(things, "Diver")]:
        seen["Divers"] = divers
    return seen


def task(game: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"task_{game}", FAMILY / game / "task.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Reference:
    """OCAtari's memory reading, called the way its environment calls it."""

    def __init__(self, game: str) -> None:
        self._game = importlib.import_module(f"ocatari.ram.{game.replace('_', '')}")
        self._describe = globals()[game]

    def reset(self) -> None:
        self._things = self._game._init_objects_ram(False)

    def observe(self, memory: bytearray) -> Observation:
        for thing in self._things:
            if thing:
                thing._save_prev()
        self._game._detect_objects_ram(
            self._things, np.frombuffer(bytes(memory), dtype=np.uint8), False
        )
        found: Observation = self._describe(self._things)
        return found


def compare(
    game: str, steps: int, endless: bool
) -> tuple[int, Counter[str], Counter[str], list[str], float]:
    """Equal steps, equal steps per field, steps per field, the first differences, and the points
    that were made."""
    from atari_emulator import Emulator

    module = task(game)
    emulator = Emulator(module.GAME.rom, seed=0, sticky=0.0)
    reference = Reference(game)
    actions = random.Random(0)
    equal, agreed, seen, differences = 0, Counter[str](), Counter[str](), list[str]()
    over, points = True, 0.0
    for step in range(steps):
        if over:
            emulator.reset()
            reference.reset()
            observer = module.GAME.observer("paper")
        lives = emulator.lives()
        ours = observer.observe(emulator.memory, lives)
        assert ours.pop("lives", lives) == lives
        theirs = reference.observe(emulator.memory)
        equal += ours == theirs
        for name in ours.keys() | theirs.keys():
            same = _sorted(ours.get(name)) == _sorted(theirs.get(name))
            seen[name] += 1
            agreed[name] += same
            if not same and len(differences) < 3:
                differences.append(
                    f"step {step}: {name}: ours {ours.get(name)}, theirs {theirs.get(name)}"
                )
        if step % 3 == 0:
            action = actions.randrange(emulator.actions)
        points += emulator.act(action)
        if endless and game in LIVES and 0 < emulator.memory[LIVES[game][0]] < LIVES[game][1]:
            emulator._ale.setRAM(*LIVES[game])
        over = emulator.over()
    return equal, agreed, seen, differences, points


def _sorted(value: Any) -> Any:
    return sorted(value, key=repr) if isinstance(value, list) else value


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("games", nargs="*", default=GAMES)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--endless", action="store_true")
    options = parser.parse_args()
    sys.path.insert(0, str(FAMILY))
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    for game in options.games:
        equal, agreed, seen, differences, points = compare(game, options.steps, options.endless)
        fields = ", ".join(
            f"{name} {100 * agreed[name] / count:.1f} %" for name, count in sorted(seen.items())
        )
        print(
            f"{game}: {100 * equal / options.steps:.2f} % of {options.steps} steps ({points:g} points) equal; {fields}"
        )
        print("".join(f"  {difference}\n" for difference in differences), end="")


if __name__ == "__main__":
    main()
