"""Why a reply holds no usable edit, in words that a model can act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genopt_tui.learn.text import normalize_newlines

RefusalKind = Literal["none", "scope", "no-match", "ambiguous", "compile", "unchanged", "cut-off"]


@dataclass(frozen=True)
class Refusal:
    """Why a reply was refused.

    `place` is FILE or FILE:LINE, `nearest` quotes the artifact's lines there, `advice` says what
    to do instead.
    """

    why: str
    place: str = ""
    nearest: str = ""
    advice: str = ""
    kind: RefusalKind = "none"

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.why}. {self.advice}".strip()


class RefusalError(Exception):
    """Carries a refusal out of the code that applies an edit."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def refusal_error(
    kind: RefusalKind, why: str, place: str = "", near: str = "", advice: str = ""
) -> RefusalError:
    return RefusalError(Refusal(why, place, near, advice, kind))


def combine_refusals(refusals: Sequence[Refusal], blocks: int) -> Refusal:
    """One refusal that names everything that is wrong in a reply of `blocks` edits."""
    distinct = list(dict.fromkeys(refusals))
    if len(distinct) == 1:
        return distinct[0]
    reasons = [
        f"({number}) {refusal.why}" + (f" (at {refusal.place})" if refusal.place else "")
        for number, refusal in enumerate(distinct, 1)
    ]
    quotes = [
        f"({number}) {refusal.place}:\n{refusal.nearest}"
        for number, refusal in enumerate(distinct, 1)
        if refusal.nearest
    ]
    return Refusal(
        f"{len(distinct)} of {blocks} edits cannot be applied: {'; '.join(reasons)}",
        distinct[0].place,
        "\n\n".join(quotes),
        ". ".join(dict.fromkeys(r.advice for r in distinct if r.advice)),
        distinct[0].kind,
    )


def quote_around(text: str, line: int, reach: int = 2) -> str:
    """The lines around `line` (from 1), numbered."""
    lines = normalize_newlines(text).split("\n")
    first = max(0, line - 1 - reach)
    return "\n".join(
        f"{n + 1}: {lines[n][:200]}" for n in range(first, min(len(lines), line + reach))
    )
