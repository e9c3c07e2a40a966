"""The room of the panes: it places them in columns, and lets the edges between them be dragged."""

from typing import cast

from textual import events
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from genopt_tui.ui import pane_layout
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.services import get_services


class ColumnLayout(Layout):
    """Places panes as `sizes` says; one that is alone gets all the room."""

    name = "panes"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        room = cast(Panes, parent)
        if not room.columns or len(children) == 1:
            return [_place(child, size.region) for child in children]
        found = pane_layout.place_panes(room.columns, room.shares, *size)
        return [
            _place(child, Region(*found[child.NUMBER]))
            for child in children
            if isinstance(child, Pane)
        ]


def _place(child: Widget, region: Region) -> WidgetPlacement:
    return WidgetPlacement(region, NULL_OFFSET, NULL_SPACING, child)


class Panes(Widget):
    """Holds the five panes. `columns` names the layout; it is empty where one pane is shown."""

    DEFAULT_CSS = "Panes { height: 1fr; width: 100%; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = ""
        self._column_layout = ColumnLayout()
        self._dragged_edge: pane_layout.Edge | None = None

    @property
    def layout(self) -> Layout:
        return self._column_layout

    @property
    def shares(self) -> dict[str, list[int]]:
        """The shares in force in this layout; those that a person chose are remembered."""
        return get_services(self).preferences.shares[self.columns]

    def set_columns(self, columns: str) -> None:
        if columns != self.columns:
            self.columns = columns
            self.rearrange()

    def rearrange(self) -> None:
        self._clear_arrangement_cache()
        self.refresh(layout=True)

    def resize_pane(self, number: int, by: int) -> None:
        """Make pane `number` larger or smaller."""
        self.shares.update(
            pane_layout.resize_pane(
                self.columns, self.shares, number, by, (self.size.width, self.size.height)
            )
        )
        self.rearrange()

    # dragging

    def find_edge(self, x: int, y: int) -> pane_layout.Edge | None:
        """The edge at a cell of this widget."""
        if not self.columns:
            return None
        return pane_layout.find_edge(
            self.columns, self.shares, self.size.width, self.size.height, x, y
        )

    def on_mouse_down(self, event: events.MouseDown) -> None:
        at = event.screen_offset - self.region.offset
        self._dragged_edge = self.find_edge(at.x, at.y)
        if self._dragged_edge is not None:
            event.stop()
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged_edge is None:
            return
        at = event.screen_offset - self.region.offset
        across = self._dragged_edge.group == "columns"
        to, room = (at.x, self.size.width) if across else (at.y, self.size.height)
        wanted = pane_layout.move_edge(self.shares, self._dragged_edge, to, room)
        if wanted != pane_layout.divide_cells(self.shares[self._dragged_edge.group], room):
            self.shares[self._dragged_edge.group] = wanted
            self.rearrange()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragged_edge is not None:
            self._dragged_edge = None
            self.release_mouse()
