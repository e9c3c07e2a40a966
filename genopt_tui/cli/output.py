"""What commands print: one JSON document, or lines for people."""

import json
import sys
from typing import Any

import click

from genopt_tui.errors import single_line

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def print_json(document: Any) -> None:
    """The one document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def print_line(*words: object, err: bool = False) -> None:
    """A line for people; nothing in it can steer the terminal."""
    print(
        _single_line_with_indent(" ".join(str(w) for w in words)),
        file=sys.stderr if err else sys.stdout,
    )


def print_text(text: str) -> None:
    """Several lines for people, as they are but for control characters."""
    for line in text.split("\n"):
        print("".join(c for c in line if c.isprintable() or c == "\t"))


def _single_line_with_indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" "))] + single_line(text)


def format_number(value: float | None, digits: str = ".4g") -> str:
    return "-" if value is None else format(value, digits)
