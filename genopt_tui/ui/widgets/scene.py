"""The picture of the step under the cursor, and of the same step of another version, as large as the pane leaves room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.widget import Widget

from genopt_tui.task.rollout import Picture, TraceStep
from genopt_tui.ui.messages import PictureWanted
from genopt_tui.ui.snapshot import PicturePiece, TraceSource
from genopt_tui.ui.widgets.picture import PictureView, boxes

LIST = 36
"""Columns that the list of steps keeps when a picture stands beside it."""
NARROWEST = 14
"""Columns that a picture beside the list takes at least."""
LOWEST = 7
"""Rows of a pane from which there is room for a picture."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where pictures go in a pane of some size: beside or above the list, and how large one may be (cells)."""

    beside: bool
    columns: int
    rows: int


def room(width: int, height: int, pictures: int) -> Room:
    """Room for one picture of `pictures` in a pane of width x height cells; no columns where there is none.

    With two pictures the list has two halves, and keeps twice the columns.
    """
    across = width - LIST * pictures
    if height >= LOWEST and across >= NARROWEST:
        stacked = pictures == 1 or across < 2 * NARROWEST
        return Room(True, across if stacked else across // pictures, height // pictures if stacked else height)
    above = height >= 2 * LOWEST
    return Room(False, width // pictures if above else 0, height // 2 if above else 0)


class Scene(Widget):
    """Asks for one picture of a rollout at a time; while it is on its way, only the newest wish is kept."""

    DEFAULT_CSS = """
    Scene { dock: top; width: auto; height: auto; layout: horizontal; display: none; background: $surface; }
    Scene.-beside { dock: right; height: 100%; }
    Scene.-stacked { layout: vertical; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.views = (PictureView(), PictureView())
        self.sources: tuple[TraceSource | None, TraceSource | None] = (None, None)
        self._steps: list[TraceStep | None] = [None, None]
        self._asked: list[int | None] = [None, None]
        self._next: list[int | None] = [None, None]
        self._bare: set[int] = set()
        self._room = Room(True, 0, 0)

    def compose(self) -> ComposeResult:
        yield from self.views

    @property
    def shown(self) -> bool:
        """Whether a picture is on the screen."""
        return bool(self.display)

    def show(self, *sources: TraceSource | None) -> None:
        """Show pictures of these rollouts (the version's, then the other one's) from now on."""
        first, second = (*sources, None, None)[:2]
        for slot, source in enumerate((first, second)):
            if _rollout(source) != _rollout(self.sources[slot]):
                self._asked[slot] = self._next[slot] = self._steps[slot] = None
                self.views[slot].show(None, (), 0, 0)
        self.sources = (first, second)
        self._settle()

    def resize(self, width: int, height: int) -> None:
        """The pane has this size now."""
        pictures = sum(self._has_pictures(slot) for slot in (0, 1))
        self._room = room(width, height, max(1, pictures))
        self.set_class(self._room.beside, "-beside")
        self.set_class(self._room.beside and pictures > 1 and self._room.rows < height, "-stacked")
        for view in self.views:
            view.resize(self._room.columns, self._room.rows)
        self._settle()

    def go(self, number: int, steps: Sequence[TraceStep | None]) -> None:
        """Show the pictures of step `number`; `steps` hold what was observed there, as far as it is known."""
        if self._room.columns < 4:
            return
        for slot, step in enumerate(steps):
            self._steps[slot] = step
            if self._has_pictures(slot):
                self._want(slot, number)

    def take(self, piece: PicturePiece) -> None:
        """A picture that was asked for."""
        for slot, source in enumerate(self.sources):
            if source is not None and piece.rollout == source.rollout:
                self._taken(slot, piece)

    def _taken(self, slot: int, piece: PicturePiece) -> None:
        self._asked[slot] = None
        picture: Picture | None = piece.picture
        if picture is None:
            self._bare.add(piece.rollout)
            self._next[slot] = None
        step = self._steps[slot]
        seen = boxes(step.observation) if step is not None and step.index == piece.step else []
        self.views[slot].show(picture, seen, self._room.columns, self._room.rows)
        self._settle()
        if (wish := self._next[slot]) is not None:
            self._want(slot, wish)

    def _has_pictures(self, slot: int) -> bool:
        source = self.sources[slot]
        return source is not None and source.rollout not in self._bare

    def _want(self, slot: int, step: int) -> None:
        source = self.sources[slot]
        assert source is not None
        step = min(step, source.steps - 1)
        if self._asked[slot] is None:
            self._asked[slot], self._next[slot] = step, None
            self.post_message(
                PictureWanted(source.rollout, step).set_sender(self)
            )  # else it would end at a calling pane
        elif step != self._asked[slot]:
            self._next[slot] = step

    def _settle(self) -> None:
        self.display = self._room.columns >= 4 and any(view.picture is not None for view in self.views)


def _rollout(source: TraceSource | None) -> int | None:
    return None if source is None else source.rollout
