"""Arithmetic on ranges of steps: inclusive, counted from 0, in order."""

from collections.abc import Sequence

Ranges = list[tuple[int, int]]


def count_steps(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def merge_ranges(ranges: Sequence[tuple[int, int]]) -> Ranges:
    """Ranges in order, with those that touch or overlap joined."""
    merged: Ranges = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def trim_ranges(ranges: Ranges, limit: int, kind: str) -> Ranges:
    """At most `limit` steps: the first, the last, or both ends, as the horizon's `kind` says."""
    if limit >= count_steps(ranges):
        return list(ranges)
    if kind == "first":
        return _take_first(ranges, limit)
    if kind == "last":
        return _take_last(ranges, limit)
    return merge_ranges([*_take_first(ranges, (limit + 1) // 2), *_take_last(ranges, limit // 2)])


def _take_first(ranges: Ranges, limit: int) -> Ranges:
    taken: Ranges = []
    for first, last in ranges:
        if limit <= 0:
            break
        taken.append((first, min(last, first + limit - 1)))
        limit -= taken[-1][1] - first + 1
    return taken


def _take_last(ranges: Ranges, limit: int) -> Ranges:
    taken: Ranges = []
    for first, last in reversed(ranges):
        if limit <= 0:
            break
        taken.insert(0, (max(first, last - limit + 1), last))
        limit -= last - taken[0][0] + 1
    return taken
