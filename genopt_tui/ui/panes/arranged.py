"""The room of the panes: it places them in columns, and lets the edges between them be dragged."""

from typing import TYPE_CHECKING, cast

from textual import events
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.widget import Widget

from genopt_tui.ui import sizes
from genopt_tui.ui.panes.base import Pane

if TYPE_CHECKING:
    from genopt_tui.ui.app import GenoptApp


class InColumns(Layout):
    """Places panes as `sizes` says; one that is alone gets all the room."""

    name = "panes"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        room = cast(Panes, parent)
        if not room.columns or len(children) == 1:
            return [_placed(child, size.region) for child in children]
        found = sizes.boxes(room.columns, room.shares, *size)
        return [_placed(child, Region(*found[child.NUMBER])) for child in children if isinstance(child, Pane)]


def _placed(child: Widget, region: Region) -> WidgetPlacement:
    return WidgetPlacement(region, NULL_OFFSET, NULL_SPACING, child)


class Panes(Widget):
    """Holds the five panes. `columns` names the layout; it is empty where one pane is shown."""

    DEFAULT_CSS = "Panes { height: 1fr; width: 100%; }"

    class Sized(Message):
        """A person dragged an edge to where it is now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = ""
        self._in_columns = InColumns()
        self._held: sizes.Edge | None = None

    @property
    def layout(self) -> Layout:
        return self._in_columns

    @property
    def shares(self) -> dict[str, list[int]]:
        """The shares in force in this layout; those that a person chose are remembered."""
        return cast("GenoptApp", self.app).kept.shares[self.columns]

    def arrange_as(self, columns: str) -> None:
        if columns != self.columns:
            self.columns = columns
            self.arrange_again()

    def arrange_again(self) -> None:
        self._clear_arrangement_cache()
        self.refresh(layout=True)

    def grow(self, number: int, by: int) -> None:
        """Make pane `number` larger or smaller."""
        self.shares.update(sizes.grown(self.columns, self.shares, number, by, (self.size.width, self.size.height)))
        self.arrange_again()

    # dragging

    def edge_at(self, x: int, y: int) -> sizes.Edge | None:
        """The edge at a cell of this widget."""
        if not self.columns:
            return None
        return sizes.edge_at(self.columns, self.shares, self.size.width, self.size.height, x, y)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        at = event.screen_offset - self.region.offset
        self._held = self.edge_at(at.x, at.y)
        if self._held is not None:
            event.stop()
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._held is None:
            return
        at = event.screen_offset - self.region.offset
        across = self._held.group == "columns"
        to, room = (at.x, self.size.width) if across else (at.y, self.size.height)
        wanted = sizes.moved(self.shares, self._held, to, room)
        if wanted != sizes.cells(self.shares[self._held.group], room):
            self.shares[self._held.group] = wanted
            self.arrange_again()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._held is not None:
            self._held = None
            self.release_mouse()
            self.post_message(self.Sized())
