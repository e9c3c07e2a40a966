"""What commands print: one JSON document, or lines for people."""

import json
import sys
from collections.abc import Collection, Sequence
from typing import Any

import click

from genopt_tui.cli.streams import can_encode_any_text
from genopt_tui.errors import single_line

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def print_json(document: Any) -> None:
    """Print the one document on standard output."""
    print(encode_json(document, indent=2))


def encode_json(document: Any, indent: int | None = None) -> str:
    """The document as JSON that standard output can encode."""
    return json.dumps(document, ensure_ascii=not can_encode_any_text(sys.stdout), indent=indent)


def print_line(*words: object, err: bool = False) -> None:
    """Print a line for people, indented as it is, without control characters."""
    text = " ".join(str(word) for word in words)
    indent = text[: len(text) - len(text.lstrip(" "))]
    print(indent + single_line(text), file=sys.stderr if err else sys.stdout)


def print_table(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> None:
    """Rows in aligned columns; those in `right` (from 0) are aligned to the right."""
    clean = [[single_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    for row in clean:
        cells = (
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def print_text(text: str) -> None:
    """Print lines for people without control characters."""
    for line in text.split("\n"):
        print("".join(c for c in line if c.isprintable() or c == "\t"))


def format_number(value: float | None, digits: str = ".4g") -> str:
    return "-" if value is None else format(value, digits)
