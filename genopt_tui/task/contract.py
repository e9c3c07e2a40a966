"""What a task's `task.py` is written against. Version 1 of the contract.

    def examples(split, settings): return [Example("seed-1", data=1), ...]
    def run(artifact, example, ctx): ...; return Result(score=1.0, feedback="why")

Both may be `async`; `examples` may leave `settings` (the task's resolved ones) out.
Names imported here are all that a task needs: `from genopt_tui.task.contract import Context,
Example, Result`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from genopt_tui.task.rollout import Example, Json

VERSION = 1

__all__ = ["VERSION", "ArtifactError", "Context", "Example", "Result"]


class ArtifactError(Exception):
    """Raised by a task when it cannot use what the artifact answered: the rollout ends with status
    `error` and this message."""


@dataclass(frozen=True, slots=True)
class Result:
    """Outcome of `run`: `score` in the task's own unit, `feedback` for the model, further named
    `metrics`, which are shown and may be
    bounded by `[[constraints]]` in task.toml."""

    score: float
    feedback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


class Context(Protocol):
    """What `run` may use. `settings` are the task's resolved settings, `seed` is this rollout's own
    (from session seed, example and repeat), `traced` tells whether steps are recorded."""

    settings: Mapping[str, Json]
    seed: int
    traced: bool

    def call(self, function: str, *arguments: Json) -> Json:
        """Call `module.name` of the artifact in the player and return its result.

        A class is instantiated once a rollout (without arguments) and the instance is called:
        `ctx.call("policy.Policy", obs)`;
        `module.Class.method` calls a method of that one instance.
        What the artifact raises, or a limit it breaks, ends the rollout with its status: there is
        nothing to catch.
        """
        ...

    def llm(self, prompt: str | list[dict[str, str]], **parameters: Json) -> str:
        """Ask the session's `agent_model`; answered outside the sandbox, cached and counted."""
        ...

    def step(
        self,
        observation: Json = None,
        action: Json = None,
        reward: float | None = None,
        **info: Json,
    ) -> None:
        """Record one step of the trace (free when the rollout is not traced)."""
        ...

    def attach(self, picture: object, palette: object = None) -> None:
        """Attach a picture to the latest step: an array of height x width x 3 (uint8).

        With `palette` (an array of up to 256 colours x 3, uint8) of height x width numbers of
        colours, which costs less.
        """
        ...
