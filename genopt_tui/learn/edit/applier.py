"""Applying the edits of a reply to a copy of the artifact."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genopt_tui.learn.edit.match import (
    Place,
    find_nearest,
    find_places,
    find_unique_loose_place,
    quote_lines,
    similarity,
)
from genopt_tui.learn.edit.partial_file import merge_definitions
from genopt_tui.learn.edit.refusal import Refusal, RefusalError, combine_refusals, refusal_error
from genopt_tui.learn.edit.reply import Block, Deletion, FencedText
from genopt_tui.learn.edit.syntax import find_syntax_error
from genopt_tui.learn.scope import Scope, explain_unsafe_name, is_inside
from genopt_tui.learn.text import NO_NEWLINE, Files, detect_newline, split_lines

Item = Block | FencedText | Deletion
MAX_LINES_OFFERED = 60  # lines of a near match that are quoted for a corrected SEARCH
ELISION = re.compile(
    r"^\s*(?:#|//|<!--|/\*|--|;)?\s*(?:\.\.\.|…)?\s*"
    r"\(?(?:(?:the )?(?:rest|remainder) of (?:the )?(?:\w+ )?"
    r"(?:code|file|function|class|method|body)s?|"
    r"(?:existing|previous|other|remaining|original|same) "
    r"(?:code|functions?|methods?|imports?|lines?))\b"
    r"[^\"']{0,40}(?:unchanged|the same|as before|here|\.\.\.|…)[^\"']{0,10}$",
    re.IGNORECASE,
)


@dataclass
class _FileState:
    """A file that blocks change: its lines without line ends, and what they are replaced by.

    `replacements` are (first line from 0, number of lines, new lines), not yet in `lines`.
    """

    lines: list[str]
    has_final_newline: bool
    replacements: list[tuple[int, int, list[str]]] = field(default_factory=list)

    def is_free(self, place: Place) -> bool:
        """Whether no replacement overlaps `place`."""
        end = place.first + place.count
        return all(
            end <= first or first + count <= place.first for first, count, _ in self.replacements
        )

    def find_free_places(self, wanted: Sequence[str]) -> list[Place]:
        return [place for place in find_places(self.lines, wanted) if self.is_free(place)]


class EditApplier:
    """Applies the edits of one reply, in order, to a copy of the artifact `files`.

    A block is looked up in the file as it was sent; only where that fails, in the file as edited
    so far. `prose` is the reply's text beside its edits.
    """

    def __init__(self, files: Mapping[str, str], scope: Scope, prose: str = "") -> None:
        self.old, self.scope, self.prose = files, scope, prose
        self.new: Files = dict(files)
        self.states: dict[str, _FileState] = {}
        self.notes: list[str] = []
        self.last_file = ""

    def apply(self, items: Sequence[Item]) -> tuple[Files, list[str]]:
        """The new artifact, and notes on what was read leniently. Raises RefusalError, which names
        every edit that could not be applied."""
        refusals: list[Refusal] = []
        distinct = list(dict.fromkeys(self._name_file(item) for item in items))
        for item in distinct:
            try:
                self._apply_item(item)
            except RefusalError as error:
                refusals.append(error.refusal)
        if refusals:
            raise RefusalError(combine_refusals(refusals, len(distinct)))
        for file, state in self.states.items():
            self._write_replacements(file, state)
            self._restore_fixed_lines(file, allow_missing=False)
        return self.new, self.notes

    def _name_file(self, item: Item) -> Item:
        """`item` with its file, so that the same edit given twice counts once."""
        if isinstance(item, Block) and not item.file:
            editable = [f for f in self.old if self.scope.covers(f)]
            if len(editable) == 1:
                return item.with_file(editable[0])
        return item

    def _apply_item(self, item: Item) -> None:
        if isinstance(item, Deletion):
            self._delete(item.file)
        elif isinstance(item, FencedText):
            self._replace_file(item)
        else:
            self._apply_block(item)

    def _delete(self, file: str) -> None:
        if file not in self.new:
            raise refusal_error(
                "no-match",
                f"there is no file {file} to delete",
                file,
                advice=self._list_editable_files(),
            )
        self.states.pop(file, None)
        del self.new[file]

    def _replace_file(self, item: FencedText) -> None:
        """Replace a file by a fence that holds all of it, or some of its definitions."""
        file = item.file
        self._check_file(file)
        text = "\n".join(item.lines) + "\n" if item.lines else ""
        old = self.old.get(file)
        if old is not None:
            _refuse_elision(file, item.lines, old)
            text = self._merge_partial_file(file, old, text)
            if not old.endswith(("\n", "\r")) and old:
                text = text.removesuffix("\n")
            text = text.replace("\n", detect_newline(old))
        self.states.pop(file, None)
        self.new[file] = text
        if old is not None and not self.scope.covers_whole(file):
            self._restore_fixed_lines(file, allow_missing=True)

    def _merge_partial_file(self, file: str, old: str, text: str) -> str:
        """The whole file that a fence means, where it holds only some of its definitions."""
        if not file.endswith(".py") or not self.scope.covers_whole(file):
            return text
        merged = merge_definitions(old.replace("\r\n", "\n"), text, self.prose)
        if merged is None:
            return text
        names = ", ".join(merged.kept[:8])
        self.notes.append(f"{file}: the fence holds a part of the file; unchanged: {names}")
        return merged.text

    def _apply_block(self, block: Block) -> None:
        file = block.file or self._guess_file(block)
        self._check_file(file)
        is_empty = not any(line.strip() for line in block.search)
        if block.create or (file not in self.new and is_empty):
            self._create(file, block)
            return
        if file not in self.new:
            raise refusal_error(
                "no-match" if self.scope.can_create(file) else "scope",
                f"there is no file {file}",
                file,
                advice=self._list_editable_files(),
            )
        state = self._load_state(file)
        self.last_file = file
        if is_empty:
            self._fill_empty_file(file, state, block)
            return
        _refuse_elision(file, block.replace, self.old.get(file, ""))
        self._replace_lines(file, block)

    def _create(self, file: str, block: Block) -> None:
        if file not in self.new:
            self.new[file] = _join_lines(block.replace, literal=block.literal_end)
            self.last_file = file
            return
        if self.new[file].strip():
            raise refusal_error(
                "ambiguous",
                f"{file} exists already",
                file,
                advice="Quote the lines to replace in SEARCH",
            )
        self._fill_empty_file(file, self._load_state(file), block)

    def _fill_empty_file(self, file: str, state: _FileState, block: Block) -> None:
        """An empty SEARCH fills an empty file."""
        if any(line.strip() for line in state.lines):
            if block.line_hint and block.replace and not block.search:
                first = min(block.line_hint, len(state.lines))
                state.replacements.append((first, 0, list(block.replace)))
                return
            raise refusal_error(
                "no-match",
                "SEARCH is empty, but the file is not",
                file,
                advice="Quote the lines to replace in SEARCH",
            )
        replace, ends_bare = list(block.replace), block.replace[-1:] == (NO_NEWLINE,)
        if ends_bare:
            replace.pop()
        had_newline = state.has_final_newline or not state.lines  # white space keeps its own end
        state.has_final_newline = had_newline and not ends_bare
        state.replacements = [(0, len(state.lines), replace)]

    def _replace_lines(self, file: str, block: Block) -> None:
        chosen: tuple[Place, tuple[str, ...]] | None = None
        error: RefusalError | None = None
        for search, replace in [(block.search, block.replace), *block.alternatives]:
            try:
                place = self._find_place(file, search, block.line_hint)
            except RefusalError as refused:
                error = error or refused
                continue
            if chosen:
                raise refusal_error(
                    "ambiguous",
                    "the block holds several ======= lines and can be read in several ways",
                    f"{file}:{place.first + 1}",
                    advice="Write this block with longer markers "
                    "(<<<<<<<<< SEARCH, =========, >>>>>>>>> REPLACE)",
                )
            chosen = place, replace
        if chosen is None:
            raise error or refusal_error("no-match", "the block is empty", file)
        place, replace = chosen
        state = self._load_state(file)
        if block.literal_end:
            if place.first + place.count == len(state.lines):
                state.has_final_newline = block.replace[-1:] != (NO_NEWLINE,)
            replace = tuple(line for line in replace if line != NO_NEWLINE)
        state.replacements.append(
            (place.first, place.count, [place.reindent(line) for line in replace])
        )

    def _find_place(self, file: str, search: tuple[str, ...], hint: int) -> Place:
        """Where `search` stands, outside the lines replaced already. Raises RefusalError."""
        wanted = [line for line in search if line != NO_NEWLINE]
        state = self._load_state(file)
        place = self._find_single_place(file, state, wanted, hint)
        if place is None and state.replacements:
            self._write_replacements(file, state)
            state = self._load_state(file)
            place = self._find_single_place(file, state, wanted, hint)
        if place is None:
            raise self._no_match_error(file, state, wanted)
        return place

    def _find_single_place(
        self, file: str, state: _FileState, wanted: Sequence[str], hint: int
    ) -> Place | None:
        """The only free place of `wanted`, None where it is nowhere. Raises RefusalError where it
        is at several places."""
        places = state.find_free_places(wanted)
        if not places and (inner := _strip_blank_lines(wanted)) != [*wanted]:
            places = state.find_free_places(inner)
            if len(places) == 1:
                self.notes.append(f"{file}: blank lines around a SEARCH block were not in the file")
        if len(places) > 1:
            places = self._prefer_editable(file, state, places)
        if len(places) > 1 and hint:
            nearest = sorted(places, key=lambda p: abs(p.first + 1 - hint))
            if abs(nearest[0].first + 1 - hint) < abs(nearest[1].first + 1 - hint):
                places = nearest[:1]
        if len(places) > 1:
            numbers = ", ".join(str(p.first + 1) for p in places[:8])
            raise refusal_error(
                "ambiguous",
                f"the SEARCH lines stand at {len(places)} places: lines {numbers}",
                f"{file}:{places[0].first + 1}",
                "\n".join(wanted[:6]),
                "Quote more lines around the place, so that it is the only one",
            )
        if not places:
            return None
        place = places[0]
        exact = state.lines[place.first : place.first + len(wanted)] == [*wanted]
        if place.indent_change != ("", "") or not exact:
            self.notes.append(f"{file}:{place.first + 1} was matched ignoring white space")
        return place

    def _prefer_editable(self, file: str, state: _FileState, places: list[Place]) -> list[Place]:
        """The places inside the scope, where any are."""
        text = "".join(f"{line}\n" for line in state.lines)
        ranges = self.scope.find_editable_lines(file, text)
        return [p for p in places if is_inside(ranges, p.first + 1, p.first + p.count)] or places

    def _no_match_error(self, file: str, state: _FileState, wanted: Sequence[str]) -> RefusalError:
        if file in self.old and find_places(_read_lines(self.old[file]), wanted):
            return refusal_error(
                "ambiguous",
                "two blocks change the same lines",
                file,
                "\n".join(wanted[:6]),
                "Put them into one block",
            )
        first = next((w.strip() for w in wanted if w.strip()), "")
        why = f"the SEARCH lines are not in the file; they begin with: {first[:120]}"
        if found := find_unique_loose_place(state.lines, wanted):
            start, count = found
            return refusal_error(
                "no-match",
                why,
                f"{file}:{start + 1}",
                quote_lines(state.lines, start, count, MAX_LINES_OFFERED),
                f"Apart from comments and white space, only lines {start + 1} to {start + count} "
                "match. If these are meant, repeat them in SEARCH exactly as the file has them",
            )
        line, quoted = find_nearest(state.lines, wanted)
        return refusal_error(
            "no-match",
            why,
            f"{file}:{line}" if line else file,
            quoted,
            "SEARCH must repeat whole lines of the file exactly, with their indentation",
        )

    def _guess_file(self, block: Block) -> str:
        """The file of a block that names none: the only one in scope, the only one that holds its
        lines, or the last one."""
        editable = [f for f in self.new if self.scope.covers(f)]
        if len(editable) == 1:
            return editable[0]
        wanted = [line for line in block.search if line != NO_NEWLINE]
        holding = [f for f in self.new if find_places(_read_lines(self.new[f]), wanted)]
        best = [f for f in holding if f in editable] or holding
        if len(best) == 1:
            return best[0]
        if self.last_file:
            return self.last_file
        raise refusal_error(
            "ambiguous",
            "a block does not say which file it is for",
            advice=self._list_editable_files(),
        )

    def _check_file(self, file: str) -> None:
        """Raises RefusalError where an edit may not touch `file`."""
        if why := explain_unsafe_name(file):
            raise refusal_error(
                "scope", f"'{file[:80]}' cannot be a file of the artifact: {why}", file[:80]
            )
        if file in self.old and not self.scope.covers(file):
            raise refusal_error(
                "scope",
                f"{file} is not in the scope ({self.scope.describe()})",
                file,
                advice=self._list_editable_files(),
            )
        if file not in self.old and not self.scope.can_create(file):
            raise refusal_error(
                "scope",
                f"there is no file {file}, and no file may be created",
                file,
                max(self.old, key=lambda f: similarity(f, file), default=""),
                self._list_editable_files(),
            )

    def _list_editable_files(self) -> str:
        names = [f for f in self.old if self.scope.covers(f)]
        return f"Files you may edit: {', '.join(names[:10]) or 'none'}"

    def _load_state(self, file: str) -> _FileState:
        if file not in self.states:
            lines = split_lines(self.new[file])
            ends = not lines or lines[-1].endswith("\n")
            self.states[file] = _FileState(_read_lines(self.new[file]), ends)
        return self.states[file]

    def _write_replacements(self, file: str, state: _FileState) -> None:
        """Write the replacements so far into the file's text."""
        if not state.replacements:
            return
        old, newline = split_lines(self.new[file]), detect_newline(self.new[file])
        pieces: list[str] = []
        position = 0
        for first, count, replace in sorted(state.replacements, key=lambda r: (r[0], r[1])):
            pieces += [*old[position:first], *(line + newline for line in replace)]
            position = first + count
        pieces += old[position:]
        self.new[file] = _join_with_newlines(pieces, newline, state.has_final_newline)
        state.lines, state.replacements = _read_lines(self.new[file]), []

    def _restore_fixed_lines(self, file: str, *, allow_missing: bool) -> None:
        """Put back lines outside the scope of which only white space changed."""
        if file not in self.old or file not in self.new:
            return
        if find_syntax_error(file, self.new[file])[0]:
            return
        text = self.scope.restore_fixed_lines(
            file, self.old[file], self.new[file], allow_missing=allow_missing
        )
        if text != self.new[file]:
            self.notes.append(f"{file}: lines outside the scope were kept as they are")
            self.new[file] = text


def _read_lines(text: str) -> list[str]:
    """The lines of a file without their ends."""
    return [line.rstrip("\n").removesuffix("\r") for line in split_lines(text)]


def _strip_blank_lines(lines: Sequence[str]) -> list[str]:
    """`lines` without the blank ones at both ends."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return list(lines[filled[0] : filled[-1] + 1]) if filled else []


def _refuse_elision(file: str, lines: Sequence[str], old: str) -> None:
    """Raises RefusalError where a line stands for code that was left out."""
    for line in lines:
        if ELISION.match(line) and line.strip() and line.strip() not in old:
            raise refusal_error(
                "no-match",
                f"the text is abbreviated ({line.strip()[:80]}), so part of the file would be lost",
                file,
                advice="Write the lines in full, "
                "or use SEARCH/REPLACE blocks for the part that changes",
            )


def _join_lines(lines: Sequence[str], *, literal: bool) -> str:
    if literal and lines and lines[-1] == NO_NEWLINE:
        return "\n".join(lines[:-1])
    return "".join(f"{line}\n" for line in lines)


def _join_with_newlines(lines: list[str], newline: str, ended: bool) -> str:
    """Lines joined so that all but the last end with a line end; the last where `ended`."""
    whole = [line if line.endswith("\n") else line + newline for line in lines]
    if whole and not ended:
        whole[-1] = whole[-1].removesuffix("\n").removesuffix("\r")
    return "".join(whole)
