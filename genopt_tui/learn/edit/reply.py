"""Parsing a model's reply into prose, SEARCH/REPLACE blocks, fenced files and unified diffs.

Nothing is applied here.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from typing import Any

from genopt_tui.learn.edit.file_names import (
    find_file_in_diff_header,
    find_file_in_first_line,
    find_file_in_info,
    find_file_in_line,
    resolve_file_name,
)
from genopt_tui.learn.text import NO_NEWLINE, normalize_newlines

SEARCH = re.compile(r"^\s*(<{5,})\s*(?:SEARCH|ORIGINAL)\b:?\s*(.*)$")
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*([^`]*)$")
HUNK = re.compile(r"^@@(?: -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@.*| .*|@*)?$")
OLD_FILE = re.compile(r"^--- (.+?)(?:\t.*)?$")
NEW_FILE = re.compile(r"^\+\+\+ (.+?)(?:\t.*)?$")
PATCH_FILE = re.compile(r"^\*\*\* (Update|Add|Delete) File: (.+?)\s*$")
DELETE = re.compile(r"^\s*(?:DELETE|delete)(?: FILE| file)?:\s*`?([^`\s]+)`?\s*$")
THOUGHT = re.compile(
    r"^\s*<((?:\w+:)?(?:think|thinking|thought|reasoning))>(.*?)(?:</\1>|\Z)", re.DOTALL
)
START_OF_THOUGHT = re.compile(r"<(?:\w+:)?(?:think|thinking|thought)>")
END_OF_THOUGHT = re.compile(r"</(?:\w+:)?(?:think|thinking|thought)>")
FINAL_CHANNEL = "<|channel|>final<|message|>"  # what follows is the answer (the harmony format)
END_MARKER = re.compile(r"^\s*>{5,}")
GIT_LINE = re.compile(
    r"^(?:diff --git .*|index [0-9a-f]{7,}\.\.[0-9a-f]{7,}.*|(?:new|deleted) file mode \d+"
    r"|\*\*\* (?:Begin|End) Patch)$"
)
# keys of JSON documents that hold edits
JSON_FILE_KEYS = ("file", "path", "file_path", "filename", "name")
JSON_EDIT_KEYS = (
    ("search", "replace"),
    ("old_str", "new_str"),
    ("old_string", "new_string"),
    ("find", "replace"),
)
JSON_CONTENT_KEYS = ("content", "file_text", "text", "code", "source")
NEARBY_LINES = 3  # lines above a block in which its file is looked for


@dataclass(frozen=True, slots=True)
class Block:
    """Replace the lines `search` by `replace` in `file` ('' where the reply names none).

    `line_hint` is the line, from 1, where a diff expects them (0: unknown). `alternatives` are
    other ways to split the block, where lines in it look like its divider. `literal_end`: one
    side says that the file ends without a newline, so both sides are exact to the byte.
    """

    file: str
    search: tuple[str, ...]
    replace: tuple[str, ...]
    line_hint: int = 0
    alternatives: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    literal_end: bool = False
    create: bool = False

    def with_file(self, file: str) -> "Block":
        return replace_fields(self, file=file)


@dataclass(frozen=True, slots=True)
class FencedText:
    """A fenced text; `named` is False where the reply names no file for it."""

    file: str
    info: str
    lines: tuple[str, ...]
    named: bool = False


@dataclass(frozen=True, slots=True)
class Deletion:
    """The reply deletes `file`."""

    file: str


@dataclass
class Reply:
    """A parsed reply; `incomplete` says what was begun and not finished."""

    items: list[Block | FencedText | Deletion] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    incomplete: str = ""
    has_thinking: bool = False


def parse_reply(text: str, known: Collection[str]) -> Reply:
    """Parse a reply; `known` are the artifact's file names. Never raises."""
    answer, has_thinking = _strip_thinking(text)
    reply = _parse_json(answer, known) or _Scanner(answer.split("\n"), known).scan()
    reply.has_thinking = has_thinking
    return reply


def _strip_thinking(text: str) -> tuple[str, bool]:
    """`text` (line feeds only) without thinking text, and whether there was any.

    A draft in the thinking is no edit. A closing tag inside a block or a fence is part of a file.
    """
    text = normalize_newlines(text).removeprefix("\ufeff")
    has_thinking = FINAL_CHANNEL in text
    text = text.rpartition(FINAL_CHANNEL)[2]
    while match := THOUGHT.match(text):
        text, has_thinking = text[match.end() :], True
    position = 0
    while end := END_OF_THOUGHT.search(text, position):
        if _is_inside_edit(text[: end.start()], text[end.end() :]):
            position = end.end()
            continue
        start = START_OF_THOUGHT.search(text, position, end.start())
        text, has_thinking = text[: start.start() if start else 0] + text[end.end() :], True
        position = start.start() if start else 0
    return text, has_thinking


def _is_inside_edit(before: str, after: str) -> bool:
    """Whether the point between two parts of a reply lies inside a block or a fence."""
    marks = [line for line in before.split("\n") if SEARCH.match(line) or END_MARKER.match(line)]
    if marks and SEARCH.match(marks[-1]):
        following = (line for line in after.split("\n"))
        mark = next((x for x in following if SEARCH.match(x) or END_MARKER.match(x)), "")
        return bool(END_MARKER.match(mark))
    fences = [sum(bool(FENCE.match(line)) for line in part.split("\n")) for part in (before, after)]
    return all(count % 2 for count in fences)


class _Scanner:
    """Scans the lines of a reply once."""

    def __init__(self, lines: list[str], known: Collection[str]) -> None:
        self.lines, self.known, self.at = lines, known, 0
        self.reply = Reply()
        self.open_fences: list[tuple[str, str]] = []  # (marker, file) of fences around blocks

    def scan(self) -> Reply:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if match := SEARCH.match(line):
                self._scan_block(len(match[1]), match[2])
            elif self._is_diff_start():
                self._scan_diff()
            elif match := DELETE.match(line):
                self.reply.items.append(
                    Deletion(resolve_file_name(match[1], self.known) or match[1])
                )
                self.at += 1
            elif match := FENCE.match(line):
                self._scan_fence(match[1], match[2], match[3].strip())
            else:
                self.reply.prose += [] if GIT_LINE.match(line) else [line]
                self.at += 1
        return self.reply

    def _get_fence_file(self) -> str:
        """The file that the fences around a block name."""
        return next((file for _, file in reversed(self.open_fences) if file), "")

    def _take_file_above(self) -> str:
        """The file named by the lines above; a line that holds only the name is no prose."""
        prose = self.reply.prose
        above = [
            i for i in range(max(0, len(prose) - 2 * NEARBY_LINES), len(prose)) if prose[i].strip()
        ][-NEARBY_LINES:]
        for at in reversed(above):
            if name := find_file_in_line(prose[at], self.known):
                if name in self.known and len(prose[at].strip()) <= len(name) + 12:
                    del prose[at]
                return name
        return ""

    def _scan_block(self, size: int, rest: str) -> None:
        start = self.at + 1
        end = self._find_end_marker(start, ">", size)
        if end < 0:
            self.reply.incomplete = "a SEARCH block has no closing >>>>>>> REPLACE line"
            self.at = len(self.lines)
            return
        size = len(self.lines[end].strip()) - len(self.lines[end].strip().lstrip(">"))
        body = self.lines[start:end]
        cuts = [i for i, line in enumerate(body) if _is_divider(line, size)]
        cuts = cuts or [i for i, line in enumerate(body) if re.fullmatch(r"\s*={5,}\s*", line)]
        self.at = end + 1
        if not cuts:
            self.reply.incomplete = "a SEARCH block has no ======= line between its two halves"
            return
        file = find_file_in_line(rest, self.known) if rest.strip(" `") else ""
        sides = [(tuple(body[:i]), tuple(body[i + 1 :])) for i in cuts]
        self.reply.items.append(
            _make_block(file or self._get_fence_file() or self._take_file_above(), sides)
        )

    def _find_end_marker(self, start: int, sign: str, size: int) -> int:
        """The line that closes a block opened with `size` signs, before the next SEARCH line; -1
        where none does."""
        loose = -1
        for at in range(start, len(self.lines)):
            line = self.lines[at].strip()
            run = len(line) - len(line.lstrip(sign))
            if run == size and re.fullmatch(r"(?:REPLACE|UPDATED)?.{0,3}", line[run:].strip()):
                return at
            if loose < 0 and run >= 5 and line[run:].strip() in {"REPLACE", "UPDATED"}:
                loose = at
            opened = SEARCH.match(self.lines[at])
            if opened and len(opened[1]) == size:
                break
        return loose

    def _scan_fence(self, indent: str, mark: str, info: str) -> None:
        if (
            self.open_fences
            and not info
            and mark[0] == self.open_fences[-1][0][0]
            and len(mark) >= len(self.open_fences[-1][0])
        ):
            self.open_fences.pop()
            self.at += 1
            return
        end = self._find_fence_end(mark)
        body = self.lines[self.at + 1 : end if end >= 0 else len(self.lines)]
        named = find_file_in_info(info, self.known)
        if _has_blocks(body) or (end >= 0 and self._wraps_file(mark, named, body)):
            self.open_fences.append((mark, named))
            self.at += 1
            return
        if end < 0:
            self.reply.incomplete = "a code fence is not closed"
        above = self._take_file_above()
        if end >= 0 and not named and not above.endswith(".json") and self._scan_json(body):
            self.at = end + 1
            return
        if not (named or above) and (name := find_file_in_first_line(body, self.known)):
            above, body = name, body[1:]
        body = [line.removeprefix(indent) for line in body] if indent else body
        if end >= 0:
            self.reply.items.append(
                FencedText(named or above, info, tuple(body), bool(named or above))
            )
        self.at = end + 1 if end >= 0 else len(self.lines)

    def _wraps_file(self, mark: str, named: str, body: list[str]) -> bool:
        """Whether a fence only wraps a shorter fence that holds a file: models quote whole answers
        like this. In a Markdown file the inner fence is part of the file."""
        file = named or find_file_in_first_line(body, self.known)
        inner = [m[2] for line in body if (m := FENCE.match(line))]
        shorter = [sign for sign in inner if sign[0] == mark[0] and len(sign) < len(mark)]
        return len(shorter) >= 2 and not file.endswith((".md", ".markdown", ".txt"))

    def _scan_json(self, body: list[str]) -> bool:
        """Read the edits of a fenced JSON document (a tool call, say); False where it holds
        none."""
        found = _parse_json("\n".join(body), self.known)
        if found is None:
            return False
        self.reply.items += found.items
        self.reply.prose += found.prose
        self.reply.incomplete = self.reply.incomplete or found.incomplete
        return True

    def _find_fence_end(self, mark: str) -> int:
        """The line that closes a fence, -1 where none does; fences of the same length with a
        language open nested ones."""
        depth, flat = 0, -1
        for at in range(self.at + 1, len(self.lines)):
            match = FENCE.match(self.lines[at])
            if not match or match[2][0] != mark[0] or len(match[2]) < len(mark):
                continue
            if match[3].strip():
                depth += len(match[2]) == len(mark)
            elif depth and len(match[2]) == len(mark):
                depth, flat = depth - 1, at if flat < 0 else flat
            else:
                return at
        return flat

    def _is_diff_start(self) -> bool:
        lines, at = self.lines, self.at
        if PATCH_FILE.match(lines[at]):
            return True
        return (
            bool(OLD_FILE.match(lines[at]))
            and at + 1 < len(lines)
            and bool(NEW_FILE.match(lines[at + 1]))
        )

    def _scan_diff(self) -> None:
        line = self.lines[self.at]
        if match := PATCH_FILE.match(line):
            self.at += 1
            file = resolve_file_name(match[2], self.known) or match[2]
            if match[1] == "Delete":
                self.reply.items.append(Deletion(file))
                return
            self._scan_hunks(file, create=match[1] == "Add", loose=True)
            return
        old, new = OLD_FILE.match(line), NEW_FILE.match(self.lines[self.at + 1])
        before, after = (
            find_file_in_diff_header(old[1] if old else "", self.known),
            find_file_in_diff_header(new[1] if new else "", self.known),
        )
        self.at += 2
        if not after:
            self.reply.items.append(Deletion(before))
        self._scan_hunks(after or before, create=not before, loose=False, wanted=bool(after))

    def _scan_hunks(self, file: str, *, create: bool, loose: bool, wanted: bool = True) -> None:
        began = False
        while self.at < len(self.lines) and (
            HUNK.match(self.lines[self.at]) or (loose and not began)
        ):
            match = HUNK.match(self.lines[self.at])
            self.at += bool(match)
            began = True
            block = self._scan_hunk(file, int(match[1]) if match and match[1] else 0, create)
            if wanted:
                self.reply.items.append(block)
        if not began and not create and wanted:
            self.reply.incomplete = f"the diff of {file} has no @@ hunk"
        if not began and create:
            self.reply.items.append(Block(file, (), (), create=True))

    def _scan_hunk(self, file: str, at: int, create: bool) -> Block:
        old: list[str] = []
        new: list[str] = []
        last, literal = "", False
        old_open = new_open = False
        while self.at < len(self.lines):
            line = self.lines[self.at]
            sign = line[:1] or " "
            if sign not in "+- \\" or self._is_file_start() or (not line and self._is_diff_end()):
                break
            self.at += 1
            if sign == "\\":
                literal, old_open, new_open = (
                    True,
                    old_open or last in " -",
                    new_open or last in " +",
                )
                continue
            last = sign
            old += [line[1:]] if sign in " -" else []
            new += [line[1:]] if sign in " +" else []
        if literal:
            old += [NO_NEWLINE] if old_open else []
            new += [NO_NEWLINE] if new_open else []
        return _make_block(file, [(tuple(old), tuple(new))], at, create)

    def _is_file_start(self) -> bool:
        return bool(PATCH_FILE.match(self.lines[self.at])) or self._is_header_pair()

    def _is_header_pair(self) -> bool:
        following = self.lines[self.at : self.at + 3]
        return len(following) == 3 and bool(
            OLD_FILE.match(following[0])
            and NEW_FILE.match(following[1])
            and HUNK.match(following[2])
        )

    def _is_diff_end(self) -> bool:
        """Whether an empty line ends the diff (its end, a fence or prose follows) rather than being
        empty context."""
        for line in self.lines[self.at : self.at + NEARBY_LINES]:
            if line:
                return line[0] not in "+- @\\"
        return True


def _make_block(
    file: str,
    sides: list[tuple[tuple[str, ...], tuple[str, ...]]],
    at: int = 0,
    create: bool = False,
) -> Block:
    literal = any(side and side[-1] == NO_NEWLINE for pair in sides for side in pair)
    (search, replace), *other = sides
    return Block(file, search, replace, at, tuple(other), literal, create)


def _is_divider(line: str, size: int) -> bool:
    return line.strip() == "=" * size


def _has_blocks(body: list[str]) -> bool:
    for at, line in enumerate(body):
        if SEARCH.match(line) or PATCH_FILE.match(line):
            return True
        if OLD_FILE.match(line) and at + 1 < len(body) and NEW_FILE.match(body[at + 1]):
            return True
    return False


def _parse_json(text: str, known: Collection[str]) -> Reply | None:
    """Parse a reply that is one JSON document, fenced or not, with files, edits or blocks at any
    depth; None where it is not."""
    bare = text.strip()
    if match := re.fullmatch(r"```(?:json)?\s*\n(.*)\n```", bare, re.DOTALL):
        bare = match[1].strip()
    if not bare.startswith(("{", "[")):
        return None
    try:
        data = json.loads(bare, strict=False)
    except (ValueError, RecursionError):
        return None
    reply = Reply()
    for item in _walk_json(data, known):
        if isinstance(item, str):
            inner = _Scanner(item.split("\n"), known).scan()
            reply.items += inner.items
            reply.prose += inner.prose
            reply.incomplete = reply.incomplete or inner.incomplete
        else:
            reply.items.append(item)
    return reply if reply.items or reply.incomplete else None


def _walk_json(
    data: Any, known: Collection[str], depth: int = 0
) -> Iterator[Block | FencedText | str]:
    if depth > 6:
        return
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for value in data:
            yield from _walk_json(value, known, depth + 1)
    elif isinstance(data, dict):
        name = next((str(data[k]) for k in JSON_FILE_KEYS if isinstance(data.get(k), str)), "")
        name = resolve_file_name(name, known) or name
        for old, new in JSON_EDIT_KEYS:
            if isinstance(data.get(old), str) and isinstance(data.get(new), str):
                yield Block(
                    name, tuple(_split_content(data[old])), tuple(_split_content(data[new]))
                )
                return
        content = next((data[k] for k in JSON_CONTENT_KEYS if isinstance(data.get(k), str)), None)
        if name and content is not None and "." in name:
            yield FencedText(name, "", tuple(_split_content(content)), True)
            return
        for key, value in data.items():
            if isinstance(value, str) and (file := resolve_file_name(str(key), known)):
                yield FencedText(file, "", tuple(_split_content(value)), True)
            else:
                yield from _walk_json(value, known, depth + 1)


def _split_content(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
