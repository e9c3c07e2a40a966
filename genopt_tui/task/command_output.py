"""Reading a score out of what a command printed."""

import ast
import json
import math
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from genopt_tui.task.rollout import Json

MAX_FEEDBACK_CHARS, MAX_TRACE_CHARS = 600, 8_000  # of output, as feedback and as trace
MAX_TRACE_STEPS = 100_000  # of a trace that a command reports
MAX_DICT_CHARS = 100_000  # of a line that may be a Python dict
MAX_REGEX_SECONDS = 1.0  # for a regular expression to search the output
Source = Literal["any", "number", "exit code", "seconds"]
Fallback = Literal["exit code", "seconds", ""]
TIME_WORD = re.compile(
    r"(?<![a-z])(took|times?|timing|elapsed|duration|runtime|sec(ond)?s?|ms|[µu]s|ns|s)(?![a-z])",
    re.I,
)
NUMBER = re.compile(
    r"[-+]?([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(e[-+]?[0-9]{1,9})?|[-+]?(nan|inf|infinity)",
    re.I,
)
DECODER = json.JSONDecoder()
TRACEBACK = "Traceback (most recent call last):"
WORDED_NUMBER = re.compile(r"[A-Za-z][\w .%/()-]{0,40}[:=]\s*" + f"(?:{NUMBER.pattern})", re.I)
"""A line such as `Accuracy: 0.25`: a number after a word."""
LINE_END = re.compile(r"\r\n|[\r\n]")


class NoScore(Exception):
    """The output contains no score; the message says why."""


@dataclass(frozen=True)
class CommandOutput:
    """One run of a command. A negative exit code is the signal that ended it."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def text(self) -> str:
        """Standard output, then standard error."""
        return "\n".join(part for part in (self.stdout.rstrip(), self.stderr.rstrip()) if part)


@dataclass(frozen=True)
class CommandResult:
    """The score that a command reports, and the other fields of its JSON."""

    score: float
    feedback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    trace: list[Json] = field(default_factory=list)


def read_result(
    output: CommandOutput, source: Source, metric: str = "", *, fallback: Fallback = "exit code"
) -> CommandResult | None:
    """The score of a run, read from its `source`; None if the run failed.

    A number is the match of `metric`, or else the last one printed. With source `any`, `fallback`
    counts if no number is printed: the exit code (0 scores 1, 1 scores 0) or the run's seconds.
    Raises NoScore.
    """
    found = None
    if source == "any" or source == "number":
        found = (
            read_metric(output, metric)
            if metric and output.exit_code == 0
            else read_last_value(output.stdout)
        )
        fallback = fallback if source == "any" else ""
    else:
        fallback = source
    if found:
        return found if output.exit_code == 0 else None
    if output.exit_code == 0:
        if not fallback:
            raise NoScore("no number was printed")
        return CommandResult(output.seconds if fallback == "seconds" else 1.0)
    return (
        CommandResult(0.0)
        if output.exit_code == 1 and fallback == "exit code" and not metric
        else None
    )


def read_metric(output: CommandOutput, metric: str) -> CommandResult:
    """The last match of the regular expression in standard output, or else standard error."""
    for text in (output.stdout, output.stderr):
        with _limit_time(MAX_REGEX_SECONDS, metric):
            matches = list(re.finditer(metric, text, re.MULTILINE))
        if matches:
            try:
                return CommandResult(float(matches[-1][1]))
            except (TypeError, ValueError) as error:
                raise NoScore(
                    f"{metric} found {matches[-1][1]!r:.80}, which is not a number"
                ) from error
    raise NoScore(f"nothing in the output matches {metric}")


@contextmanager
def _limit_time(seconds: float, metric: str) -> Iterator[None]:
    """Stop a regular expression that backtracks for too long. Raises NoScore.

    It uses a signal, so it works in the main thread only.
    """

    def late(number: int, frame: object) -> None:
        raise NoScore(f"{metric} took more than {seconds:g} s to search the output")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_last_value(out: str) -> CommandResult | None:
    """The last JSON object, Python dict, or number alone on its line.

    A carriage return ends a line too, because of progress bars. Raises NoScore for an object
    without a score.
    """
    last: Any = None
    at = 0
    out = LINE_END.sub("\n", out)
    while at < len(out):
        value, end = parse_value_at(out, at)
        if isinstance(value, dict | int | float) and not isinstance(value, bool):
            last = value
        at = (out.find("\n", end) + 1) or len(out)
    if isinstance(last, dict):
        return parse_result(last)
    return None if last is None else CommandResult(to_float(last))


def parse_value_at(text: str, at: int) -> tuple[Any, int]:
    """The object that begins on the line at `at`, or the number on it, and where it ends.

    (None, at) if the line has neither.
    """
    line = text[at : (text.find("\n", at) + 1) or len(text)].strip()
    if line.startswith("{"):
        try:
            value, end = DECODER.raw_decode(text, text.index("{", at))
        except (ValueError, RecursionError):
            return parse_python_dict(line), at
        return (
            (None, at)
            if text[end : (text.find("\n", end) + 1) or len(text)].strip()
            else (value, end)
        )
    return (float(line), at) if NUMBER.fullmatch(line) else (None, at)


def parse_python_dict(line: str) -> dict[Any, Any] | None:
    """A Python dict literal on one line, such as `{'score': 0.25}`; None for anything else."""
    if len(line) > MAX_DICT_CHARS:
        return None
    try:
        value = ast.literal_eval(line)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, dict) else None


def find_worded_number(out: str) -> str:
    """The last line of `out` that holds a number after a word, such as `Accuracy: 0.25`."""
    lines = [line.strip() for line in LINE_END.split(out)]
    return next((line for line in reversed(lines) if WORDED_NUMBER.search(line)), "")


def is_crash(output: str) -> bool:
    """Whether a program ended with a Python traceback."""
    return TRACEBACK in output


def parse_result(value: dict[str, Any]) -> CommandResult:
    score = value.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        keys = ", ".join(map(str, value))[:200] or "nothing"
        raise NoScore(f'the JSON has no number under "score": it has {keys}')
    metrics, trace, feedback = value.get("metrics"), value.get("trace"), value.get("feedback")
    numbers = {
        str(name): float(number)
        for name, number in (metrics.items() if isinstance(metrics, dict) else ())
        if isinstance(number, int | float) and not abs(number) > 1e300
    }
    text = (
        feedback if isinstance(feedback, str) else "" if feedback is None else json.dumps(feedback)
    )
    return CommandResult(
        to_float(score), text, numbers, trace[:MAX_TRACE_STEPS] if isinstance(trace, list) else []
    )


def to_float(value: float) -> float:
    """`value` as a float; an integer that is too large is infinite, which is not a score."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def keep_tail(text: str, most: int) -> str:
    """The last `most` characters of `text`, after a note on what was cut."""
    text = text.rstrip()
    return (
        text
        if len(text) <= most
        else f"[... {len(text) - most} characters before this ...]\n{text[-most:]}"
    )


def detect_source(output: str, metric: str, score: float) -> Source:
    """Where the score of a run came from: a printed number or the exit code.

    `any` if the run may have failed.
    """
    try:
        return "number" if metric or read_last_value(output) else "exit code" if score else "any"
    except NoScore:
        return "any"


def is_time(output: str, metric: str) -> bool:
    """Whether `metric` or the words beside the number that it finds call the number a time."""
    if not metric:
        return False
    beside = [
        match[0] + output[match.end() : match.end() + 8]
        for match in re.finditer(metric, output, re.MULTILINE)
    ]
    return any(TIME_WORD.search(text) for text in [re.sub(r"\\.", " ", metric), *beside[-1:]])
