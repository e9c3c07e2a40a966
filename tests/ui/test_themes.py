"""Themes are read from files; a mistake in one is told with its place, and harms no other."""

from pathlib import Path

import pytest
from conftest import visit
from looks import drawn
from sample import Stage
from textual.color import Color
from textual.command import CommandList

from genopt_tui.errors import UsageError
from genopt_tui.ui.themes import find_bundled_folder, read_theme, read_themes
from genopt_tui.ui.widgets.diff_view import DiffView
from genopt_tui.ui.widgets.line_source import to_plain_text


def test_all_that_come_with_genopt_are_whole() -> None:
    names = {read_theme(path).name for path in find_bundled_folder().glob("*.toml")}
    assert {"dark", "light", "high-contrast", "monochrome", "red-green-safe"} <= names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dark = true\n[colors\n", "line 2"),
        ('[colors]\nprimary = "blue-ish"', "colors.primary"),
        ('[colors]\nprimary = "#112233"\nprimry = "#112233"', "line 3: colors.primry"),
        ('hue = 1\n[colors]\nprimary = "#112233"', "line 1: hue"),
        ('[colors]\nprimary = "#112233"\n"panel" = "blue"', "line 3: colors.panel"),
        ('colors = "blue"', "line 1: colors"),
        ('dark = 1\n[colors]\nprimary = "#112233"', "line 1: dark"),
        ("dark = true", "colors.primary"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=told):
        read_theme(path)


def test_the_users_own_come_last_and_win(home: Path) -> None:
    (home / "themes").mkdir()
    (home / "themes" / "dark.toml").write_text('[colors]\nprimary = "#abcdef"\n')
    (home / "themes" / "bad.toml").write_text("nonsense")
    found = list(read_themes())
    assert [t.primary for t in found if not isinstance(t, UsageError) and t.name == "dark"][
        -1
    ] == "#abcdef"
    assert sum(isinstance(t, UsageError) for t in found) == 1


def luminance(color: Color) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.03928 else float(((share + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b)


def contrast(a: Color, b: Color) -> float:
    """As the Web Content Accessibility Guidelines define it: 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


FIXED = [path for path in find_bundled_folder().glob("*.toml") if not read_theme(path).ansi]
LEAST = {"high-contrast": 7.0}
"""By theme; 4.5 for the others."""


@pytest.mark.parametrize("path", FIXED, ids=lambda path: path.stem)
def test_text_can_be_read(path: Path) -> None:
    """Every colour that text is written in, on every ground that it is written on."""
    colors = read_theme(path).to_color_system().generate()
    grounds = [Color.parse(colors[name]) for name in ("background", "surface", "panel")]
    least = LEAST.get(path.stem, 4.5)
    own = ("primary", "success", "warning", "error", "accent")
    for name in ("foreground", *own, *(f"text-{name}" for name in own)):
        for ground in grounds:
            seen = ground.blend(Color.parse(colors[name]), Color.parse(colors[name]).a, alpha=1)
            assert contrast(seen, ground) >= least, f"{name} {contrast(seen, ground):.2f}"


@pytest.mark.parametrize("path", FIXED, ids=lambda path: path.stem)
def test_what_is_in_the_background_can_still_be_read(path: Path) -> None:
    colors = read_theme(path).to_color_system().generate()
    ground, text = Color.parse(colors["surface"]), Color.parse(colors["foreground"])
    assert contrast(ground.blend(text, 0.5), ground) >= 3


def test_monochrome_has_no_hue() -> None:
    colors = read_theme(find_bundled_folder() / "monochrome.toml").to_color_system().generate()
    parsed = {
        name: Color.parse(colors[name])
        for name in ("primary", "success", "error", "warning", "accent", "surface")
    }
    assert all(color.r == color.g == color.b for color in parsed.values())


def test_better_and_worse_differ_without_red_and_green() -> None:
    """As someone sees them who lacks the cones for red or for green (Viénot 1999), and in
    brightness."""
    colors = read_theme(find_bundled_folder() / "red-green-safe.toml").to_color_system().generate()
    success, error = Color.parse(colors["success"]), Color.parse(colors["error"])
    for lms_row in ((0.11238, 0.88762), (0.29275, 0.70725)):
        as_seen = [(lms_row[0] * c.r + lms_row[1] * c.g, c.b) for c in (success, error)]
        (yellow_a, blue_a), (yellow_b, blue_b) = as_seen
        assert abs(yellow_a - yellow_b) + abs(blue_a - blue_b) > 80


def test_the_terminals_own_colours_are_all_named() -> None:
    """A variable that is missing would end the application."""
    own = read_theme(find_bundled_folder() / "terminal.toml")
    assert own.ansi
    reference = read_theme(find_bundled_folder() / "dark.toml").to_color_system().generate()
    assert not set(reference) - set(own.to_color_system().generate())


@pytest.mark.parametrize("name", [path.stem for path in find_bundled_folder().glob("*.toml")])
@pytest.mark.slow
async def test_every_theme_can_be_worn_on_every_kind_of_screen(
    session: Path, stage: Stage, name: str
) -> None:
    async with visit(session) as person:
        stage.to_decision()
        await person.until(lambda: person.main.snapshot.pending == "decide", "a decision")
        await person.until(lambda: name in person.app.available_themes, "themes")
        person.app.theme = name
        for key in ("question_mark", "d", "M"):
            await person.press(key)
            person.app.export_screenshot()
            await person.press("escape")
        assert person.app.screen is person.main


@pytest.mark.slow
async def test_a_theme_is_worn_anew_when_its_file_changes(session: Path, home: Path) -> None:
    (home / "themes").mkdir()
    mine = home / "themes" / "mine.toml"
    mine.write_text('[colors]\nprimary = "#112233"\nforeground = "#ffffff"\n')
    async with visit(session) as person:
        await person.until(lambda: "mine" in person.app.available_themes, "the theme")
        person.app.theme = "mine"
        mine.write_text('[colors]\nprimary = "#445566"\nforeground = "#ffffff"\n')
        await person.until(
            lambda: person.app.theme_variables["primary"].lower() == "#445566", "the new colour"
        )
        mine.write_text('[colors]\nprimary = "#44556"\n')
        await person.until(lambda: "colors.primary" in person.said, "the mistake")
        assert person.app.theme == "mine"


@pytest.mark.slow
async def test_without_colours_signs_remain(
    session: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with visit(session) as person:
        stage.to_decision()
        await person.until(lambda: person.main.snapshot.pending == "decide", "a decision")
        await person.until(lambda: person.main.query_one(DiffView).ready, "the edit")
        seen = [
            segment.style for line in drawn(person.app.screen) for segment in line if segment.style
        ]
        hues = {c.get_truecolor() for s in seen for c in (s.color, s.bgcolor) if c is not None}
        assert all(max(hue) - min(hue) <= 2 for hue in hues)
        diff = person.main.query_one(DiffView)
        text = [to_plain_text(diff.get_line(y)) for y in range(len(diff.source))]
        assert any(" - " in line for line in text) and any(" + " in line for line in text)


async def test_a_theme_is_seen_before_it_is_chosen(session: Path) -> None:
    async with visit(session) as person:
        app = person.app
        await person.until(lambda: "monochrome" in app.available_themes, "themes")
        worn = app.theme
        await person.press("f2")
        await person.until(lambda: len(app.screen.query_one(CommandList).options) > 5, "the list")
        assert app.theme == worn
        await person.press("down")
        await person.until(lambda: app.theme != worn, "the one under the cursor")
        await person.press("escape")
        await person.until(lambda: app.theme == worn, "none was chosen")
        await person.press("f2", *"monochrome")
        await person.until(lambda: app.theme == "monochrome", "the one that was found")
        await person.press("enter")
        await person.until(lambda: app.screen is person.main, "chosen")
        assert app.theme == "monochrome"
