"""Numbers and marks as they stand on the screen: ASCII minus, one form everywhere, ASCII marks
where symbols do not fit."""

import locale
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UP, DOWN, UNDECIDED = "up", "down", "?"


@dataclass(frozen=True, slots=True)
class Symbols:
    """Symbols of the screen; each is one cell wide."""

    accepted: str = "●"
    rejected: str = "✗"
    live: str = "○"
    abandoned: str = "·"
    pipe: str = "│"
    fork: str = "├"
    dash: str = "─"
    end: str = "╯"
    bars: str = "▁▂▃▄▅▆▇█"
    dots: str = "…"


UNICODE = Symbols()
ASCII = Symbols("*", "x", "o", ".", "|", "|", "-", "'", "_.-=^", "...")


def choose_symbols() -> Symbols:
    """Unicode marks, or ASCII ones where the locale is not UTF-8 or says that ambiguous characters
    are wide."""
    utf8 = "utf" in locale.getpreferredencoding(False).lower()
    language = (
        os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    ).lower()
    wide = language.startswith(("ja", "ko", "zh"))
    return UNICODE if utf8 and not wide else ASCII


def format_version_label(step: int | None, decision: str, commit: str) -> str:
    """What a person calls an accepted version."""
    return "start" if decision == "start" else commit[:7] if step is None else str(step)


def format_score(value: float | None) -> str:
    """A score with at most 3 decimals: 14.2, -20, 0.743."""
    if value is None:
        return ""
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return f"{text.rstrip('0').rstrip('.')}" if "." in text and "e" not in text else text


def format_difference(value: float | None) -> str:
    """A difference, always with its sign."""
    if value is None:
        return ""
    text = format_score(value)
    return text if text.startswith("-") else f"+{text}"


def format_test_openings(times: int) -> str:
    """The test split: `sealed`, or how often it was looked at."""
    return f"opened {times} time{'' if times == 1 else 's'}" if times else "sealed"


def format_tokens(count: float) -> str:
    """31k, 1.2M."""
    if count < 1000:
        return f"{count:.0f}"
    return f"{count / 1000:.1f}k".replace(".0k", "k") if count < 1e6 else f"{count / 1e6:.1f}M"


def format_change(verdict: str, difference: float | None) -> str:
    """ "up" or "down" where the verdict is not undecided, else "?"; empty without a difference."""
    if difference is None:
        return ""
    if verdict not in {"better", "worse"}:
        return UNDECIDED
    return UP if difference > 0 else DOWN


def draw_sparkline(values: Sequence[float], width: int, bars: str) -> str:
    """The last values as bars; at most `width` cells, each the last value of its share."""
    if not values or width <= 0:
        return ""
    if len(values) > width:
        values = [values[(i + 1) * len(values) // width - 1] for i in range(width)]
    low, high = min(values), max(values)
    top = len(bars) - 1
    return "".join(bars[round((v - low) / (high - low) * top) if high > low else 0] for v in values)


def format_gate(gate: Mapping[str, Any], *, narrow: bool = False) -> str:
    """A finished gate in one line; an incomplete one says that it decides nothing."""
    verdict = str(gate.get("verdict") or "")
    base, mean = format_score(gate.get("base_mean")), format_score(gate.get("mean"))
    parts = (
        [f"{base}->{mean}" if narrow else f"gate {base} -> {mean}"] if base else [f"gate {mean}"]
    )
    if (difference := gate.get("difference")) is not None:
        interval = gate.get("interval")
        low_high = (
            f"[{format_difference(interval[0])}, {format_difference(interval[1])}]"
            if interval
            else ""
        )
        if narrow:
            parts = [
                f"gate {parts[0]}",
                f"d{format_difference(difference)}",
                low_high.replace(" ", ""),
                verdict.upper(),
            ]
        else:
            parts += [f"d {format_difference(difference)}", low_high, verdict.upper()]
    counts = " ".join(
        f"{gate[key]} {word}"
        for key, word in (("better", "up"), ("worse", "down"), ("same", "same"))
        if gate.get(key) is not None
    )
    tail = [counts, f"n={gate.get('n', 0)}"]
    if gate.get("failed"):
        tail.append(f"{gate['failed']} failed")
    if gate.get("complete") is False:
        tail.append("incomplete: decides nothing")
    return "  ".join(part for part in [" ".join(filter(None, parts)), *tail] if part)


def format_running_gate(done: int, size: int, mean: float | None) -> str:
    """A gate that is still running."""
    of = f"/{size}" if size else ""
    return f"gate running  {done}{of}" + (
        f"  mean so far {format_score(mean)}" if mean is not None else ""
    )
