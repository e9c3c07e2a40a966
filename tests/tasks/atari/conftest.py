"""A judge's context in this process: the artifact's Policy is called directly."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from genopt_tui.task import loader
from genopt_tui.task.contract import Example, Result


@dataclass
class LocalContext:
    """Plays in this process; `steps` and `pictures` are what a traced rollout records."""

    policy: Callable[[Any], Any]
    settings: Mapping[str, Any]
    seed: int
    traced: bool = False
    steps: list[tuple[Any, Any, float | None]] = field(default_factory=list)
    pictures: list[Any] = field(default_factory=list)

    def call(self, function: str, *arguments: Any) -> Any:
        assert function == "policy.Policy"
        return self.policy(*arguments)

    def step(
        self, observation: Any = None, action: Any = None, reward: float | None = None, **info: Any
    ) -> None:
        self.steps.append((observation, action, reward))

    def attach(self, picture: Any, palette: Any = None) -> None:
        self.pictures.append(picture if palette is None else palette[picture])


@dataclass
class Player:
    """Runs policies on one task; a policy is a start's name, source text or a function."""

    folder: loader.TaskFolder

    def policy(self, source: Any) -> Callable[[Any], Any]:
        if callable(source):
            return source
        text = (
            self.folder.read_start(source)["policy.py"]
            if source in self.folder.task.starts
            else source
        )
        scope: dict[str, Any] = {"__name__": "policy"}
        exec(compile(text, "policy.py", "exec"), scope)
        return scope["Policy"]()

    def run(
        self, source: Any, seed: int = 1, traced: bool = False, **chosen: Any
    ) -> tuple[Result, LocalContext]:
        random.seed(seed)
        context = LocalContext(
            self.policy(source), self.folder.task.resolve_settings(chosen), seed, traced
        )
        return self.folder.load_module().run(None, Example(f"seed-{seed}"), context), context


@pytest.fixture(scope="session")
def atari() -> Callable[[str], Player]:
    """`atari("pong")` plays Pong."""
    return lambda game: Player(loader.find_task(f"atari/{game}"))
