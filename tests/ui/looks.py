"""How a screen looks, as text that a person can read and compare: the characters, and the styles in
three themes.

A look is one file for each size. First the screen as it is drawn; then a legend, in which each
letter stands for a style in the
dark, the light and the monochrome theme; then, line by line, runs of those letters (`a12 b3`:
twelve cells of a, three of b).
"""

from collections.abc import Sequence
from difflib import unified_diff
from functools import lru_cache
from string import ascii_letters
from threading import Event
from typing import Any

from conftest import Visit
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.screen import Screen
from textual.widgets import Input, TextArea

from genopt_tui.ui.widgets.stream_view import StreamView

SIZES = ((200, 55), (120, 35), (80, 24))
THEMES = ("dark", "light", "monochrome")
Cell = tuple[str, str]
Size = tuple[int, int]


class Looks(SingleFileSnapshotExtension):
    """Kept as plain text."""

    _write_mode = WriteMode.TEXT
    _file_extension = "txt"

    def serialize(self, data: Any, **_: Any) -> str:
        return str(data)


def drawn(screen: Screen[Any]) -> list[list[Segment]]:
    """The screen line by line, as it goes to the terminal."""
    render = screen._compositor.render_update(
        full=True, screen_stack=screen.app._background_screens
    )
    return [[segment for strip in line for segment in strip] for line in render.strips]  # type: ignore[union-attr]


def cells(line: list[Segment]) -> list[Cell]:
    """Every cell with its style; a character that takes two cells is followed by an empty one."""
    return [
        cell
        for s in line
        for look in [describe_style(s.style)]
        for char in s.text
        for cell in _wide(char, look)
    ]


def _wide(character: str, style: str) -> list[Cell]:
    width = 1 if character.isascii() else cell_len(character)
    return (
        [(character, style)] if width == 1 else [(character, style), *[("", style)] * (width - 1)]
    )


@lru_cache(maxsize=4096)
def describe_style(style: Style | None) -> str:
    """Colours and attributes; links and other meta data are no part of a look."""
    if style is None:
        return "-"
    color, back = (c.name if c is not None else "-" for c in (style.color, style.bgcolor))
    names = ("bold", "dim", "italic", "underline", "reverse", "strike")
    return " ".join([color, "on", back, *(name for name in names if getattr(style, name))])


def text_of(themes: Sequence[list[list[Cell]]]) -> str:
    """The look of one size; `themes` holds the same screen once for each theme."""
    lines = [
        ["".join(character for character, _ in line).rstrip() for line in lines] for lines in themes
    ]
    assert all(other == lines[0] for other in lines), (
        "a theme changed what is written: "
        + "\n".join(
            f"{first!r} {line!r}"
            for other in lines
            for first, line in zip(lines[0], other, strict=True)
            if line != first
        )
    )
    legend: dict[tuple[str, ...], str] = {}
    runs = [
        _runs(list(zip(*(_styles(theme[y]) for theme in themes), strict=True)), legend)
        for y in range(len(lines[0]))
    ]
    table = [f"{letter:<3}{' | '.join(styles)}" for styles, letter in legend.items()]
    return "\n".join([*lines[0], "", " | ".join(THEMES), *table, "", *runs, ""])


def _styles(line: list[Cell]) -> list[str]:
    return [style for _, style in line]


def _runs(styles: list[tuple[str, ...]], legend: dict[tuple[str, ...], str]) -> str:
    out: list[list[Any]] = []
    for style in styles:
        letter = legend.setdefault(style, _letter(len(legend)))
        if out and out[-1][0] == letter:
            out[-1][1] += 1
        else:
            out.append([letter, 1])
    return " ".join(f"{letter}{count}" for letter, count in out)


def _letter(number: int) -> str:
    first, second = divmod(number, len(ascii_letters))
    return ascii_letters[second] + ascii_letters[first - 1] if first else ascii_letters[second]


async def calm(person: Visit) -> list[list[Segment]]:
    """Wait until nothing more is read, worked out or drawn; what stands there."""
    app, before = person.app, None
    for box in (*app.screen.query(Input), *app.screen.query(TextArea)):
        box.cursor_blink = False
    while True:
        if app.main is not None:
            await answered(person)
        await app.workers.wait_for_complete()
        await person.pilot.pause()
        now = drawn(app.screen)
        if now == before and all(v.stream.text == v.text for v in app.screen.query(StreamView)):
            return now
        before = now


async def answered(person: Visit) -> None:
    """Wait until the store has done all that it was asked for."""
    done = Event()
    person.main.store._requests.put(done.set)
    await person.until(done.is_set, "the store")


async def look(
    person: Visit, snapshot: SnapshotAssertion, name: str, sizes: Sequence[Size] = SIZES
) -> None:
    """Compare the screen, at each size and in each theme, with the look that is kept."""
    app = person.app
    await person.until(lambda: set(THEMES) <= set(app.available_themes), "themes")
    looks = {}
    for width, height in sizes:
        await person.pilot.resize_terminal(width, height)
        seen = {}
        for theme in sorted(THEMES, key=lambda name: name != app.theme):
            app.theme = theme
            seen[theme] = [cells(line) for line in await calm(person)]
        looks[f"{name}-{width}x{height}"] = text_of([seen[theme] for theme in THEMES])
    await person.pilot.resize_terminal(*sizes[0])
    for title, text in looks.items():
        kept = snapshot(name=title, extension_class=Looks)
        assert text == kept, "\n".join(
            unified_diff(repr(kept).splitlines(), text.splitlines(), "kept", "now", n=0)
        )
