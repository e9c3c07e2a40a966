"""Recorded values in few words."""

from collections.abc import Mapping
from typing import Any

from genopt_tui.task.rollout import Call, TraceStep
from genopt_tui.ui.widgets.symbols import SYMBOLS

MAX_VALUE_LENGTH = 2000
"""Characters of one value in a view; beyond, it is cut."""
MAX_ENTRIES = 200
"""Entries of one value that become lines of their own."""


def format_number(value: float) -> str:
    """A number as people write it: no trailing zeros, six digits."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def abbreviate_value(value: Any, room: int = 60) -> str:
    """`value` in about `room` characters."""
    text = _abbreviate(value, room, 0)
    return text if len(text) <= room else text[: max(1, room - 1)] + SYMBOLS.dots


def _abbreviate(value: Any, room: int, depth: int) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return (
            format_number(value)
            if not isinstance(value, int) or abs(value) < 10**18
            else hex(value)[:40]
        )
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
    out, length = [], 0
    for part in parts:
        out.append(part)
        length += len(part) + 2
        if length > room:
            break
    return ", ".join(out)


def format_object(value: Mapping[str, Any]) -> str:
    """An observed object: `77,112 8x4 dx 2 dy -3`."""
    parts = [f"{_abbreviate(value['x'], 8, 5)},{_abbreviate(value['y'], 8, 5)}"]
    if {"w", "h"} <= value.keys():
        parts.append(f"{_abbreviate(value['w'], 6, 5)}x{_abbreviate(value['h'], 6, 5)}")
    rest = [key for key in value if key not in {"x", "y", "w", "h"}]
    parts += [f"{key} {_abbreviate(value[key], 12, 5)}" for key in rest[:6]]
    return " ".join(parts)


def format_call(call: Call, room: int = MAX_VALUE_LENGTH) -> str:
    """`predict_ball(obs={...}) -> 112`."""
    arguments = ", ".join(
        f"{name}={abbreviate_value(value, room // 4)}" for name, value in call.arguments.items()
    )
    outcome = f"! {call.error}" if call.error else abbreviate_value(call.result, room // 2)
    return f"{call.function}({arguments}) {SYMBOLS.to} {outcome}"[:room]


def format_step(step: TraceStep) -> list[tuple[str, str]]:
    """A step on one line: action, reward, what the artifact's functions gave (a `__call__` gives
    the action)."""
    pieces: list[tuple[str, str]] = []
    if step.action is not None:
        pieces += [("act ", "gutter"), (f"{abbreviate_value(step.action, 40)}  ", "strong")]
    if step.reward:
        pieces.append(
            (f"reward {format_number(step.reward)}  ", "good" if step.reward > 0 else "bad")
        )
    calls = [c for c in step.calls if c.error or not c.function.endswith("__call__")]
    for call in calls[:8]:
        outcome, look = (
            (f"! {call.error}", "bad")
            if call.error
            else (abbreviate_value(call.result, 24), "number")
        )
        pieces += [
            (f"{call.function.rpartition('.')[2]}{SYMBOLS.to}", "name"),
            (f"{outcome}  ", look),
        ]
    if not pieces or not step.calls:
        pieces.append(
            (abbreviate_value(step.observation, 80) if step.observation is not None else "", "")
        )
    if step.cut:
        pieces.append((f" {step.cut} cut", "warn"))
    return pieces


def format_step_details(step: TraceStep) -> list[tuple[tuple[str, str], ...]]:
    """The lines below an opened step: what was observed, every call, further facts."""
    lines: list[tuple[tuple[str, str], ...]] = []
    observed = step.observation
    if isinstance(observed, Mapping):
        for name, value in list(observed.items())[:MAX_ENTRIES]:
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
