"""Any Gymnasium environment with a vector observation: the member's name is the environment's
id."""

from typing import Any

from genopt_tui.errors import TaskError
from genopt_tui.task.contract import ArtifactError, Context, Example, Result

POLICY = "policy.Policy"
FIRST_SEED = {"train": 0, "gate": 1000, "test": 2000}
SEED_COUNT = {"train": 32, "gate": 30, "test": 30}


def examples(split: str, settings: dict) -> list[Example]:
    """Examples `seed-N`; no seed is in two splits. Raises TaskError where the environment cannot be
    made."""
    _make_environment(str(settings["member"])).close()
    first = FIRST_SEED[split]
    return [
        Example(f"seed-{number}", data=number) for number in range(first, first + SEED_COUNT[split])
    ]


def run(artifact: object, example: Example, ctx: Context) -> Result:
    environment = _make_environment(str(ctx.settings["member"]))
    try:
        return _play_episode(environment, ctx)
    finally:
        environment.close()


def _make_environment(name: str) -> Any:
    import gymnasium

    try:
        environment = gymnasium.make(name)
    except (gymnasium.error.Error, ImportError) as error:
        raise TaskError(
            f"gym/{name}", str(error), "Install what the environment needs, or mind its spelling"
        ) from error
    shape = environment.observation_space.shape
    if shape is None or len(shape) != 1:
        raise TaskError(
            f"gym/{name}",
            "its observation is no vector",
            "Take an environment with numbers, not pictures",
        )
    return environment


def _play_episode(environment: Any, ctx: Context) -> Result:
    seen, _ = environment.reset(seed=ctx.seed % 2**31)
    score, steps, ended, stopped = 0.0, 0, False, False
    limit = ctx.settings["steps"]
    while not (ended or stopped or steps == limit):
        observation = [float(number) for number in seen]
        action = ctx.call(POLICY, observation)
        seen, reward, ended, stopped, _ = environment.step(
            _convert_action(environment.action_space, action, steps)
        )
        ctx.step(observation, action, float(reward))
        score += float(reward)
        steps += 1
    end = "ended" if ended else "was stopped by the step limit"
    last = ", ".join(f"{number:.3g}" for number in seen)
    return Result(
        score=score,
        feedback=f"The episode {end} after {steps} steps with a score of {score:g}. "
        f"Last observation: {last}.",
        metrics={"steps": steps},
    )


def _convert_action(space: Any, action: Any, step: int) -> Any:
    """`action` as the environment takes it; a single number stands for every part of a vector."""
    import numpy as np

    if hasattr(space, "n"):
        if isinstance(action, int) and space.contains(np.int64(action)):
            return int(action)
    elif isinstance(action, int | float) or (
        isinstance(action, list) and all(isinstance(part, int | float) for part in action)
    ):
        vector = np.asarray(action, dtype=space.dtype)
        if vector.shape in {(), space.shape} and np.isfinite(vector).all():
            return np.clip(np.broadcast_to(vector, space.shape), space.low, space.high)
    raise ArtifactError(
        f"{POLICY} returned {action!r:.80} at step {step}: an action of this environment is {space}"
    )
