"""Playing one game with a policy: the part that all Atari tasks share."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from atari_emulator import Emulator

from genopt_tui.task.contract import ArtifactError, Context, Example, Result

POLICY = "policy.Policy"
NOTHING_YET = float("nan")  # reward before the first action
FIRST_SEED = {"train": 0, "gate": 1000, "test": 2000}
SEEDS = {"train": 32, "gate": 30, "test": 30}


class Observer(Protocol):
    """Turns the console's memory into the observation of one game; keeps what it needs to tell movements."""

    def __init__(self, style: str) -> None: ...

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Game:
    """What differs between the games. `fire` is an action pressed after each start and lost life, if any."""

    rom: str
    observer: type[Observer]
    actions: Mapping[int, str]
    fire: int | None = None


@dataclass
class Record:
    """What happened in a rollout, for score and feedback."""

    steps: int = 0
    rewards: list[float] = field(default_factory=list)
    actions: Counter[int] = field(default_factory=Counter)
    lives_lost: int = 0
    finished: bool = False

    @property
    def score(self) -> float:
        return sum(self.rewards)

    def add(self, action: int, reward: float) -> None:
        self.steps += 1
        self.actions[action] += 1
        if reward:
            self.rewards.append(reward)


def seeds(split: str) -> list[Example]:
    """Examples `seed-N`; no seed is in two splits."""
    first = FIRST_SEED[split]
    return [Example(f"seed-{number}", data=number) for number in range(first, first + SEEDS[split])]


def play(game: Game, ctx: Context) -> Record:
    """One rollout: a whole game, or one life where `episode` says so, of at most `steps` steps."""
    settings = ctx.settings
    emulator = Emulator(game.rom, seed=ctx.seed, sticky=settings["sticky"])
    emulator.reset()
    reward = NOTHING_YET
    for _ in range(random.Random(ctx.seed).randint(0, settings["noops"])):
        emulator.act(0)
    if game.fire is not None:
        emulator.act(game.fire)
    record = Record()
    observer = game.observer(settings["observation"])
    one_life = settings.get("episode") == "life"
    pictures = settings["frames"] if ctx.traced else 0
    lives = emulator.lives()
    while record.steps < settings["steps"]:
        observation = observer.observe(emulator.memory, lives)
        observation["reward"] = reward
        action = _checked(ctx.call(POLICY, observation), emulator.actions, record.steps)
        picture = emulator.screen() if pictures and record.steps % pictures == 0 else None
        reward = emulator.act(action)
        ctx.step(observation, action, reward)
        if picture is not None:
            ctx.attach(picture)
        record.add(action, reward)
        if emulator.over():
            record.finished = True
            record.lives_lost += lives > 0
            break
        if emulator.lives() < lives:
            record.lives_lost += 1
            lives = emulator.lives()
            if one_life:
                record.finished = True
                break
            if game.fire is not None:
                emulator.act(game.fire)
    return record


def summary(game: Game, record: Record) -> str:
    """Facts of a rollout for the model: how it ended, the score, what was pressed."""
    end = "ended" if record.finished else "was stopped (step limit)"
    pressed = ", ".join(
        f"{name} {100 * record.actions[number] / record.steps:.0f} %"
        for number, name in game.actions.items()
        if record.actions[number]
    )
    return f"The game {end} after {record.steps} steps with a score of {record.score:g}. Actions: {pressed}."


def outcome(game: Game, record: Record, *facts: str) -> Result:
    """Score, feedback and metrics of a rollout; `facts` are further sentences about this game."""
    return Result(
        score=record.score,
        feedback=" ".join([summary(game, record), *facts]),
        metrics={"steps": record.steps, "lives_lost": record.lives_lost},
    )


def _checked(action: object, count: int, step: int) -> int:
    if isinstance(action, int) and 0 <= action < count:
        return int(action)
    raise ArtifactError(
        f"{POLICY} returned {action!r:.80} at step {step}: an action is a whole number from 0 to {count - 1}"
    )
