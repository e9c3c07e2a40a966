"""Gymnasium environments as tasks, by their id."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from genopt_tui.errors import TaskError
from genopt_tui.task import loader
from genopt_tui.task.contract import ArtifactError, Example, Result


@dataclass
class LocalContext:
    """A judge's context in this process."""

    policy: Any
    settings: dict[str, Any]
    seed: int
    traced: bool = True
    steps: list[tuple[Any, Any, Any]] = field(default_factory=list)

    def call(self, function: str, *arguments: Any) -> Any:
        return self.policy(*arguments)

    def step(
        self, observation: Any = None, action: Any = None, reward: Any = None, **info: Any
    ) -> None:
        self.steps.append((observation, action, reward))


def play(name: str, policy: Any, seed: int = 1, **chosen: Any) -> tuple[Result, LocalContext]:
    folder = loader.find_task(f"gym/{name}")
    if isinstance(policy, str):
        scope: dict[str, Any] = {"__name__": "policy"}
        exec(folder.read_start(policy)["policy.py"], scope)
        policy = scope["Policy"]()
    context = LocalContext(policy, folder.task.resolve_settings(chosen), seed)
    return folder.load_module().run(None, Example("seed-1"), context), context


def test_a_seed_decides_the_episode() -> None:
    assert play("CartPole-v1", "tunable", 1)[1].steps == play("CartPole-v1", "tunable", 1)[1].steps
    assert play("CartPole-v1", "tunable", 1)[1].steps != play("CartPole-v1", "tunable", 2)[1].steps


def test_cart_pole_can_be_learned() -> None:
    blank, tunable = play("CartPole-v1", "blank")[0].score, play("CartPole-v1", "tunable")[0].score
    best = play(
        "CartPole-v1", lambda obs: int(0.1 * obs[0] + 0.3 * obs[1] + obs[2] + 0.5 * obs[3] > 0)
    )[0].score
    assert blank < 20 < tunable < 475 < best


def test_mountain_car_can_be_learned() -> None:
    start = play("MountainCar-v0", "tunable")[0]
    swinging = play("MountainCar-v0", lambda obs: 2 if obs[1] > 0 else 0)[0]
    assert start.score == -200 < swinging.score
    assert "stopped" in start.feedback and "ended" in swinging.feedback


def test_an_environment_that_is_not_bundled_takes_vectors() -> None:
    result, context = play("Pendulum-v1", "blank", steps=20)
    assert len(context.steps) == 20 and result.score < 0
    play("Pendulum-v1", lambda obs: [0.5], steps=5)
    with pytest.raises(ArtifactError, match="Box"):
        play("Pendulum-v1", lambda obs: [0.5, 1.0], steps=5)


@pytest.mark.parametrize("action", [2, -1, "left", None, 0.5])
def test_an_action_that_is_none_is_the_artifacts_error(action: object) -> None:
    with pytest.raises(ArtifactError, match="Discrete"):
        play("CartPole-v1", lambda obs: action)


@pytest.mark.parametrize("name", ["NoSuchThing-v0", "Taxi-v3"])
def test_what_has_no_vector_is_refused(name: str) -> None:
    with pytest.raises(TaskError, match=name):
        play(name, "blank")
