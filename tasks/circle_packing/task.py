"""Packing 26 circles into the unit square; the verifier forgives nothing."""

import math
from itertools import combinations

from genopt_tui.task.contract import Context, Example, Result

CIRCLES = 26


def examples(split: str) -> list[Example]:
    """There is one packing to make: every split holds it."""
    return [Example("square")]


def run(artifact: dict[str, str], example: Example, ctx: Context) -> Result:
    """Sum of the radii, or no score and the first fault found."""
    circles = ctx.call("packing.pack")
    fault = find_fault(circles)
    if fault:
        return Result(math.nan, f"Invalid packing: {fault}.")
    total = sum(r for _, _, r in circles)
    smallest, largest = min(r for _, _, r in circles), max(r for _, _, r in circles)
    ctx.step(action=[[float(v) for v in circle] for circle in circles], reward=total)
    return Result(
        total, f"Valid. Sum of radii {total:.8f}; radii from {smallest:.5f} to {largest:.5f}."
    )


def find_fault(circles: object) -> str:
    """The first fault of a packing; empty when it is valid. Distances are compared in double
    precision without tolerance."""
    if not isinstance(circles, list) or len(circles) != CIRCLES:
        return f"{CIRCLES} triples (x, y, r) are wanted"
    for number, circle in enumerate(circles):
        if (
            not isinstance(circle, list | tuple)
            or len(circle) != 3
            or not all(isinstance(v, int | float) and math.isfinite(v) for v in circle)
        ):
            return f"circle {number} is no triple of finite numbers"
        x, y, r = circle
        if r < 0:
            return f"circle {number} has a negative radius"
        if x - r < 0 or y - r < 0 or x + r > 1 or y + r > 1:
            return f"circle {number} at ({x:.6f}, {y:.6f}) with radius {r:.6f} leaves the square"
    for (i, (x, y, r)), (j, (u, v, s)) in combinations(enumerate(circles), 2):
        if (gap := math.sqrt((x - u) ** 2 + (y - v) ** 2) - (r + s)) < 0:
            return f"circles {i} and {j} overlap by {-gap:.3g}"
    return ""
