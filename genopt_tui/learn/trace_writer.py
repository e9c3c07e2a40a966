"""Writing traces in few tokens and without loss: full observations now and then, changes in between.

A line is `STEP aACTION changes`, each value right behind its name: `118 a3 Ball x79 y114; Player
y-2` means that at step 118 the action was 3 and that Ball.x, Ball.y and Player.y had become 79, 114
and -2. `LEGEND` explains this to the model.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from genopt_tui.learn.text import cut_middle
from genopt_tui.task.rollout import Call, TraceStep

FULL_EVERY = 50
MAX_CALL_TEXT = 400  # characters of one argument or result of a call
LEGEND = (
    "Each line is one step: its number, `a` and the action taken at it, `r` and its reward where that changed, then the observation "
    "that the action answered. "
    f"A line with `full:` gives the whole observation (every {FULL_EVERY} steps); the lines after it give only the values that "
    "changed since the step before, each right behind its name (`Ball x79 dy-2` means Ball.x = 79, Ball.dy = -2); what is not "
    "written is unchanged, except that a dx beside an x (a dy beside a y, and so on) is written only where it is not just x minus "
    "the x of the step before. `gone` means that an entry is no longer there."
)
CALLS_LEGEND = (
    "Indented lines are calls of the artifact's functions during that step, with arguments and result; `obs` stands for the "
    "observation of the step, `^` for the same arguments as in the call before it. The task's own call with `obs` that returned the "
    "action is not written."
)
_NOTHING: Any = object()
_NUMBERS = (int, float)
_CONTAINERS = (dict, list)


FlatObservation = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class TraceCache:
    """Formatted parts of a trace by step index: a trace is written repeatedly until it fits.

    `calls` holds a step's lines of calls and the characters cut from them. `lines` holds all lines
    of a step that begins a run or follows the step before, by (index, in full, with reward).
    """

    flat: dict[int, FlatObservation] = field(default_factory=dict)
    calls: dict[int, tuple[list[str], int]] = field(default_factory=dict)
    lines: dict[tuple[int, bool, bool], list[str]] = field(default_factory=dict)


class TraceWriter:
    """Writes the shown steps of one trace; `cuts` counts the characters cut, each cut marked.

    Writers of one trace may share the cache `known` if all of them write calls or none does.
    """

    def __init__(self, *, calls: bool, known: TraceCache | None = None) -> None:
        self.calls, self.cuts, self.cache = calls, 0, known or TraceCache()
        self._before: TraceStep | None = None
        self._reward: float | None = 0.0
        self._steps_since_full = 0

    def interrupt(self) -> None:
        """The next step does not follow the last one: it is written in full."""
        self._before = None

    def format_step(self, step: TraceStep) -> list[str]:
        """The lines of one step."""
        before, self._before = self._before, step
        full = before is None or self._steps_since_full >= FULL_EVERY - 1
        rewarded = step.reward is not None and not is_same(step.reward, self._reward)
        if rewarded:
            self._reward = step.reward
        self._steps_since_full = 0 if full else self._steps_since_full + 1
        key = (step.index, full, rewarded)
        written = self.cache.lines.get(key)
        if written is None or not (full or (before is not None and before.index == step.index - 1)):
            written = self.cache.lines[key] = self._format_new_step(
                step, None if full else before, rewarded
            )
        self.cuts += step.cut + (self.cache.calls[step.index][1] if self.calls else 0)
        return written

    def _format_new_step(
        self, step: TraceStep, before: TraceStep | None, rewarded: bool
    ) -> list[str]:
        """The lines of a step: what changed since `before`, or all of it."""
        words = [str(step.index)]
        if step.action is not None:
            words.append(_format_pair("a", step.action))
        if rewarded:
            words.append(_format_pair("r", step.reward))
        flat = self._flatten_step(step)
        if before is None:
            words += ["full:", format_groups(flat.items())] if flat else []
        elif change := format_changes(self._flatten_step(before), flat):
            words.append(change)
        if step.cut:
            words.append(f"[{step.cut} values were cut while recording]")
        return [" ".join(words), *(self._get_call_lines(step) if self.calls else ())]

    def _flatten_step(self, step: TraceStep) -> FlatObservation:
        flat = self.cache.flat.get(step.index)
        if flat is None:
            flat = self.cache.flat[step.index] = flatten(step.observation)
            flat.update(
                {("info", key): value for key, value in step.info.items()} if step.info else {}
            )
        return flat

    def _get_call_lines(self, step: TraceStep) -> list[str]:
        if step.index not in self.cache.calls:
            self.cache.calls[step.index] = self._format_calls(step)
        return self.cache.calls[step.index][0]

    def _format_calls(self, step: TraceStep) -> tuple[list[str], int]:
        """Lines of the step's calls, and the characters that were cut in them."""
        before: Mapping[str, Any] = {}
        lines, cuts = [], 0
        for call in step.calls:
            if _is_implied(call, step):
                continue
            same_again = before and _is_equal(before, call.arguments)
            arguments, lost = ("^", 0) if same_again else _format_arguments(call, step.observation)
            before = call.arguments
            outcome, cut = (
                _shorten(call.error) if call.error else _shorten(_format_value(call.result))
            )
            raised = "raised " if call.error else ""
            single_line = " ".join(call.function.split())  # the artifact may set the name
            lines.append(f"{' ' * (call.depth + 1)}{single_line}({arguments}) -> {raised}{outcome}")
            cuts += lost + cut
        return lines, cuts


def _format_arguments(call: Call, observation: Any) -> tuple[str, int]:
    words, cuts = [], 0
    for name, value in call.arguments.items():
        if observation is not None and _is_equal(value, observation):
            words.append("obs")
        else:
            text, cut = _shorten(_format_value(value))
            words.append(f"{name}={text}")
            cuts += cut
    return ", ".join(words), cuts


def _shorten(text: str) -> tuple[str, int]:
    """One line of at most about CALL characters, and how many were cut."""
    text, cut = cut_middle(text, MAX_CALL_TEXT)
    return text.replace("\n", "\\n"), cut


def _is_implied(call: Call, step: TraceStep) -> bool:
    """Whether a call adds nothing to its step: observation in, action out."""
    given = list(call.arguments.values())
    only_observation = (
        len(given) == 1 and step.observation is not None and _is_equal(given[0], step.observation)
    )
    return (
        call.depth == 0
        and not call.error
        and only_observation
        and _is_equal(call.result, step.action)
    )


def flatten(observation: Any) -> FlatObservation:
    """Leaves of an observation by (group, name); the group is the dotted path of what holds the
    leaf."""
    flat: FlatObservation = {}
    if observation is None:
        return flat
    if not isinstance(observation, _CONTAINERS):
        return {("", ""): observation}
    for key, value in (
        observation.items() if isinstance(observation, dict) else enumerate(observation)
    ):
        if isinstance(value, _CONTAINERS) and value:
            _flatten_into(flat, str(key), value)
        else:
            flat["", str(key)] = value
    return flat


def _flatten_into(flat: FlatObservation, path: str, holder: Any) -> None:
    if isinstance(holder, list) and not any(isinstance(v, _CONTAINERS) for v in holder):
        flat[path, ""] = holder
        return
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        if isinstance(value, _CONTAINERS) and value:
            _flatten_into(flat, f"{path}.{key}", value)
        else:
            flat[path, str(key)] = value


def format_changes(old: Mapping[tuple[str, str], Any], new: Mapping[tuple[str, str], Any]) -> str:
    """What differs between two flattened observations; '' where nothing does.

    A number dK beside a number K is written when it is not just K minus the K before, and only
    then.
    """
    changed = []
    for key, value in new.items():
        was = old.get(key, _NOTHING)
        if (
            key[1][:1] == "d"
            and was is not _NOTHING
            and (base := (key[0], key[1][1:])) in new
            and base in old
        ):
            moved = _subtract(old[base], new[base])
            if moved is not None and type(value) in _NUMBERS and value == moved:
                continue
            if moved is not None:
                changed.append((key, value))
                continue
        if was is not value and not is_same(was, value):
            changed.append((key, value))
    gone = old.keys() - new.keys()
    text = format_groups(changed)
    if gone:
        text += ("; " if text else "") + _format_gone(gone, new)
    return text


def _subtract(old: Any, new: Any) -> Any:
    return new - old if type(old) in _NUMBERS and type(new) in _NUMBERS else None


def _format_gone(gone: Iterable[tuple[str, str]], new: Mapping[tuple[str, str], Any]) -> str:
    groups = {group for group, _ in new}
    whole = {group for group, _ in gone if group and group not in groups}
    names = [".".join(filter(None, key)) for key in gone if key[0] not in whole]
    return "gone: " + " ".join(sorted([*whole, *names]))


def format_groups(items: Iterable[tuple[tuple[str, str], Any]]) -> str:
    """`Ball x79 y114; Player y108`: values behind their names, names behind their group."""
    groups: dict[str, list[str]] = {}
    for (group, name), value in items:
        groups.setdefault(group, []).append(_format_pair(name, value))
    return "; ".join(
        f"{group} {' '.join(words)}" if group else " ".join(words)
        for group, words in groups.items()
    )


def is_same(a: Any, b: Any) -> bool:
    """Equality by value and type, with NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    return (
        bool(a == b)
        or (isinstance(a, float) and math.isnan(a) and math.isnan(b))
        or (isinstance(a, list) and repr(a) == repr(b))
    )


def _is_equal(a: Any, b: Any) -> bool:
    """Equality by value and type, also of what holds a NaN somewhere."""
    if a is b or type(a) is not type(b):
        return a is b
    if a == b:
        return True
    if isinstance(a, (int, str, bytes)) or (isinstance(a, _CONTAINERS) and len(a) != len(b)):
        return False
    return (not isinstance(a, dict) or a.keys() == b.keys()) and repr(a) == repr(b)


def _format_pair(name: str, value: Any) -> str:
    if type(value) is int and name.isalpha():
        return f"{name}{value}"
    if type(value) is float and name.isalpha() and math.isfinite(value):
        return f"{name}{value!r}".removesuffix(".0") if abs(value) < 1e15 else f"{name}={value!r}"
    return f"{name}={_format_value(value)}" if name else _format_value(value)


def _format_value(value: Any) -> str:
    """A value as JSON without blanks; what JSON lacks as Python writes it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, int | float | bool | None):
        return (
            "null"
            if value is None
            else str(value).lower()
            if isinstance(value, bool)
            else repr(value)
        )
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        return repr(value)
