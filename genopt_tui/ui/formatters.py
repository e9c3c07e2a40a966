"""Numbers and marks as they stand on the screen: ASCII minus, one form everywhere, ASCII marks
where symbols do not fit."""

import locale
import os
from collections.abc import Sequence
from dataclasses import dataclass

UP, DOWN, UNDECIDED = "up", "down", "?"


@dataclass(frozen=True, slots=True)
class Symbols:
    """Symbols of the screen; each is one cell wide, but for some of the ASCII ones."""

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
    scope: str = "┃"
    folded: str = "▸"
    open: str = "▾"
    more: str = "›"
    to: str = "→"
    up: str = "↑"
    down: str = "↓"
    delta: str = "Δ"
    range: str = "…"
    bullet: str = "•"


UNICODE = Symbols()
ASCII = Symbols(
    accepted="*",
    rejected="x",
    live="o",
    abandoned=".",
    pipe="|",
    fork="|",
    dash="-",
    end="'",
    bars="_.-=^",
    dots="~",
    scope="|",
    folded=">",
    open="v",
    more=">",
    to="->",
    up=" up",
    down=" down",
    delta="d",
    range=" to ",
    bullet="*",
)


def choose_symbols() -> Symbols:
    """Unicode marks, or ASCII ones where the locale is not UTF-8 or says that ambiguous characters
    are wide."""
    utf8 = "utf" in locale.getpreferredencoding(False).lower()
    language = (
        os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    ).lower()
    wide = language.startswith(("ja", "ko", "zh"))
    return UNICODE if utf8 and not wide else ASCII


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
    """The test split: `sealed`, or how often it was opened."""
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


def format_running_gate(done: int, size: int, mean: float | None) -> str:
    """A gate that is still running."""
    total = f"/{size}" if size else ""
    return f"gate running  {done}{total}" + (
        f"  mean so far {format_score(mean)}" if mean is not None else ""
    )
