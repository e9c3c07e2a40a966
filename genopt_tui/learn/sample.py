"""Sampling the examples of an update. The same seed and step give the same batch."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from random import Random

from genopt_tui.task.rollout import Example


def sample_batch(
    examples: Sequence[Example],
    size: int,
    sampling: str,
    seed: int,
    step: int,
    scores: Mapping[str, float] | None = None,
    pinned: Sequence[str] = (),
    *,
    excluded: Sequence[str] = (),
    direction: str = "higher",
) -> list[tuple[Example, int]]:
    """(example, repeat) of the rollouts of step `step` (from 1), `size` of them.

    `shuffled`: epochs over all examples, each in its own seeded order. `worst`: lowest last known
    score first, unknown ones before them. `mixed`: half worst, half shuffled. `pinned`: only the
    pinned ones, or the first ones where none is pinned. Pinned examples come first under every
    sampling; excluded ones never come. An example that comes again within a batch gets the next
    repeat.
    """
    available = [e for e in examples if e.id not in set(excluded)]
    if not available:
        return []
    by_id = {e.id: e for e in available}
    first = [by_id[name] for name in dict.fromkeys(pinned) if name in by_id][:size]
    if sampling == "pinned":
        return _number_repeats((first or available[:size])[:size])
    room = size - len(first)
    rest = [e for e in available if e not in first] or available
    shuffled = _epochs(rest, seed, (max(step, 1) - 1) * room)
    if sampling == "shuffled":
        return _number_repeats([*first, *islice(shuffled, room)])
    worst = _sort_worst_first(rest, scores or {}, seed, step, direction)
    if sampling == "worst":
        return _number_repeats([*first, *islice(cycle(worst), room)])
    hard = worst[: (room + 1) // 2]
    other = [e for e in rest if e not in hard] or rest
    return _number_repeats(
        [*first, *hard, *islice(_epochs(other, seed, (max(step, 1) - 1) * room), room - len(hard))]
    )


def _epochs(examples: Sequence[Example], seed: int, skip: int) -> Iterator[Example]:
    """Endless shuffled epochs, from the `skip`-th example on."""
    epoch, at = divmod(skip, len(examples))
    while True:
        order = list(examples)
        Random(f"{seed}/{epoch}").shuffle(order)
        yield from order[at:]
        epoch, at = epoch + 1, 0


def _sort_worst_first(
    examples: Sequence[Example], scores: Mapping[str, float], seed: int, step: int, direction: str
) -> list[Example]:
    order = list(examples)
    Random(f"{seed}/worst/{step}").shuffle(order)
    sign = 1 if direction == "higher" else -1
    return sorted(order, key=lambda e: sign * scores[e.id] if e.id in scores else float("-inf"))


def _number_repeats(chosen: Sequence[Example]) -> list[tuple[Example, int]]:
    seen: dict[str, int] = {}
    batch: list[tuple[Example, int]] = []
    for example in chosen:
        repeat = seen.get(example.id, 0)
        seen[example.id] = repeat + 1
        batch.append((example, repeat))
    return batch
