"""What stands in a model's reply: prose, SEARCH/REPLACE blocks, fenced files, unified diffs. Nothing is applied here."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from genopt_tui.learn.named import file_in, file_of_diff, file_of_info, first_line_names, known_as

SEARCH = re.compile(r"^\s*(<{5,})\s*(?:SEARCH|ORIGINAL)\b:?\s*(.*)$")
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*([^`]*)$")
HUNK = re.compile(r"^@@(?: -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@.*| .*|@*)?$")
OLD_FILE = re.compile(r"^--- (.+?)(?:\t.*)?$")
NEW_FILE = re.compile(r"^\+\+\+ (.+?)(?:\t.*)?$")
PATCH_FILE = re.compile(r"^\*\*\* (Update|Add|Delete) File: (.+?)\s*$")
DELETE = re.compile(r"^\s*(?:DELETE|delete)(?: FILE| file)?:\s*`?([^`\s]+)`?\s*$")
THOUGHT = re.compile(r"^\s*<(think|thinking|thought|reasoning)>(.*?)(?:</\1>|\Z)", re.DOTALL)
END_OF_THOUGHT = re.compile(r"</(?:think|thinking|thought)>")
NO_END = "\\ No newline at end of file"
GIT_LINE = re.compile(
    r"^(?:diff --git .*|index [0-9a-f]{7,}\.\.[0-9a-f]{7,}.*|(?:new|deleted) file mode \d+|\*\*\* (?:Begin|End) Patch)$"
)
NAMES = ("file", "path", "file_path", "filename", "name")  # keys of JSON documents that hold edits
PAIRS = (("search", "replace"), ("old_str", "new_str"), ("old_string", "new_string"), ("find", "replace"))
CONTENTS = ("content", "file_text", "text", "code", "source")
NEAR = 3  # lines above a block in which its file is looked for


@dataclass(frozen=True, slots=True)
class Block:
    """Replace the lines `search` by `replace` in `file` ('' where the reply does not say). `at` is a line hint from 1.

    `other` holds further ways to take the block apart, where its text holds lines that look like its divider.
    `literal_end`: one side says that the file ends without a line end there; both sides are then meant to the byte.
    """

    file: str
    search: tuple[str, ...]
    replace: tuple[str, ...]
    at: int = 0
    other: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    literal_end: bool = False
    create: bool = False


@dataclass(frozen=True, slots=True)
class Fenced:
    """A fenced text. `named` says whether the reply names `file` for it."""

    file: str
    info: str
    lines: tuple[str, ...]
    named: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    file: str


@dataclass
class Reply:
    """A reply taken apart. `broken` says what was begun and not finished; `thought` whether it held thinking text."""

    items: list[Block | Fenced | Delete] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    broken: str = ""
    thought: bool = False


def read(text: str, known: Collection[str]) -> Reply:
    """Take a reply apart; `known` are the artifact's file names. Never raises."""
    plain, thought = _without_thought(text)
    reply = _from_json(plain, known) or _Scanner(plain.split("\n"), known).scan()
    reply.thought = thought
    return reply


def _without_thought(text: str) -> tuple[str, bool]:
    """`text` (line feeds only) without the thinking text that some models put first."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    thought = False
    while match := THOUGHT.match(text):
        text, thought = text[match.end() :], True
    end = END_OF_THOUGHT.search(text)
    if end and not thought and not any(SEARCH.match(line) for line in text[: end.start()].split("\n")):
        return text[end.end() :], True
    return text, thought


class _Scanner:
    """Goes through the lines of a reply once."""

    def __init__(self, lines: list[str], known: Collection[str]) -> None:
        self.lines, self.known, self.at = lines, known, 0
        self.reply = Reply()
        self.fence = ""  # the fence around blocks that is open now
        self.info_file = ""

    def scan(self) -> Reply:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if match := SEARCH.match(line):
                self._block(len(match[1]), match[2])
            elif self._diff_starts():
                self._diff()
            elif match := DELETE.match(line):
                self.reply.items.append(Delete(known_as(match[1], self.known) or match[1]))
                self.at += 1
            elif match := FENCE.match(line):
                self._fence(match[1], match[2], match[3].strip())
            else:
                self.reply.prose += [] if GIT_LINE.match(line) else [line]
                self.at += 1
        return self.reply

    def _context(self) -> str:
        """The file named by the lines above; a line that says nothing else is no prose."""
        prose = self.reply.prose
        above = [i for i in range(max(0, len(prose) - 2 * NEAR), len(prose)) if prose[i].strip()][-NEAR:]
        for at in reversed(above):
            if name := file_in(prose[at], self.known):
                if name in self.known and len(prose[at].strip()) <= len(name) + 12:
                    del prose[at]
                return name
        return ""

    def _block(self, size: int, rest: str) -> None:
        start = self.at + 1
        end = self._marker(start, ">", size)
        if end < 0:
            self.reply.broken = "a SEARCH block has no closing >>>>>>> REPLACE line"
            self.at = len(self.lines)
            return
        size = len(self.lines[end].strip()) - len(self.lines[end].strip().lstrip(">"))
        body = self.lines[start:end]
        cuts = [i for i, line in enumerate(body) if _is_divider(line, size)]
        cuts = cuts or [i for i, line in enumerate(body) if re.fullmatch(r"\s*={5,}\s*", line)]
        self.at = end + 1
        if not cuts:
            self.reply.broken = "a SEARCH block has no ======= line between its two halves"
            return
        file = file_in(rest, self.known) if rest.strip(" `") else ""
        sides = [(tuple(body[:i]), tuple(body[i + 1 :])) for i in cuts]
        self.reply.items.append(_block(file or self.info_file or self._context(), sides))

    def _marker(self, start: int, sign: str, size: int) -> int:
        """The line that closes a block opened with `size` signs; a new SEARCH line ends the looking."""
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

    def _fence(self, indent: str, mark: str, info: str) -> None:
        if self.fence and not info and mark[0] == self.fence[0] and len(mark) >= len(self.fence):
            self.fence, self.info_file, self.at = "", "", self.at + 1
            return
        end = self._closing(mark)
        body = self.lines[self.at + 1 : end if end >= 0 else len(self.lines)]
        named = file_of_info(info, self.known)
        if _holds_blocks(body):
            self.fence, self.info_file, self.at = mark, named, self.at + 1
            return
        if end < 0:
            self.reply.broken = "a code fence is not closed"
        above = self._context()
        if end >= 0 and not named and not above.endswith(".json") and self._document(body):
            self.at = end + 1
            return
        if not (named or above) and (name := first_line_names(body, self.known)):
            above, body = name, body[1:]
        body = [line.removeprefix(indent) for line in body] if indent else body
        if end >= 0:
            self.reply.items.append(Fenced(named or above, info, tuple(body), bool(named or above)))
        self.at = end + 1 if end >= 0 else len(self.lines)

    def _document(self, body: list[str]) -> bool:
        """Take a fenced JSON document that holds edits (a call of a tool, say) for what it holds; False where it holds none."""
        found = _from_json("\n".join(body), self.known)
        if found is None:
            return False
        self.reply.items += found.items
        self.reply.prose += found.prose
        self.reply.broken = self.reply.broken or found.broken
        return True

    def _closing(self, mark: str) -> int:
        """The line that closes a fence; fences of the same length with a language open nested ones."""
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

    def _diff_starts(self) -> bool:
        lines, at = self.lines, self.at
        if PATCH_FILE.match(lines[at]):
            return True
        return bool(OLD_FILE.match(lines[at])) and at + 1 < len(lines) and bool(NEW_FILE.match(lines[at + 1]))

    def _diff(self) -> None:
        line = self.lines[self.at]
        if match := PATCH_FILE.match(line):
            self.at += 1
            file = known_as(match[2], self.known) or match[2]
            if match[1] == "Delete":
                self.reply.items.append(Delete(file))
                return
            self._hunks(file, create=match[1] == "Add", loose=True)
            return
        old, new = OLD_FILE.match(line), NEW_FILE.match(self.lines[self.at + 1])
        before, after = file_of_diff(old[1] if old else "", self.known), file_of_diff(new[1] if new else "", self.known)
        self.at += 2
        if not after:
            self.reply.items.append(Delete(before))
        self._hunks(after or before, create=not before, loose=False, wanted=bool(after))

    def _hunks(self, file: str, *, create: bool, loose: bool, wanted: bool = True) -> None:
        began = False
        while self.at < len(self.lines) and (HUNK.match(self.lines[self.at]) or (loose and not began)):
            match = HUNK.match(self.lines[self.at])
            self.at += bool(match)
            began = True
            block = self._hunk(file, int(match[1]) if match and match[1] else 0, create)
            if wanted:
                self.reply.items.append(block)
        if not began and not create and wanted:
            self.reply.broken = f"the diff of {file} has no @@ hunk"
        if not began and create:
            self.reply.items.append(Block(file, (), (), create=True))

    def _hunk(self, file: str, at: int, create: bool) -> Block:
        old: list[str] = []
        new: list[str] = []
        last, literal = "", False
        old_open = new_open = False
        while self.at < len(self.lines):
            line = self.lines[self.at]
            sign = line[:1] or " "
            if sign not in "+- \\" or self._file_starts() or (not line and self._diff_over()):
                break
            self.at += 1
            if sign == "\\":
                literal, old_open, new_open = True, old_open or last in " -", new_open or last in " +"
                continue
            last = sign
            old += [line[1:]] if sign in " -" else []
            new += [line[1:]] if sign in " +" else []
        if literal:
            old += [NO_END] if old_open else []
            new += [NO_END] if new_open else []
        return _block(file, [(tuple(old), tuple(new))], at, create)

    def _file_starts(self) -> bool:
        return bool(PATCH_FILE.match(self.lines[self.at])) or self._old_then_new()

    def _old_then_new(self) -> bool:
        following = self.lines[self.at : self.at + 3]
        return len(following) == 3 and bool(
            OLD_FILE.match(following[0]) and NEW_FILE.match(following[1]) and HUNK.match(following[2])
        )

    def _diff_over(self) -> bool:
        """Whether an empty line ends the diff (its end, a fence or prose follows) rather than being empty context."""
        for line in self.lines[self.at : self.at + NEAR]:
            if line:
                return line[0] not in "+- @\\"
        return True


def _block(file: str, sides: list[tuple[tuple[str, ...], tuple[str, ...]]], at: int = 0, create: bool = False) -> Block:
    literal = any(side and side[-1] == NO_END for pair in sides for side in pair)
    (search, replace), *other = sides
    return Block(file, search, replace, at, tuple(other), literal, create)


def _is_divider(line: str, size: int) -> bool:
    return line.strip() == "=" * size


def _holds_blocks(body: list[str]) -> bool:
    for at, line in enumerate(body):
        if SEARCH.match(line) or PATCH_FILE.match(line):
            return True
        if OLD_FILE.match(line) and at + 1 < len(body) and NEW_FILE.match(body[at + 1]):
            return True
    return False


def _from_json(text: str, known: Collection[str]) -> Reply | None:
    """A reply that is one JSON document (fenced or not) holding files, edits, or a text with blocks, however deep."""
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
            reply.broken = reply.broken or inner.broken
        else:
            reply.items.append(item)
    return reply if reply.items or reply.broken else None


def _walk_json(data: Any, known: Collection[str], depth: int = 0) -> Iterator[Block | Fenced | str]:
    if depth > 6:
        return
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for value in data:
            yield from _walk_json(value, known, depth + 1)
    elif isinstance(data, dict):
        name = next((str(data[k]) for k in NAMES if isinstance(data.get(k), str)), "")
        name = known_as(name, known) or name
        for old, new in PAIRS:
            if isinstance(data.get(old), str) and isinstance(data.get(new), str):
                yield Block(name, tuple(_lines(data[old])), tuple(_lines(data[new])))
                return
        content = next((data[k] for k in CONTENTS if isinstance(data.get(k), str)), None)
        if name and content is not None and "." in name:
            yield Fenced(name, "", tuple(_lines(content)), True)
            return
        for key, value in data.items():
            if isinstance(value, str) and (file := known_as(str(key), known)):
                yield Fenced(file, "", tuple(_lines(value)), True)
            else:
                yield from _walk_json(value, known, depth + 1)


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
