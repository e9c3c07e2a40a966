"""What a key costs on a screen of many panes: Textual goes through all lines of all of them."""

from collections.abc import Iterable

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip


class RowCompositor(Compositor):
    """Asks widgets for those of their lines that are drawn anew, and widgets beside these for none.

    Textual asks every widget whose container is touched for all of its lines: that took half the
    time of a key.
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
