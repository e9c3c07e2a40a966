"""Play the same programs in the published experiments' own environments and in ours, and compare
what they see and score.

Those need OCAtari and an old numpy, so this runs in an environment of its own, from the checkout's
root. PUBLISHED is a clone of
the code of arXiv 2603.23994 (github.com/ameliakuang/LLM-Game-Playing-Agents); its Q*bert needs its
authors' OCAtari (OC_Atari
there), all others take the published package:

    python -m venv reference && reference/bin/pip install ocatari==2.2.1 numpy==1.26.4 ale-py
    PYTHONPATH=. reference/bin/python tests/bench/atari_policies.py PUBLISHED [GAME ...]

For each game, at the published settings: the score of a program of ours
(tests/tasks/atari/policies), of a start that works, of
random ones and of the published best program where there is one, in both; how many steps have equal
observations; and, where not
all have, field by field in how many of the steps that have it both agree.
"""

import argparse
import contextlib
import importlib
import importlib.util
import io
import math
import random
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
FAMILY, POLICIES = ROOT / "tasks" / "atari", ROOT / "tests" / "tasks" / "atari" / "policies"
GAMES = ["asterix", "breakout", "enduro", "freeway", "pong", "qbert", "seaquest", "space_invaders"]
WANDERERS = 6
BEST = {"breakout": "Breakout", "pong": "Pong", "space_invaders": "SpaceInvaders"}

Observation = dict[str, Any]
Program = Callable[[Observation], int]


def imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"m_{file.parent.name}_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_tracing() -> None:
    """Stand in for the tracing library: programs and environments run as plain Python."""

    def same(*arguments: Any, **_: Any) -> Any:
        return arguments[0] if arguments and callable(arguments[0]) else same

    for name in ("opto", "opto.trace", "opto.trace.bundle", "opto.trace.errors"):
        sys.modules[name] = module = ModuleType(name)
        module.__dict__.update(
            bundle=same, model=same, node=same, Module=object, GRAPH=None, Node=()
        )
        module.__dict__.update(ExceptionNode=Exception, ExecutionError=Exception)
    sys.modules["opto"].__dict__["trace"] = sys.modules["opto.trace"]


def settings_of(game: str) -> dict[str, Any]:
    """The task's settings as the preset `paper` has them, without pictures."""
    task = tomllib.loads((FAMILY / game / "task.toml").read_text(encoding="utf-8"))
    chosen = {key: setting["default"] for key, setting in task["settings"].items()}
    wished = task["presets"]["paper"]["set"]
    return {
        **chosen,
        **{k.removeprefix("task."): v for k, v in wished.items() if k.startswith("task.")},
        "frames": 0,
    }


class Recorder:
    """A judge's context that calls the program in this process and keeps what it saw."""

    seed, traced = 0, False

    def __init__(self, program: Program, settings: dict[str, Any]) -> None:
        self.program, self.settings, self.seen = program, settings, list[Observation]()

    def call(self, _: str, observation: Observation) -> int:
        self.seen.append(observation)
        return int(self.program(observation))

    def step(self, *_: Any, **__: Any) -> None:
        return


def ours(game: str, program: Program) -> tuple[float, list[Observation]]:
    module = imported(FAMILY / game / "task.py")
    context = Recorder(program, settings_of(game))
    return module.run(None, None, context).score, context.seen


def theirs(game: str, program: Program) -> tuple[float, list[Observation]]:
    """Played as the published evaluation does: one environment, episodes one after the other, their
    mean."""
    settings, module = settings_of(game), importlib.import_module(f"trace_envs.{game}")
    kind = next(value for name, value in vars(module).items() if name.endswith("TracedEnv"))
    seen, scores = list[Observation](), list[float]()
    environment = kind(render_mode=None)
    console = (
        environment.env._env.unwrapped
    )  # published runs set no seed, and a reset draws from it what memory begins with
    console.ale.setInt("random_seed", Recorder.seed)
    console.load_game()
    for _ in range(settings.get("episodes", 1)):
        observation, _ = environment.reset()
        score = 0.0
        for _ in range(settings["steps"]):
            seen.append(dict(observation))
            observation, reward, ended, stopped, _ = environment.step(program(observation))
            score += reward
            if ended or stopped:
                break
        scores.append(score)
    environment.close()
    return sum(scores) / len(scores), seen


def comparison(mine: list[Observation], other: list[Observation]) -> tuple[int, dict[str, str]]:
    """Steps that are equal, and per field the share of steps in which both agree (`NoObject` only
    fills gaps)."""
    agreed, total, equal = Counter[str](), Counter[str](), 0
    for a, b in zip(mine, other, strict=False):
        names = a.keys() | b.keys()
        same = {name for name in names if alike(a.get(name), b.get(name))}
        agreed.update(same)
        total.update(names)
        equal += same == names
    return equal, {
        name: f"{100 * agreed[name] / count:.1f}" for name, count in sorted(total.items())
    }


def alike(one: Any, other: Any) -> bool:
    return bool(one == other) or (
        isinstance(one, float) and isinstance(other, float) and math.isnan(one + other)
    )


def wanderer(game: str, seed: int) -> Program:
    """Holds a random action for a few steps at a time: gets to places where no sensible program
    goes."""
    dice, actions, held = (
        random.Random(seed),
        sorted(imported(FAMILY / game / "task.py").GAME.actions),
        [0, 0],
    )

    def program(_: Observation) -> int:
        if held[1] == 0:
            held[:] = [dice.choice(actions), dice.randint(1, 8)]
        held[1] -= 1
        return held[0]

    return program


def programs(game: str, published: Path) -> dict[str, Callable[[], Program]]:
    found = {"ours": lambda: imported(POLICIES / f"{game}.py").Policy()}
    start = {"space_invaders": "working", "enduro": "two-functions"}.get(game)
    if start:
        found[f"start {start}"] = lambda: imported(
            FAMILY / game / "starts" / start / "policy.py"
        ).Policy()
    for number in range(1, WANDERERS + 1):
        found[f"wanderer {number}"] = partial(wanderer, game, number)
    if game in BEST:
        found["published best"] = lambda: imported(
            published / "best_policies" / f"{BEST[game]}.py"
        ).Policy()
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("published", type=Path)
    parser.add_argument("games", nargs="*", default=GAMES)
    options = parser.parse_args()
    sys.path[:0] = [str(FAMILY), str(options.published)]
    without_tracing()
    differing = 0
    for game in options.games:
        for name, make in programs(game, options.published).items():
            results = []
            for play in (ours, theirs):
                random.seed(1)
                with contextlib.redirect_stdout(io.StringIO()):  # the reference chatters
                    results.append(play(game, make()))
            (score, mine), (reference, other) = results
            equal, fields = comparison(mine, other)
            differing += score != reference
            print(
                f"{game:15} {name:22} ours {score:8.2f} theirs {reference:8.2f}  steps {len(mine)}, {len(other)}; equal {equal}"
            )
            if equal < len(other):
                print(
                    f"{'':15} {', '.join(f'{field} {share} %' for field, share in fields.items())}"
                )
    print(f"{differing} scores differ")
    return min(1, differing)


if __name__ == "__main__":
    sys.exit(main())
