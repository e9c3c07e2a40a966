"""Objects on the screen: boxes in pixels of 160 x 210, and how far each moved since the step
before."""

from dataclasses import dataclass

Box = tuple[int, int, int, int]  # x, y, width, height
Numbers = dict[str, int]


@dataclass(slots=True)
class SceneObject:
    """One object: its box now, and its corner one step ago."""

    x: int
    y: int
    w: int
    h: int
    previous_x: int
    previous_y: int

    def to_box(self) -> Numbers:
        return {"x": self.x, "y": self.y, "w": self.w, "h": self.h}

    def to_moving_box(self) -> Numbers:
        return {
            "x": self.x,
            "y": self.y,
            "w": self.w,
            "h": self.h,
            "dx": self.x - self.previous_x,
            "dy": self.y - self.previous_y,
        }


class Scene:
    """The objects in play by name. Every step: `begin`, then `put` and `drop` what the memory
    shows.

    An object seen for the first time stands still. What is neither put nor dropped stays where it
    was.
    """

    def __init__(self) -> None:
        self.objects: dict[str, SceneObject] = {}

    def begin_step(self) -> None:
        for thing in self.objects.values():
            thing.previous_x, thing.previous_y = thing.x, thing.y

    def put(self, name: str, x: int, y: int, w: int, h: int) -> SceneObject:
        thing = self.objects.get(name)
        if thing is None:
            thing = self.objects[name] = SceneObject(x, y, w, h, x, y)
        else:
            thing.x, thing.y, thing.w, thing.h = x, y, w, h
        return thing

    def remove(self, name: str) -> None:
        self.objects.pop(name, None)

    def get(self, name: str) -> SceneObject | None:
        return self.objects.get(name)
