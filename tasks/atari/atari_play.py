"""Playing one game with a policy: the part that all Atari tasks share."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from atari_emulator import Emulator

from genopt_tui.task.contract import ArtifactError, Context, Example, Result

POLICY = "policy.Policy"
NO_REWARD = float("nan")  # reward before the first action
FIRST_SEED = {"train": 0, "gate": 1000, "test": 2000}
SEED_COUNT = {"train": 32, "gate": 30, "test": 30}


class Observer(Protocol):
    """Turns the console's memory into the observation of one game.

    It is shown every step, also those before the policy takes over, and remembers what it needs to
    tell movements.
    The dictionary it returns is new each time, what is in it is never changed later.
    """

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Game:
    """What differs between the games. `observer` takes the setting `observation`; `fire` is the
    action that
    serves the ball after each start and lost life, where there is one."""

    rom: str
    observer: Callable[[str], Observer]
    actions: Mapping[int, str]
    fire: int | None = None


@dataclass
class Episode:
    """What happened in one game, or in one life of it."""

    steps: int = 0
    rewards: list[float] = field(default_factory=list)  # without the zeros
    actions: Counter[int] = field(default_factory=Counter)
    lives_lost: int = 0
    finished: bool = False
    last_observation: Mapping[str, Any] = field(default_factory=dict)  # the last observation

    @property
    def score(self) -> float:
        return sum(self.rewards)


def list_seed_examples(split: str) -> list[Example]:
    """Examples `seed-N`; no seed is in two splits."""
    first = FIRST_SEED[split]
    return [
        Example(f"seed-{number}", data=number) for number in range(first, first + SEED_COUNT[split])
    ]


def play_episodes(game: Game, ctx: Context) -> list[Episode]:
    """One rollout: the episodes that the settings ask for, one after the other in the same
    emulator.

    `episode` is "game" or "life" (the next life continues the same game), `episodes` how many,
    `steps` how long each may be.
    """
    console = _Console(game, ctx)
    return [console.play_episode() for _ in range(ctx.settings.get("episodes", 1))]


class _Console:
    """An emulator with its observer, at the setting of a rollout."""

    def __init__(self, game: Game, ctx: Context) -> None:
        self.game, self.ctx, self.settings = game, ctx, ctx.settings
        self.emulator = Emulator(game.rom, seed=ctx.seed, sticky=self.settings["sticky"])
        self.noops = random.Random(ctx.seed).randint(0, self.settings["noops"])
        self.picture_interval = self.settings["frames"] if ctx.traced else 0
        self.one_life = self.settings.get("episode") == "life"
        self.in_game = False

    def play_episode(self) -> Episode:
        observation = self._begin_episode()
        episode = Episode()
        reward = NO_REWARD
        lives = self.emulator.lives()
        while episode.steps < self.settings["steps"] and not episode.finished:
            observation["reward"] = reward
            action = self._choose_action(observation, episode.steps)
            picture = self._take_picture(episode.steps)
            observation_before, (observation, reward) = observation, self._act(action)
            left = self.emulator.lives()
            self.in_game = not self.emulator.is_over()
            died = left < lives
            episode.lives_lost += died
            episode.finished = not self.in_game or (died and self.one_life)
            if died and not episode.finished and self.game.fire is not None:
                observation = self._serve_ball(self.game.fire)
            lives = left
            self.ctx.step(observation_before, action, reward)
            if picture is not None:
                self.ctx.attach(*picture)
            episode.steps += 1
            episode.actions[action] += 1
            if reward:
                episode.rewards.append(reward)
        episode.last_observation = observation
        return episode

    def _begin_episode(self) -> dict[str, Any]:
        """A new game, or the next life of the present one; the policy's first observation."""
        if self.in_game and self.one_life:
            observation, _ = self._act(0)
            return observation if self.game.fire is None else self._act(self.game.fire)[0]
        self.in_game = True
        self.observer = self.game.observer(self.settings["observation"])
        self.emulator.reset()
        observation = self.observer.observe(self.emulator.memory, self.emulator.lives())
        for _ in range(self.noops):
            observation, _ = self._act(0)
        return observation if self.game.fire is None else self._act(self.game.fire)[0]

    def _serve_ball(self, fire: int) -> dict[str, Any]:
        """The next ball after a lost life within a game."""
        self._act(0)
        return self._act(fire)[0]

    def _act(self, action: int) -> tuple[dict[str, Any], float]:
        reward = self.emulator.act(action)
        return self.observer.observe(self.emulator.memory, self.emulator.lives()), reward

    def _choose_action(self, observation: dict[str, Any], step: int) -> int:
        action = self.ctx.call(POLICY, observation)
        if isinstance(action, int) and 0 <= action < self.emulator.actions:
            return int(action)
        raise ArtifactError(
            f"{POLICY} returned {action!r:.80} at step {step}: "
            f"an action is a whole number from 0 to {self.emulator.actions - 1}"
        )

    def _take_picture(self, step: int) -> Any:
        return (
            self.emulator.screen()
            if self.picture_interval and step % self.picture_interval == 0
            else None
        )


def build_result(game: Game, episodes: list[Episode], *facts: str) -> Result:
    """Score (the episodes' mean), feedback and metrics of a rollout; `facts` are further sentences
    about this game."""
    said = [_describe_episode(game, episode) for episode in episodes]
    if len(episodes) > 1:
        said = [f"Episode {number}: {text}" for number, text in enumerate(said, 1)]
    steps = sum(episode.steps for episode in episodes)
    lost = sum(episode.lives_lost for episode in episodes)
    score = sum(episode.score for episode in episodes) / len(episodes)
    return Result(
        score=score,
        feedback=" ".join([*said, *facts]),
        metrics={"steps": steps, "lives_lost": lost},
    )


def _describe_episode(game: Game, episode: Episode) -> str:
    end = "It ended" if episode.finished else "It was stopped by the step limit"
    pressed = ", ".join(
        f"{name} {100 * episode.actions[number] / episode.steps:.0f} %"
        for number, name in game.actions.items()
        if episode.actions[number]
    )
    lives = f" Lives lost: {episode.lives_lost}." if episode.lives_lost else ""
    score = f"{episode.steps} steps with a score of {episode.score:g}"
    return f"{end} after {score}.{lives} Actions: {pressed}."
