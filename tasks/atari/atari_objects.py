"""Objects on the screen: boxes in pixels of 160 x 210, and how far each moved since the step before."""

from dataclasses import dataclass

Box = tuple[int, int, int, int]  # x, y, width, height
Numbers = dict[str, int]


@dataclass(slots=True)
class Thing:
    """One object: its box now, and its corner one step ago."""

    x: int
    y: int
    w: int
    h: int
    before_x: int
    before_y: int

    def place(self) -> Numbers:
        return {"x": self.x, "y": self.y, "w": self.w, "h": self.h}

    def moving(self) -> Numbers:
        return {
            "x": self.x,
            "y": self.y,
            "w": self.w,
            "h": self.h,
            "dx": self.x - self.before_x,
            "dy": self.y - self.before_y,
        }


class Scene:
    """The objects in play by name. Every step: `begin`, then `put` and `drop` what the memory shows.

    An object seen for the first time stands still. What is neither put nor dropped stays where it was.
    """

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}

    def begin(self) -> None:
        for thing in self.things.values():
            thing.before_x, thing.before_y = thing.x, thing.y

    def put(self, name: str, x: int, y: int, w: int, h: int) -> Thing:
        thing = self.things.get(name)
        if thing is None:
            thing = self.things[name] = Thing(x, y, w, h, x, y)
        else:
            thing.x, thing.y, thing.w, thing.h = x, y, w, h
        return thing

    def drop(self, name: str) -> None:
        self.things.pop(name, None)

    def get(self, name: str) -> Thing | None:
        return self.things.get(name)
