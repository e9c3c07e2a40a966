"""The API for a task's `task.py`, version 1.

    def examples(split, settings): return [Example("seed-1", data=1), ...]
    def run(artifact, example, ctx): ...; return Result(score=1.0, feedback="why")

Both may be `async`. `settings` are the task's resolved settings; `examples` may omit the parameter.
Most tasks need no other imports: `from genopt_tui.task.contract import Context, Example, Result`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from genopt_tui.task.rollout import Example, Json

VERSION = 1

__all__ = ["VERSION", "ArtifactError", "Context", "Example", "Result"]


class ArtifactError(Exception):
    """A task raises this if the artifact's answer is unusable.

    The rollout ends with status `error` and this message.
    """


@dataclass(frozen=True, slots=True)
class Result:
    """The result of `run`: a `score` in the task's unit, and `feedback` for the model.

    `metrics` are shown beside the score; `[[constraints]]` in task.toml may set bounds for them.
    """

    score: float
    feedback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


class Context(Protocol):
    """What `run` may use.

    `settings` are the task's resolved settings. `seed` is the rollout's own, derived from session
    seed, example and repeat. `traced`: whether steps are recorded.
    """

    settings: Mapping[str, Json]
    seed: int
    traced: bool

    def call(self, function: str, *arguments: Json) -> Json:
        """Call `module.name` of the artifact in its sandbox and return the result.

        A class is instantiated once per rollout, without arguments, and the instance is called:
        `ctx.call("policy.Policy", obs)`. `module.Class.method` calls a method of that instance.
        An exception in the artifact, or a broken limit, ends the rollout; do not catch anything.
        """
        ...

    def llm(self, prompt: str | list[dict[str, str]], **parameters: Json) -> str:
        """Ask the session's `agent_model`, outside the sandbox. Calls are cached and counted."""
        ...

    def step(
        self,
        observation: Json = None,
        action: Json = None,
        reward: float | None = None,
        **info: Json,
    ) -> None:
        """Record one step of the trace. Costs nothing if the rollout is not traced."""
        ...

    def attach(self, picture: object, palette: object = None) -> None:
        """Attach a picture to the latest step: a uint8 array of height x width x 3.

        It is cheaper with a `palette` (uint8, up to 256 colours x 3): then the picture is an array
        of height x width colour indices.
        """
        ...
