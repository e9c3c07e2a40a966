"""Pictures drawn with half blocks: two pixels per cell."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from genopt_tui.task.rollout import Picture
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_pool

MAX_PIXELS = 4_000_000
"""Pixels of the largest picture that is drawn."""
Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Box:
    """An observed object in pixels of the picture: upper left corner and size."""

    x: float
    y: float
    w: float
    h: float


def find_boxes(observation: Any) -> list[Box]:
    """The objects of an observation: every mapping with x, y, w and h, also nested."""
    boxes: list[Box] = []
    if isinstance(observation, Mapping):
        try:
            boxes.append(Box(*(float(observation[key]) for key in "xywh")))
        except (KeyError, TypeError, ValueError):
            for value in observation.values():
                boxes += find_boxes(value)
    elif isinstance(observation, list | tuple):
        for value in observation:
            boxes += find_boxes(value)
    return boxes


def unpack_pixels(picture: Picture) -> list[bytes]:
    """Rows of palette indices. Raises ValueError if the data do not match the size."""
    size = picture.width * picture.height
    if not 0 < size <= MAX_PIXELS or not picture.palette:
        raise ValueError(f"a picture of {picture.width} x {picture.height}")
    unpack = zlib.decompressobj()
    data = unpack.decompress(picture.pixels, size)
    if len(data) != size or max(data) >= len(picture.palette) // 3:
        raise ValueError("a picture with missing pixels or colours")
    return [data[y * picture.width : (y + 1) * picture.width] for y in range(picture.height)]


def fit_size(picture: Picture, columns: int, rows: int) -> tuple[int, int]:
    """Largest size in half-block pixels (width, even height) with the picture's shape that fits
    `columns` x `rows` cells."""
    scale = min(columns / picture.width, rows * 2 / picture.height)
    width = max(1, min(columns, round(picture.width * scale)))
    height = max(2, min(rows * 2, round(picture.height * scale)))
    return width, height - height % 2


def scale_pixels(
    rows: Sequence[bytes], width: int, height: int, objects: Sequence[Box] = ()
) -> list[bytearray]:
    """Palette indices scaled to `width` x `height` by the nearest pixel.

    Objects are then drawn over it, at least one pixel wide and a whole cell (two pixels) high.
    """
    full_height, full_width = len(rows), len(rows[0])
    across = [int((x + 0.5) * full_width / width) for x in range(width)]
    small = [
        bytearray(rows[int((y + 0.5) * full_height / height)][x] for x in across)
        for y in range(height)
    ]
    for box in objects:
        _draw_box(small, rows, box, width / full_width, height / full_height)
    return small


def _draw_box(
    small: list[bytearray], rows: Sequence[bytes], box: Box, scale_x: float, scale_y: float
) -> None:
    """Paint `box` in the colour of its middle pixel."""
    middle_x, middle_y = int(box.x + box.w / 2), int(box.y + box.h / 2)
    if not (0 <= middle_y < len(rows) and 0 <= middle_x < len(rows[0])):
        return
    colour = rows[middle_y][middle_x]
    left, right = (
        int(box.x * scale_x),
        max(int(box.x * scale_x) + 1, round((box.x + box.w) * scale_x)),
    )
    top = int(box.y * scale_y)
    bottom = max(top + 1, round((box.y + box.h) * scale_y))
    if bottom - top < 3:
        top -= top % 2
        bottom = max(bottom, top + 2)
    for y in range(max(0, top), min(len(small), bottom)):
        for x in range(max(0, left), min(len(small[0]), right)):
            small[y][x] = colour


def render_half_blocks(small: Sequence[bytearray], palette: bytes) -> list[list[Segment]]:
    """Rows of segments, one per run of equal cells: upper pixel as foreground, lower one as
    background."""
    colours = [Color.from_rgb(*palette[i : i + 3]) for i in range(0, len(palette) - 2, 3)]
    styles: dict[tuple[int, int], Style] = {}
    lines = []
    for y in range(0, len(small) - 1, 2):
        line: list[Segment] = []
        run, count = (small[y][0], small[y + 1][0]), 0
        for pair in [*zip(small[y], small[y + 1], strict=True), (-1, -1)]:
            if pair != run:
                if run not in styles:
                    styles[run] = Style(color=colours[run[0]], bgcolor=colours[run[1]])
                line.append(Segment("▀" * count, styles[run]))
                run, count = pair, 0
            count += 1
        lines.append(line)
    return lines


def draw_picture(picture: Picture, objects: Sequence[Box], columns: int, rows: int) -> list[Strip]:
    """The picture, drawn within `columns` x `rows` cells."""
    width, height = fit_size(picture, columns, rows)
    small = scale_pixels(unpack_pixels(picture), width, height, objects)
    return [Strip(line, width) for line in render_half_blocks(small, picture.palette)]


class PictureView(Widget):
    """Draws a picture as large as it fits, in a thread. Of requests that come meanwhile only the
    newest is kept."""

    DEFAULT_CSS = "PictureView { height: auto; width: auto; background: $surface; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.picture: Picture | None = None
        self._objects: Sequence[Box] = ()
        self._strips: list[Strip] = []
        self._bounds = (0, 0)
        self._drawing = False
        self._redraw_wanted = False
        self.problem = ""

    def resize(self, columns: int, rows: int) -> None:
        """Draw the picture within other bounds."""
        if (columns, rows) != self._bounds:
            self.show(self.picture, self._objects, columns, rows)

    def show(
        self, picture: Picture | None, objects: Sequence[Box], columns: int, rows: int
    ) -> None:
        """Draw `picture` within `columns` x `rows` cells; nothing without a picture or room for
        it."""
        self.picture, self._objects, self._bounds = picture, objects, (columns, rows)
        if picture is None or columns < 4 or rows < 2:
            self._strips = []
            self.display = False
            return
        self._redraw_wanted = True
        if not self._drawing:
            self._drawing = True
            self.run_worker(self._draw(), group="draw")

    async def _draw(self) -> None:
        try:
            while self._redraw_wanted and self.picture is not None:
                self._redraw_wanted = False
                picture, objects, room = self.picture, self._objects, self._bounds
                try:
                    strips = await run_in_pool(draw_picture, picture, objects, *room)
                    self.problem = ""
                except EXPECTED_ERRORS as error:
                    strips, self.problem = [], f"no picture: {error}"
                self._set_strips(strips)
        finally:
            self._drawing = False

    def _set_strips(self, strips: list[Strip]) -> None:
        size = (strips[0].cell_length, len(strips)) if strips else (0, 0)
        is_same_size = bool(self._strips) and size == (
            self._strips[0].cell_length,
            len(self._strips),
        )
        self._strips = strips
        self.display = bool(strips)
        if not is_same_size:
            self.styles.width, self.styles.height = size
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y].crop_extend(0, self.size.width, self.rich_style)
        return Strip.blank(self.size.width, self.rich_style)
