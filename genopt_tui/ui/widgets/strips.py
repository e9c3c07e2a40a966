"""Strips cut to a view, and parts of strips restyled."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from genopt_tui.ui.widgets.line_source import Line
from genopt_tui.ui.widgets.symbols import SYMBOLS

FILLED_STYLES = ("added", "removed", "hunk")
"""Parts of style names whose background goes on to the right edge."""


def get_fill_style(line: Line, strip: Strip) -> Style | None:
    """The style of the cells after the strip of `line`; None for that of the view."""
    segments = strip._segments
    if line and segments and any(name in line[-1][1] for name in FILLED_STYLES):
        return segments[-1].style
    return None


def crop_strip(strip: Strip, start: int, width: int, fill: Style, mark: Style) -> Strip:
    """`width` cells of `strip` from cell `start` on, padded in style `fill`. If the strip goes on
    to the right, the last cell is a mark in style `mark`."""
    end = start + width
    cropped = strip.crop_extend(start, end, fill)
    if strip.cell_length > end > 1:
        return Strip([*cropped.crop(0, width - 1), Segment(SYMBOLS.more, mark)], width)
    return cropped


def style_cells(strip: Strip, start: int, end: int, style: Style) -> Strip:
    """`strip` with `style` over the cells from `start` to before `end`."""
    before, inside, after = strip.crop(0, start), strip.crop(start, end), strip.crop(end)
    return Strip.join([before, Strip(Segment.apply_style(inside, post_style=style)), after])
