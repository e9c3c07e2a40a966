"""Objects on the screen: boxes in pixels of 160 x 210, and how far each moved since the step before."""

Box = tuple[int, int, int, int]  # x, y, width, height
Thing = dict[str, int]

NO_OBJECT: Thing = {"x": 0, "y": 0, "w": 0, "h": 0, "dx": 0, "dy": 0}


class Tracker:
    """Remembers where each object was one step ago.

    `from_corner` gives objects their first movement as seen from the screen's corner (0, 0), the way
    OCAtari does for those that exist from the beginning; otherwise a new object stands still.
    """

    def __init__(self, from_corner: tuple[str, ...] = ()) -> None:
        self._before: dict[str, tuple[int, int]] = {name: (0, 0) for name in from_corner}

    def moved(self, name: str, box: Box | None) -> Thing | None:
        """`box` with dx and dy; None (and forgotten) when the object is not there."""
        if box is None:
            self._before.pop(name, None)
            return None
        x, y, width, height = box
        before_x, before_y = self._before.get(name, (x, y))
        self._before[name] = (x, y)
        return {"x": x, "y": y, "w": width, "h": height, "dx": x - before_x, "dy": y - before_y}
