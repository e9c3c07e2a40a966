"""Traces in few tokens and without loss: a full observation every so often, in between only what changed.

A line is `STEP aACTION what changed`, values right behind their names: `118 a3 Ball x79 y114; Player y-2` says that at
step 118 the action was 3 and that Ball.x, Ball.y and Player.y had become 79, 114 and -2. `LEGEND` says so to the model.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genopt_tui.learn.text import cut_middle
from genopt_tui.task.rollout import Call, TraceStep

FULL_EVERY = 50
CALL = 400  # characters of one argument or result of a call
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
_HOLDERS = (dict, list)


Flat = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class Known:
    """What writers of one trace have worked out of its steps, by their index: a trace is written again until it fits its room.

    `calls` are a step's lines of calls and the characters cut in them. `lines` are all lines of a step that begins a run of
    steps or follows the step before, by (index, in full, with its reward).
    """

    flat: dict[int, Flat] = field(default_factory=dict)
    calls: dict[int, tuple[list[str], int]] = field(default_factory=dict)
    lines: dict[tuple[int, bool, bool], list[str]] = field(default_factory=dict)


class Writer:
    """Writes the shown steps of one trace. `cuts` counts the characters that were left out, each cut marked in the text.

    `known` is shared by the writers of one trace that all write calls, or all do not.
    """

    def __init__(self, *, calls: bool, known: Known | None = None) -> None:
        self.calls, self.cuts, self.known = calls, 0, known or Known()
        self._before: TraceStep | None = None
        self._reward: float | None = 0.0
        self._since = 0

    def interrupt(self) -> None:
        """The next step does not follow the last one: it is written in full."""
        self._before = None

    def lines(self, step: TraceStep) -> list[str]:
        """The lines of one step."""
        before, self._before = self._before, step
        full = before is None or self._since >= FULL_EVERY - 1
        rewarded = step.reward is not None and not same(step.reward, self._reward)
        if rewarded:
            self._reward = step.reward
        self._since = 0 if full else self._since + 1
        key = (step.index, full, rewarded)
        written = self.known.lines.get(key)
        if written is None or not (full or (before is not None and before.index == step.index - 1)):
            written = self.known.lines[key] = self._written(step, None if full else before, rewarded)
        self.cuts += step.cut + (self.known.calls[step.index][1] if self.calls else 0)
        return written

    def _written(self, step: TraceStep, before: TraceStep | None, rewarded: bool) -> list[str]:
        """The lines of a step: what changed since `before`, or all of it."""
        words = [str(step.index)]
        if step.action is not None:
            words.append(_pair("a", step.action))
        if rewarded:
            words.append(_pair("r", step.reward))
        flat = self._flattened(step)
        if before is None:
            words += ["full:", grouped(flat.items())] if flat else []
        elif change := changes(self._flattened(before), flat):
            words.append(change)
        if step.cut:
            words.append(f"[{step.cut} values were cut while recording]")
        return [" ".join(words), *(self._called(step) if self.calls else ())]

    def _flattened(self, step: TraceStep) -> Flat:
        flat = self.known.flat.get(step.index)
        if flat is None:
            flat = self.known.flat[step.index] = flatten(step.observation)
            flat.update({("info", key): value for key, value in step.info.items()} if step.info else {})
        return flat

    def _called(self, step: TraceStep) -> list[str]:
        if step.index not in self.known.calls:
            self.known.calls[step.index] = self._calls(step)
        return self.known.calls[step.index][0]

    def _calls(self, step: TraceStep) -> tuple[list[str], int]:
        """Lines of the step's calls, and the characters that were cut in them."""
        before: Mapping[str, Any] = {}
        lines, cuts = [], 0
        for call in step.calls:
            if _implied(call, step):
                continue
            same_again = before and _equal(before, call.arguments)
            said, lost = ("^", 0) if same_again else _arguments(call, step.observation)
            before = call.arguments
            outcome, cut = _short(call.error) if call.error else _short(_text(call.result))
            raised = "raised " if call.error else ""
            lines.append(f"{' ' * (call.depth + 1)}{call.function}({said}) -> {raised}{outcome}")
            cuts += lost + cut
        return lines, cuts


def _arguments(call: Call, observation: Any) -> tuple[str, int]:
    words, cuts = [], 0
    for name, value in call.arguments.items():
        if observation is not None and _equal(value, observation):
            words.append("obs")
        else:
            text, cut = _short(_text(value))
            words.append(f"{name}={text}")
            cuts += cut
    return ", ".join(words), cuts


def _short(text: str) -> tuple[str, int]:
    """One line of at most about CALL characters, and how many were cut."""
    text, cut = cut_middle(text, CALL)
    return text.replace("\n", "\\n"), cut


def _implied(call: Call, step: TraceStep) -> bool:
    """Whether a call says no more than its step: the task gave the observation and took the result as the action."""
    given = list(call.arguments.values())
    only_observation = len(given) == 1 and step.observation is not None and _equal(given[0], step.observation)
    return call.depth == 0 and not call.error and only_observation and _equal(call.result, step.action)


def flatten(observation: Any) -> Flat:
    """Leaves of an observation by (group, name); the group is the dotted path of what holds the leaf."""
    flat: Flat = {}
    if observation is None:
        return flat
    if not isinstance(observation, _HOLDERS):
        return {("", ""): observation}
    for key, value in observation.items() if isinstance(observation, dict) else enumerate(observation):
        if isinstance(value, _HOLDERS) and value:
            _flatten(flat, str(key), value)
        else:
            flat["", str(key)] = value
    return flat


def _flatten(flat: Flat, path: str, holder: Any) -> None:
    if isinstance(holder, list) and not any(isinstance(v, _HOLDERS) for v in holder):
        flat[path, ""] = holder
        return
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        if isinstance(value, _HOLDERS) and value:
            _flatten(flat, f"{path}.{key}", value)
        else:
            flat[path, str(key)] = value


def changes(old: Mapping[tuple[str, str], Any], new: Mapping[tuple[str, str], Any]) -> str:
    """What differs between two flattened observations; '' where nothing does.

    A number dK beside a number K is written when it is not just K minus the K before, and only then.
    """
    changed = []
    for key, value in new.items():
        was = old.get(key, _NOTHING)
        if key[1][:1] == "d" and was is not _NOTHING and (base := (key[0], key[1][1:])) in new and base in old:
            moved = _moved(old[base], new[base])
            if moved is not None and type(value) in _NUMBERS and value == moved:
                continue
            if moved is not None:
                changed.append((key, value))
                continue
        if was is not value and not same(was, value):
            changed.append((key, value))
    gone = old.keys() - new.keys()
    text = grouped(changed)
    if gone:
        text += ("; " if text else "") + _gone(gone, new)
    return text


def _moved(old: Any, new: Any) -> Any:
    return new - old if type(old) in _NUMBERS and type(new) in _NUMBERS else None


def _gone(gone: Iterable[tuple[str, str]], new: Mapping[tuple[str, str], Any]) -> str:
    groups = {group for group, _ in new}
    whole = {group for group, _ in gone if group and group not in groups}
    names = [".".join(filter(None, key)) for key in gone if key[0] not in whole]
    return "gone: " + " ".join(sorted([*whole, *names]))


def grouped(items: Iterable[tuple[tuple[str, str], Any]]) -> str:
    """`Ball x79 y114; Player y108`: values behind their names, names behind their group."""
    groups: dict[str, list[str]] = {}
    for (group, name), value in items:
        groups.setdefault(group, []).append(_pair(name, value))
    return "; ".join(f"{group} {' '.join(words)}" if group else " ".join(words) for group, words in groups.items())


def same(a: Any, b: Any) -> bool:
    """Equality by value and type, with NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    return (
        bool(a == b)
        or (isinstance(a, float) and math.isnan(a) and math.isnan(b))
        or (isinstance(a, list) and repr(a) == repr(b))
    )


def _equal(a: Any, b: Any) -> bool:
    """Equality by value and type, also of what holds a NaN somewhere."""
    if a is b or type(a) is not type(b):
        return a is b
    if a == b:
        return True
    if isinstance(a, (int, str, bytes)) or (isinstance(a, _HOLDERS) and len(a) != len(b)):
        return False
    return (not isinstance(a, dict) or a.keys() == b.keys()) and repr(a) == repr(b)


def _pair(name: str, value: Any) -> str:
    if type(value) is int and name.isalpha():
        return f"{name}{value}"
    if type(value) is float and name.isalpha() and math.isfinite(value):
        return f"{name}{value!r}".removesuffix(".0") if abs(value) < 1e15 else f"{name}={value!r}"
    return f"{name}={_text(value)}" if name else _text(value)


def _text(value: Any) -> str:
    """A value as JSON without blanks; what JSON lacks as Python writes it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, int | float | bool | None):
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        return repr(value)


def total_steps(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in ranges)
