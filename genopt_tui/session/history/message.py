"""Commit messages: one-line subject, indented reasoning, trailers that we alone write. Only the
standard library."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from genopt_tui.errors import single_line
from genopt_tui.session.git.cli import clean_identity_text

MAX_SUBJECT_LENGTH = 120
TRAILER = re.compile(r"^(Genopt-[A-Za-z]+): (.*)$")


@dataclass(frozen=True, slots=True)
class Score:
    """A score as a trailer holds it: of exactly that tree. `stderr` and `base` are None when
    unknown."""

    mean: float
    n: int
    stderr: float | None = None
    base: float | None = None
    verdict: str = ""

    def __str__(self) -> str:
        parts = [format_number(self.mean), f"n={self.n}"]
        if self.stderr is not None:
            parts.append(f"se={format_number(self.stderr)}")
        if self.base is not None:
            parts.append(f"base={format_number(self.base)}")
        if self.verdict:
            parts.append(f"verdict={self.verdict}")
        return " ".join(parts)


def format_number(value: float) -> str:
    """A number with up to 6 significant digits."""
    return f"{value:.6g}"


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
    found = [TRAILER.match(line) for line in last.split("\n")]
    return {m[1]: m[2] for m in found if m} if all(found) else {}


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
        )
    except ValueError:
        return None


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
    """`line` without control characters (tabs become blanks)."""
    return "".join(c if c.isprintable() else " " for c in line)


def parse_reasoning(message: str) -> str:
    """The indented part of a message, without its indentation."""
    lines = [line[4:] if line.startswith("    ") else "" for line in message.split("\n")[1:]]
    return "\n".join(lines).strip("\n")
