"""The picture of the step under the cursor, and of the same step of another version."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.widget import Widget

from genopt_tui.task.rollout import Picture, TraceStep
from genopt_tui.ui.messages import PictureRequested
from genopt_tui.ui.state.snapshot import TracePicture, TraceSource
from genopt_tui.ui.widgets.picture_view import PictureView, find_boxes

LIST_WIDTH = 36
"""Columns left to the list of steps beside a picture."""
MIN_PICTURE_WIDTH = 14
"""Fewest columns of a picture beside the list."""
MIN_PICTURE_HEIGHT = 7
"""Fewest rows of a pane that shows a picture."""


@dataclass(frozen=True, slots=True)
class PictureLayout:
    """Position of pictures (beside the list, else above it) and size of each, in cells."""

    beside: bool
    columns: int
    rows: int


def compute_layout(width: int, height: int, pictures: int) -> PictureLayout:
    """Layout of `pictures` pictures in a pane of `width` x `height` cells; 0 columns if they do not
    fit.

    Two pictures belong to a list with two halves, which keeps twice the columns.
    """
    free_width = width - LIST_WIDTH * pictures
    if height >= MIN_PICTURE_HEIGHT and free_width >= MIN_PICTURE_WIDTH:
        stacked = pictures == 1 or free_width < 2 * MIN_PICTURE_WIDTH
        return PictureLayout(
            True,
            free_width if stacked else free_width // pictures,
            height // pictures if stacked else height,
        )
    fits_above = height >= 2 * MIN_PICTURE_HEIGHT
    return PictureLayout(
        False, width // pictures if fits_above else 0, height // 2 if fits_above else 0
    )


class PicturePanel(Widget):
    """Shows up to two pictures. It requests one picture per rollout at a time; meanwhile only the
    newest request is kept."""

    DEFAULT_CSS = """
    PicturePanel {
        dock: top; width: auto; height: auto; layout: horizontal; display: none;
        background: $surface;
    }
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
        """Show pictures of these rollouts: the version's, then the other version's."""
        first, second = (*sources, None, None)[:2]
        for slot, source in enumerate((first, second)):
            if _get_rollout(source) != _get_rollout(self.sources[slot]):
                self._requested[slot] = self._queued[slot] = self._steps[slot] = None
                self.views[slot].show(None, (), 0, 0)
        self.sources = (first, second)
        self._update_visibility()

    def resize(self, width: int, height: int) -> None:
        """Adapt to the size of the pane."""
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
        """Show the pictures of step `number`; `steps` are the steps themselves, None if not
        loaded."""
        if self._picture_layout.columns < 4:
            return
        for slot, step in enumerate(steps):
            self._steps[slot] = step
            if self._has_pictures(slot):
                self._request_picture(slot, number)

    def receive(self, piece: TracePicture) -> None:
        """Take a requested picture."""
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
        boxes = (
            find_boxes(step.observation) if step is not None and step.index == piece.step else []
        )
        self.views[slot].show(
            picture, boxes, self._picture_layout.columns, self._picture_layout.rows
        )
        self._update_visibility()
        if (queued := self._queued[slot]) is not None:
            self._request_picture(slot, queued)

    def _has_pictures(self, slot: int) -> bool:
        source = self.sources[slot]
        return source is not None and source.rollout not in self._without_pictures

    def _request_picture(self, slot: int, step: int) -> None:
        source = self.sources[slot]
        assert source is not None
        step = min(step, source.steps - 1)
        if self._requested[slot] is None:
            self._requested[slot], self._queued[slot] = step, None
            # Without this sender, the message would stop at the pane that calls.
            self.post_message(PictureRequested(source.rollout, step).set_sender(self))
        elif step != self._requested[slot]:
            self._queued[slot] = step

    def _update_visibility(self) -> None:
        self.display = self._picture_layout.columns >= 4 and any(
            view.picture is not None for view in self.views
        )


def _get_rollout(source: TraceSource | None) -> int | None:
    return None if source is None else source.rollout
