"""A faster compositor for a screen of many panes."""

from collections.abc import Iterable

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip


class RowCompositor(Compositor):
    """Renders only the rows that are drawn again.

    Textual asks every widget in a container that changed for all of its lines, which was half of
    the time that a key took.
    """

    def _get_renders(
        self, crop: Region | None = None
    ) -> Iterable[tuple[Region, Region, list[Strip]]]:
        drawn = crop or self.size.region
        rows = Region(0, drawn.y, self.size.width, drawn.height)
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip).intersection(rows)
            if shown.intersection(drawn):
                yield region, shown, widget.render_lines(shown.translate(-region.offset))
