"""Proposals without a model: seeded random edits of numbers and choices, the honest baseline."""

import math
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from genopt_tui.errors import ProposerPause
from genopt_tui.propose.base import Delta, Finish, Proposer, ReplyRequest, StreamEvent
from genopt_tui.propose.literals import LiteralValue, TunableLiteral, find_literals
from genopt_tui.session.git.ids import compute_tree_id

MAX_DRAWS = 2000
PARAMETER_WEIGHT = 4  # a number with a name is likelier to be a knob than one inside an expression


@dataclass(frozen=True)
class LiteralChange:
    """A literal and the source that is to stand in its place."""

    literal: TunableLiteral
    source: str


class SearchProposer(Proposer):
    """A local search: mostly small moves of one value, now and then a large one, or two or three
    values at once.

    The same request (seed, step, candidate, attempt, base, tried) always gets the same reply.
    """

    name = "search"

    async def estimate_price(self, input_tokens: int, output_tokens: int) -> float | None:
        return 0.0

    async def stream(self, request: ReplyRequest) -> AsyncIterator[StreamEvent]:
        changes = propose_changes(request)
        yield Delta(format_reply(request.files, changes))
        yield Finish(usage={"input": 0, "output": 0}, cost=0.0)


def propose_changes(request: ReplyRequest) -> list[LiteralChange]:
    """Changes whose result was not tried yet, and is not what another candidate of this step
    proposes.

    Raises ProposerPause when there is nothing to change, or nothing left to try.
    """
    literals = find_literals(request.files, request.scope)
    if not literals:
        raise ProposerPause(
            "search has nothing to change",
            "no number and no choice stands in the editable scope",
            "Widen the scope, add a comment `# choices: a|b` beside a value, or set a model",
        )
    tried = {*request.tried_trees, compute_tree_id(request.files)}
    changes: list[LiteralChange] = []
    for candidate in range(request.candidate + 1):
        changes, tree = _draw_untried(request, candidate, literals, tried)
        tried.add(tree)
    return changes


def _draw_untried(
    request: ReplyRequest, candidate: int, literals: Sequence[TunableLiteral], tried: set[str]
) -> tuple[list[LiteralChange], str]:
    rng = random.Random(f"{request.seed}/{request.step}/{candidate}/{request.attempt}")
    for _ in range(MAX_DRAWS):
        changes = _draw_changes(literals, rng)
        tree = compute_tree_id(apply_changes(request.files, changes))
        if changes and tree not in tried:
            return changes, tree
    raise ProposerPause(
        "search found nothing new",
        f"{MAX_DRAWS} draws gave only what was tried before",
        "Widen the scope, or set a model",
    )


def _draw_changes(literals: Sequence[TunableLiteral], rng: random.Random) -> list[LiteralChange]:
    count = min(len(literals), rng.choices([1, 2, 3], [70, 22, 8])[0])
    pool, chosen = list(literals), []
    for _ in range(count):
        weights = [PARAMETER_WEIGHT if x.is_parameter or x.choices else 1 for x in pool]
        chosen.append(pool.pop(rng.choices(range(len(pool)), weights)[0]))
    moved = [
        LiteralChange(x, perturb(x, rng)) for x in sorted(chosen, key=lambda x: (x.file, x.start))
    ]
    return [c for c in moved if c.source != _format_value(c.literal.value)]


def perturb(literal: TunableLiteral, rng: random.Random) -> str:
    """Another value for a literal, as source."""
    if literal.choices:
        others = [c for c in literal.choices if c != _format_value(literal.value)]
        return rng.choice(others) if others else _format_value(literal.value)
    value = literal.value
    if isinstance(value, bool):
        return str(not value)
    if isinstance(value, int):
        return str(_perturb_int(value, rng))
    return _format_value(_perturb_float(float(value), rng))


def _draw_step(size: float, rng: random.Random) -> float:
    """A signed step: half of them about a tenth of `size`, a third about half of it, the rest
    beyond."""
    scale = rng.choices([0.1, 0.5, 1.5], [50, 33, 17])[0]
    return rng.gauss(0.0, 1.0) * scale * size


def _perturb_int(value: int, rng: random.Random) -> int:
    step = round(_draw_step(max(abs(value), 2), rng)) or rng.choice([-1, 1])
    return int(_keep_sign(value, value + step))


def _perturb_float(value: float, rng: random.Random) -> float:
    moved = value + _draw_step(abs(value) or 1.0, rng)
    moved = _keep_sign(value, moved)
    if 0.0 < value < 1.0 and moved > 1.0 and rng.random() < 0.75:
        moved = 1.0 - (1.0 - value) * rng.random()  # likely a share or a rate
    return float(f"{moved:.{_count_digits(value)}g}")


def _keep_sign(value: float, moved: float) -> float:
    """`moved`, mirrored back where it would change the sign of a positive value."""
    return abs(moved) if value > 0 > moved else moved


def _count_digits(value: float) -> int:
    return max(3, min(6, len(f"{value:g}".replace(".", "").replace("-", "").lstrip("0"))))


def _format_value(value: LiteralValue) -> str:
    return str(value) if not isinstance(value, float) or math.isfinite(value) else repr(value)


def apply_changes(files: Mapping[str, str], changes: Sequence[LiteralChange]) -> dict[str, str]:
    """The artifact with these changes."""
    out = dict(files)
    for change in sorted(changes, key=lambda c: c.literal.start, reverse=True):
        text, literal = out[change.literal.file], change.literal
        out[literal.file] = text[: literal.start] + change.source + text[literal.end :]
    return out


def format_reply(files: Mapping[str, str], changes: Sequence[LiteralChange]) -> str:
    """Reasoning and SEARCH/REPLACE blocks, as a model would write them."""
    told = [f"- {_describe_change(files, c)}" for c in changes]
    blocks = [
        _format_block(file, files[file], apply_changes(files, changes)[file])
        for file in sorted({c.literal.file for c in changes})
    ]
    return (
        "Random search, no model: one move from the base.\n\n"
        + "\n".join(told)
        + "\n\n"
        + "\n\n".join(blocks)
        + "\n"
    )


def _describe_change(files: Mapping[str, str], change: LiteralChange) -> str:
    literal = change.literal
    line = files[literal.file].count("\n", 0, literal.start) + 1
    return f"{literal.file}:{line} {literal.name or 'a value'}: {literal.value} -> {change.source}"


def _format_block(file: str, old: str, new: str) -> str:
    """The smallest block of whole lines around all changes that stands once in the file."""
    before, after = old.split("\n"), new.split("\n")
    differing = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    first, last = differing[0], differing[-1]
    while _count_occurrences(before, before[first : last + 1]) > 1 and (
        first > 0 or last < len(before) - 1
    ):
        first, last = max(0, first - 1), min(len(before) - 1, last + 1)
    search, replace = "\n".join(before[first : last + 1]), "\n".join(after[first : last + 1])
    return f"{file}\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE"


def _count_occurrences(lines: Sequence[str], block: Sequence[str]) -> int:
    return sum(
        list(lines[i : i + len(block)]) == list(block) for i in range(len(lines) - len(block) + 1)
    )
