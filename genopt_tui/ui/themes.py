"""Themes from TOML files: those that come with genopt, then the user's own, which win by name."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textual.theme import Theme

from genopt_tui.errors import UsageError

PACKAGE = Path(__file__).resolve().parent.parent
COLORS = {
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
TERMINAL = {
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
"""What else a theme of the terminal's own colours needs: they cannot be mixed."""
COLOR = re.compile(r"#[0-9a-fA-F]{6}|ansi_[a-z_]+")


def bundled() -> Path:
    """The folder of the themes that come with genopt: in a wheel beside the package's modules, else in the checkout."""
    inside = PACKAGE / "_bundled" / "themes"
    return inside if inside.is_dir() else PACKAGE.parent / "themes"


def read_theme(path: Path) -> Theme:
    """The theme in a file. Raises UsageError naming file and line, or file and key."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"theme {path.name} cannot be read", str(error)) from error
    unknown = set(data) - {"dark", "ansi", "colors"}
    if unknown:
        raise UsageError(f"theme {path.name}: {min(unknown)}", "no such key", "It takes dark, ansi and [colors]")
    ansi = _switch(path, data, "ansi", False)
    more = TERMINAL if ansi else {}
    return Theme(
        name=path.stem, dark=_switch(path, data, "dark", True), ansi=ansi, variables=more, **_colors(path, data)
    )


def _switch(path: Path, data: Mapping[str, Any], key: str, default: bool) -> bool:
    if not isinstance(value := data.get(key, default), bool):
        raise UsageError(f"theme {path.name}: {key}", "it is true or false")
    return value


def _colors(path: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    colors = data.get("colors", {})
    for key, value in colors.items():
        if key not in COLORS:
            raise UsageError(
                f"theme {path.name}: colors.{key}", "no such colour", f"There are {', '.join(sorted(COLORS))}"
            )
        if not isinstance(value, str) or not COLOR.fullmatch(value):
            raise UsageError(f"theme {path.name}: colors.{key}", f"{value!r} is no colour", 'Write "#rrggbb"')
    if "primary" not in colors:
        raise UsageError(f"theme {path.name}: colors.primary", "it is missing")
    return dict(colors)


def state_of_files() -> tuple[tuple[str, int], ...]:
    """Something that changes whenever a file of a theme does."""
    from genopt_tui.folders import user_file

    files = [path for folder in (bundled(), user_file("themes")) for path in folder.glob("*.toml")]
    try:
        return tuple((str(path), path.stat().st_mtime_ns) for path in sorted(files))
    except FileNotFoundError:  # one is being replaced: the next look sees it
        return ()


def all_themes() -> Iterator[Theme | UsageError]:
    """Every theme there is; in place of one that cannot be used, why."""
    from genopt_tui.folders import user_file

    for folder in (bundled(), user_file("themes")):
        for path in sorted(folder.glob("*.toml")):
            try:
                yield read_theme(path)
            except UsageError as error:
                yield error
