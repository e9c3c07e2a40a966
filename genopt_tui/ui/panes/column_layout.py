"""Container of the panes: places them in columns whose edges can be dragged."""

from typing import cast

from textual import events
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from genopt_tui.ui import pane_layout
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.services import get_services


class ColumnLayout(Layout):
    """Places panes by the shares of their container; a single pane gets all the room."""

    name = "panes"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        container = cast(Panes, parent)
        if not container.columns or len(children) == 1:
            return [_place(child, size.region) for child in children]
        boxes = pane_layout.place_panes(container.columns, container.shares, *size)
        return [
            _place(child, Region(*boxes[child.NUMBER]))
            for child in children
            if isinstance(child, Pane)
        ]


def _place(child: Widget, region: Region) -> WidgetPlacement:
    return WidgetPlacement(region, NULL_OFFSET, NULL_SPACING, child)


class Panes(Widget):
    """Holds the five panes. `columns` names the layout; it is empty if one pane is shown alone."""

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
        """Shares of this layout; changes are saved with the preferences."""
        return get_services(self).preferences.shares[self.columns]

    @property
    def panes(self) -> list[Pane]:
        return [pane for pane in self.children if isinstance(pane, Pane)]

    def get_pane(self, number: int) -> Pane:
        return next(pane for pane in self.panes if number == pane.NUMBER)

    def show_columns(self, columns: str, active: int) -> None:
        """Show the panes of the layout `columns`; pane `active` alone if that is empty."""
        shown = pane_layout.list_panes(columns) if columns else {active}
        for pane in self.panes:
            pane.display = pane.NUMBER in shown
        if columns != self.columns:
            self.columns = columns
            self.rearrange()

    def rearrange(self) -> None:
        self._clear_arrangement_cache()
        self.refresh(layout=True)

    def resize_pane(self, number: int, by: int) -> None:
        """Make pane `number` larger (`by` 1) or smaller (-1)."""
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
        position = event.screen_offset - self.region.offset
        self._dragged_edge = self.find_edge(position.x, position.y)
        if self._dragged_edge is not None:
            event.stop()
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged_edge is None:
            return
        position = event.screen_offset - self.region.offset
        across = self._dragged_edge.group == "columns"
        to, room = (position.x, self.size.width) if across else (position.y, self.size.height)
        shares = pane_layout.move_edge(self.shares, self._dragged_edge, to, room)
        if shares != pane_layout.divide_cells(self.shares[self._dragged_edge.group], room):
            self.shares[self._dragged_edge.group] = shares
            self.rearrange()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragged_edge is not None:
            self._dragged_edge = None
            self.release_mouse()
