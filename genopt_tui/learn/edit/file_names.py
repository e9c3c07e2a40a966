"""File names in a model's reply: in a line of text, on a fence, in a diff's header."""

import re
from collections.abc import Collection

FILE_NAME = re.compile(r"[\w@+.-]+(?:/[\w@+. -]*[\w@+.-])*")


def find_file_in_line(line: str, known: Collection[str]) -> str:
    """The file that a line above a block names; '' where it names none."""
    bare = re.sub(
        r"^(?:file(?:name)?|path)\s*[:=]\s*",
        "",
        line.strip().strip("#*`:>-=[]()\"' \t"),
        flags=re.IGNORECASE,
    )
    bare = bare.strip("`*\"' :")
    if (name := resolve_file_name(bare, known)) or (
        FILE_NAME.fullmatch(bare) and "." in bare[1:-1] and " " not in bare
    ):
        return name or bare
    inside = {
        n
        for word in re.findall(r"[\w@+./-]+", line)
        if (n := resolve_file_name(word.rstrip("."), known))
    }
    return inside.pop() if len(inside) == 1 else ""


def resolve_file_name(name: str, known: Collection[str]) -> str:
    """`name` as the artifact knows it: with or without folders in front."""
    name = name.removeprefix("./").removeprefix("a/artifact/").removeprefix("artifact/")
    if name in known:
        return name
    ends = [k for k in known if name and (name.endswith("/" + k) or k.endswith("/" + name))]
    return ends[0] if len(ends) == 1 else ""


def find_file_in_first_line(body: list[str], known: Collection[str]) -> str:
    """The artifact's file that the first line of a fenced text names, if more text follows; else
    ''."""
    name = find_file_in_line(body[0], known) if body else ""
    return (
        name
        if name in known
        and len(body[0].strip()) <= len(name) + 12
        and any(map(str.strip, body[1:]))
        else ""
    )


def find_file_in_info(info: str, known: Collection[str]) -> str:
    """The file named on a fence's opening line: ```python policy.py, ```policy.py,
    ```python:policy.py, title="policy.py"."""
    for word in re.split(r"[\s:=]+", info.replace('"', " ").replace("'", " ")):
        word = word.strip("{}()`")
        if name := resolve_file_name(word, known):
            return name
        if "." in word[1:-1] and FILE_NAME.fullmatch(word):
            return word
    return ""


def find_file_in_diff_header(name: str, known: Collection[str]) -> str:
    """The file of a diff's header line; '' for /dev/null."""
    name = name.strip()
    if name == "/dev/null":
        return ""
    if name.startswith('"') and name.endswith('"'):
        name = _unquote(name[1:-1])
    short = name[2:] if name[:2] in {"a/", "b/"} else name
    return (
        name if name in known and short not in known else resolve_file_name(short, known) or short
    )


def _unquote(name: str) -> str:
    raw = re.sub(
        rb"\\([0-7]{3}|.)",
        lambda m: bytes([int(m[1], 8) & 255]) if len(m[1]) == 3 else m[1],
        name.encode("utf-8", "replace"),
    )
    return raw.decode("utf-8", "replace")
