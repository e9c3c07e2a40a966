"""Themes from TOML files: those of genopt, then the user's, which win by name."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textual.theme import Theme

from genopt_tui.errors import UsageError

PACKAGE = Path(__file__).resolve().parent.parent
COLOR_KEYS = {
    "primary",
    "secondary",
    "warning",
    "error",
    "success",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "boost",
}
ANSI_VARIABLES = {
    "ansi-background": "ansi_black",
    "ansi-foreground": "ansi_white",
    "foreground-disabled": "ansi_bright_black",
    "surface-active": "ansi_default",
    "block-cursor-foreground": "ansi_black",
    "block-cursor-background": "ansi_white",
    "input-cursor-background": "ansi_white",
    "input-cursor-foreground": "ansi_black",
    "border-blurred": "ansi_bright_black",
    "text-muted": "ansi_bright_black",
}
"""Variables that a theme of ANSI colours needs: Textual cannot mix those."""
COLOR_PATTERN = re.compile(r"#[0-9a-fA-F]{6}|ansi_[a-z_]+")


def find_bundled_folder() -> Path:
    """The folder of genopt's own themes: inside the package in a wheel, else in the checkout."""
    inside = PACKAGE / "_bundled" / "themes"
    return inside if inside.is_dir() else PACKAGE.parent / "themes"


def read_theme(path: Path) -> Theme:
    """The theme in a file. Raises UsageError naming file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"theme {path.name} cannot be read", str(error)) from error
    unknown = set(data) - {"dark", "ansi", "colors"}
    if unknown:
        raise UsageError(
            _locate_key(path, text, min(unknown)), "no such key", "It takes dark, ansi and [colors]"
        )
    for key in ("dark", "ansi"):
        if not isinstance(data.get(key, True), bool):
            raise UsageError(_locate_key(path, text, key), "it is true or false")
    colors, ansi = _read_colors(path, text, data.get("colors", {})), data.get("ansi", False)
    return Theme(
        name=path.stem,
        dark=data.get("dark", True),
        ansi=ansi,
        variables=ANSI_VARIABLES if ansi else {},
        **colors,
    )


def _locate_key(path: Path, text: str, key: str, table: str = "") -> str:
    """File, line and key, for an error message."""
    lines = enumerate(text.splitlines(), 1)
    line = next(
        (f" line {n}" for n, line in lines if re.match(rf"\s*\W?{re.escape(key)}\b", line)), ""
    )
    return f"theme {path.name}{line}: {table}{key}"


def _read_colors(path: Path, text: str, colors: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(colors, Mapping):
        raise UsageError(_locate_key(path, text, "colors"), "it is a table", "Write [colors]")
    for key, value in colors.items():
        place = _locate_key(path, text, key, "colors.")
        if key not in COLOR_KEYS:
            raise UsageError(place, "no such colour", f"There are {', '.join(sorted(COLOR_KEYS))}")
        if not isinstance(value, str) or not COLOR_PATTERN.fullmatch(value):
            raise UsageError(place, f"{value!r} is no colour", 'Write "#rrggbb"')
    if "primary" not in colors:
        raise UsageError(f"theme {path.name}: colors.primary", "it is missing")
    return dict(colors)


def stat_theme_files() -> tuple[tuple[str, int], ...]:
    """Paths and times of all theme files: equal as long as none changes."""
    from genopt_tui.folders import user_file

    files = [
        path
        for folder in (find_bundled_folder(), user_file("themes"))
        for path in folder.glob("*.toml")
    ]
    try:
        return tuple((str(path), path.stat().st_mtime_ns) for path in sorted(files))
    except FileNotFoundError:  # one is being replaced: the next look sees it
        return ()


def read_themes() -> Iterator[Theme | UsageError]:
    """Every theme; in place of one that cannot be used, the error."""
    from genopt_tui.folders import user_file

    for folder in (find_bundled_folder(), user_file("themes")):
        for path in sorted(folder.glob("*.toml")):
            try:
                yield read_theme(path)
            except UsageError as error:
                yield error
