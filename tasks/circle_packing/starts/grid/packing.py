"""26 circles in the unit square."""

ROWS = 5
SHRINK = 0.99


def pack():
    """26 circles (x, y, r): a grid, and one more in a gap of it."""
    size = 1 / ROWS
    circles = [((i + 0.5) * size, (j + 0.5) * size, SHRINK * size / 2) for i in range(ROWS) for j in range(ROWS)]
    gap = (2 * size, 2 * size)
    return [*circles, (*gap, 0.4 * size / 2)]
