"""Rollouts and their results as plain data, between runner and judge."""

from dataclasses import dataclass, field, fields
from typing import Any

from genopt_tui.task.rollout import Example, Picture, Rollout, RolloutResult, TraceChunk


@dataclass(frozen=True, slots=True)
class LlmQuestion:
    """What an artifact or task asks the agent model. `n` counts equal questions within the rollout,
    from 0."""

    example: str
    repeat: int
    n: int
    messages: list[dict[str, str]]
    params: dict[str, Any] = field(default_factory=dict)


def encode_rollout(rollout: Rollout) -> dict[str, Any]:
    data = to_shallow_dict(rollout)
    return (
        data
        | {"artifact": dict(rollout.artifact), "settings": dict(rollout.settings)}
        | {"example": to_shallow_dict(rollout.example)}
    )


def decode_rollout(data: dict[str, Any]) -> Rollout:
    return Rollout(**(data | {"example": Example(**data["example"])}))


def encode_result(result: RolloutResult) -> dict[str, Any]:
    """What crosses to the runner. Half characters (surrogates), which a task may have read
    somewhere, become `?`."""
    data = {
        k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v
        for k, v in to_shallow_dict(result).items()
    }
    data["trace"] = [to_shallow_dict(chunk) for chunk in result.trace]
    data["pictures"] = [to_shallow_dict(picture) for picture in result.pictures]
    return data


def decode_result(data: dict[str, Any]) -> RolloutResult:
    trace = tuple(TraceChunk(**chunk) for chunk in data["trace"])
    pictures = tuple(Picture(**picture) for picture in data["pictures"])
    return RolloutResult(**(data | {"trace": trace, "pictures": pictures}))


def to_shallow_dict(value: Any) -> dict[str, Any]:
    """The fields of a data class, not copied deeply."""
    return {f.name: getattr(value, f.name) for f in fields(value)}
