"""Which status a rollout ends with: whose fault it was, decided in one place."""

import math
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from genopt_tui.errors import EvaluationError
from genopt_tui.evaluate.player_context import PlayerContext
from genopt_tui.evaluate.zygote_client import PlayerExit
from genopt_tui.task.command_output import NoScore
from genopt_tui.task.contract import ArtifactError, Result
from genopt_tui.task.model import Constraint
from genopt_tui.task.rollout import Limits, Status

MAX_FEEDBACK = 100_000  # characters


@dataclass(frozen=True)
class Outcome:
    """How a rollout ended. `should_retry`: the player was killed before it ran any of the
    artifact's code, so the artifact cannot have caused it."""

    status: Status
    score: float | None = None
    error: str = ""
    feedback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    should_retry: bool = False


def decide_outcome(
    context: PlayerContext,
    limit_hit: str,
    player_exit: PlayerExit | None,
    returned: Any,
    raised: BaseException | None,
    limits: Limits,
) -> Outcome:
    """The outcome of a rollout; `player_exit` says how the player ended, where that matters.

    Raises EvaluationError when the task itself is at fault.
    """
    if limit_hit:
        return make_limit_outcome(limit_hit, limits)
    if context.status:
        return Outcome(context.status, error=context.error)
    if context.player_lost and player_exit:
        return make_exit_outcome(player_exit, limits, has_run=context.has_begun)
    if raised is not None:
        return make_error_outcome(raised, context)
    return make_score_outcome(returned)


def make_limit_outcome(limit_hit: str, limits: Limits) -> Outcome:
    if limit_hit == "output":
        return Outcome("output", error=f"it printed more than {limits.output} bytes")
    if limit_hit == "scratch":
        return Outcome(
            "error",
            error=f"it wrote more than {limits.scratch} bytes of files, or too deep folders",
        )
    if limit_hit == "cancelled":
        return Outcome("infra", error="cancelled")
    return Outcome("timeout", error=f"it took longer than {limits.seconds:g} s")


def make_exit_outcome(player_exit: PlayerExit, limits: Limits, *, has_run: bool) -> Outcome:
    """The player ended without an answer.

    `has_run`: it ran code of the artifact, which can kill its own process in several ways; such a
    rollout is never repeated, or an artifact could throw away the runs that go badly.
    """
    if player_exit.signal == signal.SIGXCPU:
        return Outcome(
            "timeout", error=f"it used more CPU time than allowed ({player_exit.cpu:.1f} s)"
        )
    if player_exit.signal == signal.SIGUSR2:
        return Outcome("killed", error=f"it started more than {limits.processes} processes")
    if player_exit.signal == signal.SIGKILL:
        return Outcome("killed", error="its process was killed", should_retry=not has_run)
    if player_exit.signal:
        return Outcome(
            "killed", error=f"its process was ended by {signal.Signals(player_exit.signal).name}"
        )
    return Outcome("killed", error=f"it ended its own process (exit code {player_exit.code})")


def make_error_outcome(raised: BaseException, context: PlayerContext) -> Outcome:
    """The task's code raised: over what the artifact returned, or by its own fault."""
    if isinstance(raised, ArtifactError):
        return Outcome("error", error=str(raised)[:MAX_FEEDBACK])
    if isinstance(raised, NoScore):
        return Outcome("invalid", error=str(raised)[:MAX_FEEDBACK])
    if not context.calls:
        raise EvaluationError(
            "run() of the task", f"it raised {type(raised).__name__}: {raised}"
        ) from raised
    return Outcome(
        "invalid",
        error=f"the task could not go on with what the artifact returned: {format_exception(raised)}",
    )


def format_exception(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def make_score_outcome(returned: Any) -> Outcome:
    result = Result(returned) if isinstance(returned, int | float) else returned
    if not isinstance(result, Result):
        raise EvaluationError(
            "run() of the task", f"it returned {type(returned).__name__}, not Result"
        )
    metrics = {str(name): float(value) for name, value in result.metrics.items()}
    feedback = str(result.feedback)[:MAX_FEEDBACK]
    try:
        score = float(result.score)
    except (TypeError, ValueError):
        score = math.nan
    if not math.isfinite(score):
        return Outcome(
            "invalid",
            error=f"the score is {result.score!r}"[:200],
            feedback=feedback,
            metrics=metrics,
        )
    return Outcome("ok", score, feedback=feedback, metrics=metrics)


def apply_constraints(outcome: Outcome, constraints: Iterable[Constraint]) -> Outcome:
    """The outcome, `invalid` where its metrics break one of the task's constraints."""
    broken = (
        why for constraint in constraints if (why := constraint.explain_violation(outcome.metrics))
    )
    if outcome.status == "ok" and (why := next(broken, "")):
        return replace(outcome, status="invalid", score=None, error=why)
    return outcome
