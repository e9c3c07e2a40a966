"""The picture of the step under the cursor, and of the same step of another version, as large as
the pane leaves room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.widget import Widget

from genopt_tui.task.rollout import Picture, TraceStep
from genopt_tui.ui.messages import PictureRequested
from genopt_tui.ui.state.snapshot import TracePicture, TraceSource
from genopt_tui.ui.widgets.picture_view import PictureView, find_boxes

LIST_WIDTH = 36
"""Columns that the list of steps keeps when a picture stands beside it."""
MIN_PICTURE_WIDTH = 14
"""Columns that a picture beside the list takes at least."""
MIN_PICTURE_HEIGHT = 7
"""Rows of a pane from which there is room for a picture."""


@dataclass(frozen=True, slots=True)
class PictureLayout:
    """Where pictures go in a pane of some size: beside or above the list, and how large one may be
    (cells)."""

    beside: bool
    columns: int
    rows: int


def compute_layout(width: int, height: int, pictures: int) -> PictureLayout:
    """Room for one picture of `pictures` in a pane of width x height cells; no columns where there
    is none.

    With two pictures the list has two halves, and keeps twice the columns.
    """
    across = width - LIST_WIDTH * pictures
    if height >= MIN_PICTURE_HEIGHT and across >= MIN_PICTURE_WIDTH:
        stacked = pictures == 1 or across < 2 * MIN_PICTURE_WIDTH
        return PictureLayout(
            True,
            across if stacked else across // pictures,
            height // pictures if stacked else height,
        )
    above = height >= 2 * MIN_PICTURE_HEIGHT
    return PictureLayout(False, width // pictures if above else 0, height // 2 if above else 0)


class PicturePanel(Widget):
    """Asks for one picture of a rollout at a time; while it is on its way, only the newest wish is
    kept."""

    DEFAULT_CSS = """
    PicturePanel { dock: top; width: auto; height: auto; layout: horizontal; display: none; background: $surface; }
    PicturePanel.-beside { dock: right; height: 100%; }
    PicturePanel.-stacked { layout: vertical; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.views = (PictureView(), PictureView())
        self.sources: tuple[TraceSource | None, TraceSource | None] = (None, None)
        self._steps: list[TraceStep | None] = [None, None]
        self._requested: list[int | None] = [None, None]
        self._queued: list[int | None] = [None, None]
        self._without_pictures: set[int] = set()
        self._picture_layout = PictureLayout(True, 0, 0)

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
            if _get_rollout(source) != _get_rollout(self.sources[slot]):
                self._requested[slot] = self._queued[slot] = self._steps[slot] = None
                self.views[slot].show(None, (), 0, 0)
        self.sources = (first, second)
        self._update_visibility()

    def resize(self, width: int, height: int) -> None:
        """The pane has this size now."""
        pictures = sum(self._has_pictures(slot) for slot in (0, 1))
        self._picture_layout = compute_layout(width, height, max(1, pictures))
        self.set_class(self._picture_layout.beside, "-beside")
        self.set_class(
            self._picture_layout.beside and pictures > 1 and self._picture_layout.rows < height,
            "-stacked",
        )
        for view in self.views:
            view.resize(self._picture_layout.columns, self._picture_layout.rows)
        self._update_visibility()

    def show_step(self, number: int, steps: Sequence[TraceStep | None]) -> None:
        """Show the pictures of step `number`; `steps` hold what was observed there, as far as it is
        known."""
        if self._picture_layout.columns < 4:
            return
        for slot, step in enumerate(steps):
            self._steps[slot] = step
            if self._has_pictures(slot):
                self._request_picture(slot, number)

    def receive(self, piece: TracePicture) -> None:
        """A picture that was asked for."""
        for slot, source in enumerate(self.sources):
            if source is not None and piece.rollout == source.rollout:
                self._show_picture(slot, piece)

    def _show_picture(self, slot: int, piece: TracePicture) -> None:
        self._requested[slot] = None
        picture: Picture | None = piece.picture
        if picture is None:
            self._without_pictures.add(piece.rollout)
            self._queued[slot] = None
        step = self._steps[slot]
        seen = find_boxes(step.observation) if step is not None and step.index == piece.step else []
        self.views[slot].show(
            picture, seen, self._picture_layout.columns, self._picture_layout.rows
        )
        self._update_visibility()
        if (wish := self._queued[slot]) is not None:
            self._request_picture(slot, wish)

    def _has_pictures(self, slot: int) -> bool:
        source = self.sources[slot]
        return source is not None and source.rollout not in self._without_pictures

    def _request_picture(self, slot: int, step: int) -> None:
        source = self.sources[slot]
        assert source is not None
        step = min(step, source.steps - 1)
        if self._requested[slot] is None:
            self._requested[slot], self._queued[slot] = step, None
            self.post_message(
                PictureRequested(source.rollout, step).set_sender(self)
            )  # else it would end at a calling pane
        elif step != self._requested[slot]:
            self._queued[slot] = step

    def _update_visibility(self) -> None:
        self.display = self._picture_layout.columns >= 4 and any(
            view.picture is not None for view in self.views
        )


def _get_rollout(source: TraceSource | None) -> int | None:
    return None if source is None else source.rollout
