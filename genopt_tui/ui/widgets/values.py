"""Recorded values in few words."""

from collections.abc import Mapping
from typing import Any

from genopt_tui.task.rollout import Call, TraceStep
from genopt_tui.ui.widgets.marks import MARKS

LONGEST = 2000
"""Characters of one value in a view; beyond, it is cut."""
ENTRIES = 200
"""Entries of one value that become lines of their own."""


def number(value: float) -> str:
    """A number as people write it: no trailing zeros, six digits."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def brief(value: Any, room: int = 60) -> str:
    """`value` in about `room` characters."""
    text = _brief(value, room, 0)
    return text if len(text) <= room else text[: max(1, room - 1)] + MARKS.dots


def _brief(value: Any, room: int, depth: int) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return number(value) if not isinstance(value, int) or abs(value) < 10**18 else hex(value)[:40]
    if isinstance(value, str):
        return repr(value[: room + 1])
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if depth > 4:
        return MARKS.dots
    if isinstance(value, Mapping):
        if {"x", "y"} <= value.keys():
            return thing(value)
        return "{" + _joined((f"{k}: {_brief(v, room, depth + 1)}" for k, v in value.items()), room) + "}"
    if isinstance(value, list | tuple):
        return "[" + _joined((_brief(v, room, depth + 1) for v in value), room) + "]"
    return f"<{type(value).__name__}>"


def _joined(parts: Any, room: int) -> str:
    out, length = [], 0
    for part in parts:
        out.append(part)
        length += len(part) + 2
        if length > room:
            break
    return ", ".join(out)


def thing(value: Mapping[str, Any]) -> str:
    """An observed object: `77,112 8x4 dx 2 dy -3`."""
    parts = [f"{_brief(value['x'], 8, 5)},{_brief(value['y'], 8, 5)}"]
    if {"w", "h"} <= value.keys():
        parts.append(f"{_brief(value['w'], 6, 5)}x{_brief(value['h'], 6, 5)}")
    rest = [key for key in value if key not in {"x", "y", "w", "h"}]
    parts += [f"{key} {_brief(value[key], 12, 5)}" for key in rest[:6]]
    return " ".join(parts)


def call_line(call: Call, room: int = LONGEST) -> str:
    """`predict_ball(obs={...}) -> 112`."""
    arguments = ", ".join(f"{name}={brief(value, room // 4)}" for name, value in call.arguments.items())
    outcome = f"! {call.error}" if call.error else brief(call.result, room // 2)
    return f"{call.function}({arguments}) {MARKS.to} {outcome}"[:room]


def step_line(step: TraceStep) -> list[tuple[str, str]]:
    """A step on one line: action, reward, what the artifact's functions gave (a `__call__` gives the action)."""
    pieces: list[tuple[str, str]] = []
    if step.action is not None:
        pieces += [("act ", "gutter"), (f"{brief(step.action, 40)}  ", "strong")]
    if step.reward:
        pieces.append((f"reward {number(step.reward)}  ", "good" if step.reward > 0 else "bad"))
    calls = [c for c in step.calls if c.error or not c.function.endswith("__call__")]
    for call in calls[:8]:
        outcome, look = (f"! {call.error}", "bad") if call.error else (brief(call.result, 24), "number")
        pieces += [(f"{call.function.rpartition('.')[2]}{MARKS.to}", "name"), (f"{outcome}  ", look)]
    if not pieces or not step.calls:
        pieces.append((brief(step.observation, 80) if step.observation is not None else "", ""))
    if step.cut:
        pieces.append((f" {step.cut} cut", "warn"))
    return pieces


def step_details(step: TraceStep) -> list[tuple[tuple[str, str], ...]]:
    """The lines below an opened step: what was observed, every call, further facts."""
    lines: list[tuple[tuple[str, str], ...]] = []
    observed = step.observation
    if isinstance(observed, Mapping):
        for name, value in list(observed.items())[:ENTRIES]:
            lines.append(((f"{name}: ", "gutter"), (brief(value, LONGEST), "")))
    elif observed is not None:
        lines.append((("observed: ", "gutter"), (brief(observed, LONGEST), "")))
    for call in step.calls[:ENTRIES]:
        lines.append((("  " * min(call.depth, 8), ""), (call_line(call), "bad" if call.error else "")))
    for name, value in list(step.info.items())[:ENTRIES]:
        lines.append(((f"{name}: ", "gutter"), (brief(value, LONGEST), "")))
    if step.cut:
        lines.append(((f"{step.cut} values were cut while recording", "warn"),))
    return lines or [(("nothing was recorded at this step", "dim"),)]
