"""95 % intervals of a mean, as wide as few samples make them, without the statistics library that the screen need not load."""

T: tuple[float, ...] = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
    2.228,
    2.201,
    2.179,
    2.16,
    2.145,
    2.131,
    2.12,
    2.11,
)
T += (2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042)
"""Student's t at 97.5 %, for 1 to 30 degrees of freedom."""
NORMAL = 1.96


def half_width(stderr: float | None, n: int) -> float | None:
    """Half of the 95 % interval of a mean of `n` samples with this standard error; None where it is not known."""
    if stderr is None or n < 2:
        return None
    return stderr * (T[n - 2] if n - 2 < len(T) else NORMAL + 2.5 / (n - 1))
