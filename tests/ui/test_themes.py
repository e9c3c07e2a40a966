"""Themes are read from files; a mistake in one is told with its place, and harms no other."""

from pathlib import Path

import pytest

from genopt_tui.errors import UsageError
from genopt_tui.ui.themes import all_themes, bundled, read_theme


def test_all_that_come_with_genopt_are_whole() -> None:
    names = {read_theme(path).name for path in bundled().glob("*.toml")}
    assert {"dark", "light", "high-contrast", "monochrome", "red-green-safe"} <= names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dark = true\n[colors\n", "line 2"),
        ('[colors]\nprimary = "blue-ish"', "colors.primary"),
        ('[colors]\nprimary = "#112233"\nprimry = "#112233"', "colors.primry"),
        ('hue = 1\n[colors]\nprimary = "#112233"', "hue"),
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
    found = list(all_themes())
    assert [t.primary for t in found if not isinstance(t, UsageError) and t.name == "dark"][-1] == "#abcdef"
    assert sum(isinstance(t, UsageError) for t in found) == 1
