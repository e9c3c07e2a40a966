"""Why a reply gave no edit, in words that a model can act on."""

from dataclasses import dataclass
from typing import Literal

from genopt_tui.learn.text import normalize_newlines

RefusalKind = Literal["none", "scope", "no-match", "ambiguous", "compile", "unchanged", "cut-off"]


@dataclass(frozen=True)
class Refusal:
    """Why a reply gave no edit: `place` is FILE or FILE:LINE, `nearest` quotes what the artifact
    has instead."""

    why: str
    place: str = ""
    nearest: str = ""
    advice: str = ""
    kind: RefusalKind = "none"

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.why}. {self.advice}".strip()


class RefusalError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def refusal_error(
    kind: RefusalKind, why: str, place: str = "", near: str = "", advice: str = ""
) -> RefusalError:
    return RefusalError(Refusal(why, place, near, advice, kind))


def quote_around(text: str, line: int, reach: int = 2) -> str:
    lines = normalize_newlines(text).split("\n")
    first = max(0, line - 1 - reach)
    return "\n".join(
        f"{n + 1}: {lines[n][:200]}" for n in range(first, min(len(lines), line + reach))
    )
