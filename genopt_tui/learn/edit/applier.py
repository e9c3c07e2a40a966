"""Applying the items of a reply to a copy of the artifact: exact match first, then one that
tolerates indentation."""

import re
from collections.abc import Mapping, Sequence

from genopt_tui.learn.edit.match import Place, find_nearest, find_places, similarity
from genopt_tui.learn.edit.refusal import RefusalError, refusal_error
from genopt_tui.learn.edit.reply import NO_NEWLINE, Block, Deletion, FencedText
from genopt_tui.learn.edit.syntax import find_syntax_error
from genopt_tui.learn.scope import Scope, explain_unsafe_name, is_inside
from genopt_tui.learn.text import Files, detect_newline, split_lines

ELISION = re.compile(
    r"^\s*(?:#|//|<!--|/\*|--|;)?\s*(?:\.\.\.|…)?\s*\(?(?:(?:the )?(?:rest|remainder) of (?:the )?(?:\w+ )?"
    r"(?:code|file|function|class|method|body)s?|"
    r"(?:existing|previous|other|remaining|original|same) (?:code|functions?|methods?|imports?|lines?))\b"
    r"[^\"']{0,40}(?:unchanged|the same|as before|here|\.\.\.|…)[^\"']{0,10}$",
    re.IGNORECASE,
)


class EditApplier:
    """Applies the items of one reply, in order, to a copy of the artifact.

    Blocks are looked up in the file as it was sent; only where that fails, in the file as edited so
    far.
    """

    def __init__(self, files: Mapping[str, str], scope: Scope) -> None:
        self.old, self.scope = files, scope
        self.new: Files = dict(files)
        self.lines: dict[str, list[str]] = {}
        self.final_newlines: dict[str, bool] = {}
        self.replacements: dict[str, list[tuple[int, int, list[str]]]] = {}
        self.notes: list[str] = []
        self.last_file = ""

    def apply(self, items: Sequence[Block | FencedText | Deletion]) -> tuple[Files, list[str]]:
        for item in items:
            if isinstance(item, Deletion):
                self._delete(item.file)
            elif isinstance(item, FencedText):
                self._replace_file(item)
            else:
                self._apply_block(item)
        for file in list(self.replacements):
            self._apply_replacements(file)
        for file in self.lines:
            self._restore_fixed_lines(file, left_out=False)
        return self.new, self.notes

    def _delete(self, file: str) -> None:
        if file not in self.new:
            raise refusal_error(
                "no-match",
                f"there is no file {file} to delete",
                file,
                advice=self._list_editable_files(),
            )
        self._discard(file)
        del self.new[file]

    def _replace_file(self, item: FencedText) -> None:
        self._check_file(item.file)
        text = "\n".join(item.lines) + "\n" if item.lines else ""
        old = self.old.get(item.file)
        if old is not None:
            _refuse_elision(item.file, item.lines, old)
            if not old.endswith(("\n", "\r")) and old:
                text = text.removesuffix("\n")
            text = text.replace("\n", detect_newline(old))
        self._discard(item.file)
        self.new[item.file] = text
        if old is not None and not self.scope.covers_whole(item.file):
            self._restore_fixed_lines(item.file, left_out=True)

    def _apply_block(self, block: Block) -> None:
        file = block.file or self._guess_file(block)
        self._check_file(file)
        if block.create or (file not in self.new and not any(s.strip() for s in block.search)):
            self._create(file, block)
            return
        if file not in self.new:
            raise refusal_error(
                "scope" if not self.scope.can_create(file) else "no-match",
                f"there is no file {file}",
                file,
                advice=self._list_editable_files(),
            )
        self._load_lines(file)
        self.last_file = file
        if not block.search or not any(s.strip() for s in block.search):
            self._fill_empty_file(file, block)
            return
        _refuse_elision(file, block.replace, self.old.get(file, ""))
        self._replace_lines(file, block)

    def _create(self, file: str, block: Block) -> None:
        if file in self.new and self.new[file].strip():
            raise refusal_error(
                "ambiguous",
                f"{file} exists already",
                file,
                advice="Quote the lines to replace in SEARCH",
            )
        if file in self.new:
            self._load_lines(file)
            self._fill_empty_file(file, block)
            return
        self._discard(file)
        self.new[file] = _join_lines(block.replace, ended=True, literal=block.literal_end)
        self.last_file = file

    def _fill_empty_file(self, file: str, block: Block) -> None:
        """An empty SEARCH fills an empty file."""
        if any(line.strip() for line in self.lines[file]):
            if block.line_hint and block.replace and not block.search:
                at = min(block.line_hint, len(self.lines[file]))
                self.replacements.setdefault(file, []).append((at, 0, list(block.replace)))
                return
            raise refusal_error(
                "no-match",
                "SEARCH is empty, but the file is not",
                file,
                advice="Quote the lines to replace in SEARCH",
            )
        replace = [*block.replace[:-1]] if block.replace[-1:] == (NO_NEWLINE,) else [*block.replace]
        ended = (
            self.final_newlines[file] or not self.lines[file]
        )  # a file of blanks keeps its own end
        self.final_newlines[file] = ended and block.replace[-1:] != (NO_NEWLINE,)
        self.replacements[file] = [(0, len(self.lines[file]), replace)]

    def _replace_lines(self, file: str, block: Block) -> None:
        chosen: tuple[Place, tuple[str, ...]] | None = None
        error: RefusalError | None = None
        for search, replace in [(block.search, block.replace), *block.alternatives]:
            try:
                place = self._find_place(file, search, block.line_hint)
            except RefusalError as found:
                error = error or found
                continue
            if chosen:
                raise refusal_error(
                    "ambiguous",
                    "the block holds several ======= lines and can be read in several ways",
                    f"{file}:{place.first + 1}",
                    advice="Write this block with longer markers (<<<<<<<<< SEARCH, =========, >>>>>>>>> REPLACE)",
                )
            chosen = place, replace
        if chosen is None:
            raise error or refusal_error("no-match", "the block is empty", file)
        place, replace = chosen
        if block.literal_end:
            self._set_final_newline(file, block, place)
            replace = tuple(line for line in replace if line != NO_NEWLINE)
        self.replacements.setdefault(file, []).append(
            (place.first, place.count, [place.reindent(line) for line in replace])
        )

    def _set_final_newline(self, file: str, block: Block, place: Place) -> None:
        if place.first + place.count == len(self.lines[file]):
            self.final_newlines[file] = block.replace[-1:] != (NO_NEWLINE,)

    def _find_place(self, file: str, search: tuple[str, ...], hint: int) -> Place:
        """Where `search` stands, in what is still untouched. Raises Refused."""
        wanted = [line for line in search if line != NO_NEWLINE]
        place = self._find_single_place(file, wanted, hint)
        if place is None and file in self.replacements:
            self._apply_replacements(file)
            self._load_lines(file)
            place = self._find_single_place(file, wanted, hint)
        if place is None:
            raise self._no_match_error(file, wanted)
        return place

    def _find_single_place(self, file: str, wanted: Sequence[str], hint: int) -> Place | None:
        """The one untouched place of `wanted`, None where there is none. Raises Refused where there
        are several."""
        lines = self.lines[file]
        head = next((i for i, line in enumerate(wanted) if line.strip()), 0)
        tail = len(wanted) - next((i for i, line in enumerate(reversed(wanted)) if line.strip()), 0)
        places = [p for p in find_places(lines, wanted) if self._is_free(file, p)]
        if not places and (head or tail < len(wanted)):
            inner = [p for p in find_places(lines, wanted[head:tail]) if self._is_free(file, p)]
            if len(inner) == 1:
                self.notes.append(f"{file}: blank lines around a SEARCH block were not in the file")
            places = inner
        if len(places) > 1:
            places = self._prefer_editable(file, places)
        if len(places) > 1 and hint:
            distance = sorted(places, key=lambda p: abs(p.first + 1 - hint))
            if abs(distance[0].first + 1 - hint) < abs(distance[1].first + 1 - hint):
                places = distance[:1]
        if len(places) > 1:
            raise refusal_error(
                "ambiguous",
                f"the SEARCH lines stand at {len(places)} places: lines {', '.join(str(p.first + 1) for p in places[:8])}",
                f"{file}:{places[0].first + 1}",
                "\n".join(wanted[:6]),
                "Quote more lines around the place, so that it is the only one",
            )
        if places and (
            places[0].indent_change != ("", "")
            or [*wanted] != lines[places[0].first : places[0].first + len(wanted)]
        ):
            self.notes.append(f"{file}:{places[0].first + 1} was matched without regard to blanks")
        return places[0] if places else None

    def _prefer_editable(self, file: str, places: list[Place]) -> list[Place]:
        """The places inside the scope, where any are."""
        ranges = self.scope.find_editable_lines(
            file, "".join(f"{line}\n" for line in self.lines[file])
        )
        return [p for p in places if is_inside(ranges, p.first + 1, p.first + p.count)] or places

    def _is_free(self, file: str, place: Place) -> bool:
        end = place.first + place.count
        return all(
            end <= at or at + count <= place.first
            for at, count, _ in self.replacements.get(file, [])
        )

    def _no_match_error(self, file: str, wanted: Sequence[str]) -> RefusalError:
        line, quoted = find_nearest(self.lines[file], wanted)
        if file in self.old and self._has_overlap(file, wanted):
            return refusal_error(
                "ambiguous",
                "two blocks change the same lines",
                file,
                "\n".join(wanted[:6]),
                "Put them into one block",
            )
        first = next((w.strip() for w in wanted if w.strip()), "")
        return refusal_error(
            "no-match",
            f"the SEARCH lines are not in the file; they begin with: {first[:120]}",
            f"{file}:{line}" if line else file,
            quoted,
            "SEARCH must repeat whole lines of the file exactly, with their indentation",
        )

    def _has_overlap(self, file: str, wanted: Sequence[str]) -> bool:
        return bool(
            find_places([line.rstrip("\r\n") for line in split_lines(self.old[file])], wanted)
        )

    def _guess_file(self, block: Block) -> str:
        """The file of a block that names none: the only one in scope, the only one that holds its
        lines, or the last one."""
        editable = [f for f in self.new if self.scope.covers(f)]
        if len(editable) == 1:
            return editable[0]
        wanted = [line for line in block.search if line != NO_NEWLINE]
        holding = [
            f
            for f in self.new
            if find_places([s.rstrip("\r\n") for s in split_lines(self.new[f])], wanted)
        ]
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
            near = max(self.old, key=lambda f: similarity(f, file), default="")
            raise refusal_error(
                "scope",
                f"there is no file {file}, and no file may be created",
                file,
                near,
                self._list_editable_files(),
            )

    def _list_editable_files(self) -> str:
        names = [f for f in self.old if self.scope.covers(f)]
        return f"Files you may edit: {', '.join(names[:10]) or 'none'}"

    def _load_lines(self, file: str) -> None:
        if file not in self.lines:
            lines = split_lines(self.new[file])
            self.final_newlines.setdefault(file, not lines or lines[-1].endswith("\n"))
            self.lines[file] = [line.rstrip("\n").removesuffix("\r") for line in lines]

    def _apply_replacements(self, file: str) -> None:
        """Work the replacements taken so far into the text."""
        taken = sorted(self.replacements.pop(file, []), key=lambda t: (t[0], t[1]))
        if not taken:
            return
        old = split_lines(self.new[file])
        newline = detect_newline(self.new[file])
        pieces: list[str] = []
        at = 0
        for first, count, replace in taken:
            pieces += [*old[at:first], *(line + newline for line in replace)]
            at = first + count
        pieces += old[at:]
        self.new[file] = _join_with_newlines(pieces, newline, self.final_newlines[file])
        del self.lines[file]
        self._load_lines(file)

    def _discard(self, file: str) -> None:
        for known in (self.lines, self.replacements, self.final_newlines):
            known.pop(file, None)

    def _restore_fixed_lines(self, file: str, *, left_out: bool) -> None:
        if (
            file not in self.old
            or file not in self.new
            or find_syntax_error(file, self.new[file])[0]
        ):
            return
        text = self.scope.restore_fixed_lines(
            file, self.old[file], self.new[file], allow_missing=left_out
        )
        if text != self.new[file]:
            self.notes.append(f"{file}: lines outside the scope were kept as they are")
            self.new[file] = text


def _refuse_elision(file: str, lines: Sequence[str], old: str) -> None:
    for line in lines:
        if ELISION.match(line) and line.strip() and line.strip() not in old:
            raise refusal_error(
                "no-match",
                f"the text is abbreviated ({line.strip()[:80]}), so part of the file would be lost",
                file,
                advice="Write the lines in full, or use SEARCH/REPLACE blocks for the part that changes",
            )


def _join_lines(lines: Sequence[str], *, ended: bool, literal: bool) -> str:
    if literal and lines and lines[-1] == NO_NEWLINE:
        return "\n".join(lines[:-1])
    return "".join(f"{line}\n" for line in lines) if ended else "\n".join(lines)


def _join_with_newlines(lines: list[str], newline: str, ended: bool) -> str:
    """Lines joined so that all but the last end with a line end, and the last as the file's own end
    says."""
    whole = [line if line.endswith("\n") else line + newline for line in lines]
    if whole and not ended:
        whole[-1] = whole[-1].removesuffix("\n").removesuffix("\r")
    return "".join(whole)
