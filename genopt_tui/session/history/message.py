"""Commit messages: a subject of one line, indented reasoning, and trailers that only we write.

Only the standard library: the interface reads head's message before anything else is loaded.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from genopt_tui.errors import single_line
from genopt_tui.learn.failures import Rank
from genopt_tui.session.git.cli import clean_identity_text

MAX_SUBJECT_LENGTH = 120
TRAILER_LINE = re.compile(r"^(Genopt-[A-Za-z]+): (.*)$")


class Trailer(StrEnum):
    """The trailers that lists of versions are read from."""

    STEP = "Genopt-Step"
    CANDIDATE = "Genopt-Candidate"
    DECISION = "Genopt-Decision"
    SCORE = "Genopt-Score"
    TASK = "Genopt-Task"
    MODEL = "Genopt-Model"
    COST = "Genopt-Cost"


@dataclass(frozen=True, slots=True)
class Score:
    """A score as a trailer holds it: of exactly that tree. `stderr` and `base` are None when
    unknown; `rank` and `base_rank` say what counts in comparisons where rollouts failed.
    """

    mean: float
    n: int
    stderr: float | None = None
    base: float | None = None
    verdict: str = ""
    rank: Rank = None
    base_rank: Rank = None

    def __str__(self) -> str:
        parts = [format_number(self.mean), f"n={self.n}"]
        if self.stderr is not None:
            parts.append(f"se={format_number(self.stderr)}")
        if self.base is not None:
            parts.append(f"base={format_number(self.base)}")
        if self.verdict:
            parts.append(f"verdict={self.verdict}")
        for key, rank in (("rank", self.rank), ("base-rank", self.base_rank)):
            if rank is not None:
                parts.append(f"{key}={rank if rank == 'failed' else format_number(rank)}")
        return " ".join(parts)


def format_number(value: float) -> str:
    """A number with all its digits: versions are compared by what a trailer says."""
    return repr(float(value)).removesuffix(".0")


def format_message(subject: str, body: str, trailers: Mapping[str, str]) -> str:
    """The message. `subject` and `body` may come from a model: they can add neither lines to the
    subject nor trailers."""
    head = shorten(single_line(subject), MAX_SUBJECT_LENGTH) or "(no subject)"
    text = "\n".join(f"    {make_printable(line)}".rstrip() for line in body.strip().splitlines())
    tail = "\n".join(f"{key}: {single_line(value)}" for key, value in trailers.items())
    return "\n\n".join(part for part in (head, text, tail) if part) + "\n"


def parse_trailers(message: str) -> dict[str, str]:
    """The trailers of the last paragraph; empty unless each of its lines is one of ours."""
    last = message.rstrip().rpartition("\n\n")[2]
    matches = [TRAILER_LINE.match(line) for line in last.split("\n")]
    return {m[1]: m[2] for m in matches if m} if all(matches) else {}


def parse_count(text: str) -> int | None:
    """The step or candidate in a trailer; None when it is damaged."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def parse_score(text: str) -> Score | None:
    """The score in a `Genopt-Score` trailer; None when there is none, or it is damaged."""
    mean, *rest = text.split() or [""]
    fields = dict(part.partition("=")[::2] for part in rest)
    try:
        values = [float(mean), *(float(fields[key]) for key in ("se", "base") if key in fields)]
        if not all(math.isfinite(value) for value in values):
            return None
        return Score(
            values[0],
            int(fields.get("n", 0)),
            float(fields["se"]) if "se" in fields else None,
            float(fields["base"]) if "base" in fields else None,
            fields.get("verdict", ""),
            _parse_rank(fields.get("rank")),
            _parse_rank(fields.get("base-rank")),
        )
    except ValueError:
        return None


def _parse_rank(text: str | None) -> Rank:
    if text is None or text == "failed":
        return None if text is None else "failed"
    rank = float(text)
    return rank if math.isfinite(rank) else None


def format_cost(dollars: float | None) -> str:
    """US dollars as a trailer holds them; `$?` when unknown."""
    return "$?" if dollars is None else f"${dollars:.4f}"


def parse_cost(text: str) -> float | None:
    try:
        return float(text.removeprefix("$"))
    except ValueError:
        return None


def format_author(model: str) -> str:
    """`Name <address>` of whoever proposed an edit."""
    name = clean_identity_text(model) or "unknown"
    local = re.sub(r"[^A-Za-z0-9.+_-]+", "-", name).strip("-.")[:60] or "model"
    return f"{name} <{local}@genopt.invalid>"


def shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3].rstrip() + "..."


def make_printable(line: str) -> str:
    """`line` with a blank for each character that cannot be printed."""
    return "".join(c if c.isprintable() else " " for c in line)


def parse_reasoning(message: str) -> str:
    """The indented part of a message, without its indentation."""
    lines = [line[4:] if line.startswith("    ") else "" for line in message.split("\n")[1:]]
    return "\n".join(lines).strip("\n")
