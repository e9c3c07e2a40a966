"""Short text for recorded values."""

from collections.abc import Mapping
from typing import Any

from genopt_tui.task.rollout import Call, TraceStep
from genopt_tui.ui.widgets.symbols import SYMBOLS

MAX_VALUE_LENGTH = 2000
"""Characters after which a value is cut in a view."""
MAX_ENTRIES = 200
"""Most entries of a value that get a line each."""


def format_number(value: float) -> str:
    """A number with six significant digits and no trailing zeros."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def abbreviate_value(value: Any, room: int = 60) -> str:
    """`value` in about `room` characters."""
    return shorten_text(_abbreviate(value, room, 0), room)


def shorten_text(text: str, room: int) -> str:
    """`text` in at most `room` characters, never cut within a number."""
    if len(text) <= room:
        return text
    end = max(0, room - 1)
    while end and _is_number_part(text[end - 1]) and _is_number_part(text[end]):
        end -= 1
    return text[:end].rstrip() + SYMBOLS.dots


def _is_number_part(character: str) -> bool:
    return character.isdigit() or character in ".-+"


def get_reward(step: TraceStep) -> float | None:
    """The reward of a step; None for no reward, 0 or NaN."""
    return step.reward if step.reward and step.reward == step.reward else None


def is_absent(value: Any) -> bool:
    """Whether an observed object is a placeholder: position and size are all 0."""
    return (
        isinstance(value, Mapping)
        and {*"xywh"} <= value.keys()
        and not any(value[key] for key in "xywh")
    )


def _abbreviate(value: Any, room: int, depth: int) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        text = format_number(value)
        return text if len(text) <= max(room, 8) else f"{value:.3g}"
    if isinstance(value, str):
        return repr(value[: room + 1])
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if depth > 4:
        return SYMBOLS.dots
    if isinstance(value, Mapping):
        if {"x", "y"} <= value.keys():
            return format_object(value)
        return (
            "{"
            + _join_parts(
                (f"{k}: {_abbreviate(v, room, depth + 1)}" for k, v in value.items()), room
            )
            + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + _join_parts((_abbreviate(v, room, depth + 1) for v in value), room) + "]"
    return f"<{type(value).__name__}>"


def _join_parts(parts: Any, room: int) -> str:
    kept_parts, length = [], 0
    for part in parts:
        kept_parts.append(part)
        length += len(part) + 2
        if length > room:
            break
    return ", ".join(kept_parts)


def format_object(value: Mapping[str, Any]) -> str:
    """An observed object: `77,112 8x4 dx 2 dy -3`."""
    parts = [f"{_abbreviate(value['x'], 8, 5)},{_abbreviate(value['y'], 8, 5)}"]
    if {"w", "h"} <= value.keys():
        parts.append(f"{_abbreviate(value['w'], 6, 5)}x{_abbreviate(value['h'], 6, 5)}")
    others = [key for key in value if key not in {"x", "y", "w", "h"}]
    parts += [f"{key} {_abbreviate(value[key], 12, 5)}" for key in others[:6]]
    return " ".join(parts)


def format_call(call: Call, room: int = MAX_VALUE_LENGTH) -> str:
    """`predict_ball(obs={...}) -> 112`."""
    arguments = ", ".join(
        f"{name}={abbreviate_value(value, room // 4)}" for name, value in call.arguments.items()
    )
    outcome = f"! {call.error}" if call.error else abbreviate_value(call.result, room // 2)
    return f"{call.function}({arguments}) {SYMBOLS.to} {outcome}"[:room]


def format_step_details(step: TraceStep) -> list[tuple[tuple[str, str], ...]]:
    """The details of a step: observation, calls, further facts."""
    lines: list[tuple[tuple[str, str], ...]] = []
    observed = step.observation
    if isinstance(observed, Mapping):
        for name, value in list(observed.items())[:MAX_ENTRIES]:
            if is_absent(value):
                continue
            lines.append(((f"{name}: ", "gutter"), (abbreviate_value(value, MAX_VALUE_LENGTH), "")))
    elif observed is not None:
        lines.append((("observed: ", "gutter"), (abbreviate_value(observed, MAX_VALUE_LENGTH), "")))
    for call in step.calls[:MAX_ENTRIES]:
        lines.append(
            (("  " * min(call.depth, 8), ""), (format_call(call), "bad" if call.error else ""))
        )
    for name, value in list(step.info.items())[:MAX_ENTRIES]:
        lines.append(((f"{name}: ", "gutter"), (abbreviate_value(value, MAX_VALUE_LENGTH), "")))
    if step.cut:
        lines.append(((f"{step.cut} values were cut while recording", "warn"),))
    return lines or [(("nothing was recorded at this step", "dim"),)]
