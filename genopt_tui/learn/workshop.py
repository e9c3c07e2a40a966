"""Applying the items of a reply to a copy of the artifact: exact match first, then one that tolerates indentation."""

import re
from collections.abc import Mapping, Sequence

from genopt_tui.learn.check import syntax_error
from genopt_tui.learn.match import Place, find, nearest, similarity
from genopt_tui.learn.refusal import Refused, refused
from genopt_tui.learn.reply import NO_END, Block, Delete, Fenced
from genopt_tui.learn.scope import Scope, inside, unsafe_name
from genopt_tui.learn.text import Files, newline_of, split_lines

ELIDED = re.compile(
    r"^\s*(?:#|//|<!--|/\*|--|;)?\s*(?:\.\.\.|…)?\s*\(?(?:(?:the )?(?:rest|remainder) of (?:the )?(?:\w+ )?"
    r"(?:code|file|function|class|method|body)s?|"
    r"(?:existing|previous|other|remaining|original|same) (?:code|functions?|methods?|imports?|lines?))\b"
    r"[^\"']{0,40}(?:unchanged|the same|as before|here|\.\.\.|…)[^\"']{0,10}$",
    re.IGNORECASE,
)


class Workshop:
    """Applies the items of one reply, in order, to a copy of the artifact.

    Blocks are looked up in the file as it was sent; only where that fails, in the file as edited so far.
    """

    def __init__(self, files: Mapping[str, str], scope: Scope) -> None:
        self.old, self.scope = files, scope
        self.new: Files = dict(files)
        self.base: dict[str, list[str]] = {}
        self.ends: dict[str, bool] = {}
        self.taken: dict[str, list[tuple[int, int, list[str]]]] = {}
        self.notes: list[str] = []
        self.last = ""

    def apply(self, items: Sequence[Block | Fenced | Delete]) -> tuple[Files, list[str]]:
        for item in items:
            if isinstance(item, Delete):
                self._delete(item.file)
            elif isinstance(item, Fenced):
                self._whole(item)
            else:
                self._block(item)
        for file in list(self.taken):
            self._flush(file)
        for file in self.base:
            self._restore(file, left_out=False)
        return self.new, self.notes

    def _delete(self, file: str) -> None:
        if file not in self.new:
            raise refused("no-match", f"there is no file {file} to delete", file, advice=self._files())
        self._forget(file)
        del self.new[file]

    def _whole(self, item: Fenced) -> None:
        self._known(item.file)
        text = "\n".join(item.lines) + "\n" if item.lines else ""
        old = self.old.get(item.file)
        if old is not None:
            _refuse_elision(item.file, item.lines, old)
            if not old.endswith(("\n", "\r")) and old:
                text = text.removesuffix("\n")
            text = text.replace("\n", newline_of(old))
        self._forget(item.file)
        self.new[item.file] = text
        if old is not None and not self.scope.whole(item.file):
            self._restore(item.file, left_out=True)

    def _block(self, block: Block) -> None:
        file = block.file or self._guess(block)
        self._known(file)
        if block.create or (file not in self.new and not any(s.strip() for s in block.search)):
            self._create(file, block)
            return
        if file not in self.new:
            raise refused(
                "scope" if not self.scope.may_create(file) else "no-match",
                f"there is no file {file}",
                file,
                advice=self._files(),
            )
        self._open(file)
        self.last = file
        if not block.search or not any(s.strip() for s in block.search):
            self._fill(file, block)
            return
        _refuse_elision(file, block.replace, self.old.get(file, ""))
        self._replace(file, block)

    def _create(self, file: str, block: Block) -> None:
        if file in self.new and self.new[file].strip():
            raise refused("ambiguous", f"{file} exists already", file, advice="Quote the lines to replace in SEARCH")
        if file in self.new:
            self._open(file)
            self._fill(file, block)
            return
        self._forget(file)
        self.new[file] = _joined(block.replace, ended=True, literal=block.literal_end)
        self.last = file

    def _fill(self, file: str, block: Block) -> None:
        """An empty SEARCH fills an empty file."""
        if any(line.strip() for line in self.base[file]):
            if block.at and block.replace and not block.search:
                at = min(block.at, len(self.base[file]))
                self.taken.setdefault(file, []).append((at, 0, list(block.replace)))
                return
            raise refused(
                "no-match", "SEARCH is empty, but the file is not", file, advice="Quote the lines to replace in SEARCH"
            )
        replace = [*block.replace[:-1]] if block.replace[-1:] == (NO_END,) else [*block.replace]
        ended = self.ends[file] or not self.base[file]  # a file of blanks keeps its own end
        self.ends[file] = ended and block.replace[-1:] != (NO_END,)
        self.taken[file] = [(0, len(self.base[file]), replace)]

    def _replace(self, file: str, block: Block) -> None:
        chosen: tuple[Place, tuple[str, ...]] | None = None
        error: Refused | None = None
        for search, replace in [(block.search, block.replace), *block.other]:
            try:
                place = self._place(file, search, block.at)
            except Refused as found:
                error = error or found
                continue
            if chosen:
                raise refused(
                    "ambiguous",
                    "the block holds several ======= lines and can be read in several ways",
                    f"{file}:{place.first + 1}",
                    advice="Write this block with longer markers (<<<<<<<<< SEARCH, =========, >>>>>>>>> REPLACE)",
                )
            chosen = place, replace
        if chosen is None:
            raise error or refused("no-match", "the block is empty", file)
        place, replace = chosen
        if block.literal_end:
            self._literal_end(file, block, place)
            replace = tuple(line for line in replace if line != NO_END)
        self.taken.setdefault(file, []).append((place.first, place.count, [place.moved(line) for line in replace]))

    def _literal_end(self, file: str, block: Block, place: Place) -> None:
        if place.first + place.count == len(self.base[file]):
            self.ends[file] = block.replace[-1:] != (NO_END,)

    def _place(self, file: str, search: tuple[str, ...], hint: int) -> Place:
        """Where `search` stands, in what is still untouched. Raises Refused."""
        wanted = [line for line in search if line != NO_END]
        place = self._only(file, wanted, hint)
        if place is None and file in self.taken:
            self._flush(file)
            self._open(file)
            place = self._only(file, wanted, hint)
        if place is None:
            raise self._no_match(file, wanted)
        return place

    def _only(self, file: str, wanted: Sequence[str], hint: int) -> Place | None:
        """The one untouched place of `wanted`, None where there is none. Raises Refused where there are several."""
        lines = self.base[file]
        head = next((i for i, line in enumerate(wanted) if line.strip()), 0)
        tail = len(wanted) - next((i for i, line in enumerate(reversed(wanted)) if line.strip()), 0)
        places = [p for p in find(lines, wanted) if self._free(file, p)]
        if not places and (head or tail < len(wanted)):
            inner = [p for p in find(lines, wanted[head:tail]) if self._free(file, p)]
            if len(inner) == 1:
                self.notes.append(f"{file}: blank lines around a SEARCH block were not in the file")
            places = inner
        if len(places) > 1:
            places = self._editable(file, places)
        if len(places) > 1 and hint:
            distance = sorted(places, key=lambda p: abs(p.first + 1 - hint))
            if abs(distance[0].first + 1 - hint) < abs(distance[1].first + 1 - hint):
                places = distance[:1]
        if len(places) > 1:
            raise refused(
                "ambiguous",
                f"the SEARCH lines stand at {len(places)} places: lines {', '.join(str(p.first + 1) for p in places[:8])}",
                f"{file}:{places[0].first + 1}",
                "\n".join(wanted[:6]),
                "Quote more lines around the place, so that it is the only one",
            )
        if places and (
            places[0].shift != ("", "") or [*wanted] != lines[places[0].first : places[0].first + len(wanted)]
        ):
            self.notes.append(f"{file}:{places[0].first + 1} was matched without regard to blanks")
        return places[0] if places else None

    def _editable(self, file: str, places: list[Place]) -> list[Place]:
        """The places inside the scope, where any are."""
        ranges = self.scope.lines(file, "".join(f"{line}\n" for line in self.base[file]))
        return [p for p in places if inside(ranges, p.first + 1, p.first + p.count)] or places

    def _free(self, file: str, place: Place) -> bool:
        end = place.first + place.count
        return all(end <= at or at + count <= place.first for at, count, _ in self.taken.get(file, []))

    def _no_match(self, file: str, wanted: Sequence[str]) -> Refused:
        line, quoted = nearest(self.base[file], wanted)
        if file in self.old and self._overlaps(file, wanted):
            return refused(
                "ambiguous", "two blocks change the same lines", file, "\n".join(wanted[:6]), "Put them into one block"
            )
        first = next((w.strip() for w in wanted if w.strip()), "")
        return refused(
            "no-match",
            f"the SEARCH lines are not in the file; they begin with: {first[:120]}",
            f"{file}:{line}" if line else file,
            quoted,
            "SEARCH must repeat whole lines of the file exactly, with their indentation",
        )

    def _overlaps(self, file: str, wanted: Sequence[str]) -> bool:
        return bool(find([line.rstrip("\r\n") for line in split_lines(self.old[file])], wanted))

    def _guess(self, block: Block) -> str:
        """The file of a block that names none: the only one in scope, the only one that holds its lines, or the last one."""
        editable = [f for f in self.new if self.scope.covers(f)]
        if len(editable) == 1:
            return editable[0]
        wanted = [line for line in block.search if line != NO_END]
        holding = [f for f in self.new if find([s.rstrip("\r\n") for s in split_lines(self.new[f])], wanted)]
        best = [f for f in holding if f in editable] or holding
        if len(best) == 1:
            return best[0]
        if self.last:
            return self.last
        raise refused("ambiguous", "a block does not say which file it is for", advice=self._files())

    def _known(self, file: str) -> None:
        if why := unsafe_name(file):
            raise refused("scope", f"'{file[:80]}' cannot be a file of the artifact: {why}", file[:80])
        if file in self.old and not self.scope.covers(file):
            raise refused("scope", f"{file} is not in the scope ({self.scope.describe()})", file, advice=self._files())
        if file not in self.old and not self.scope.may_create(file):
            near = max(self.old, key=lambda f: similarity(f, file), default="")
            raise refused("scope", f"there is no file {file}, and no file may be created", file, near, self._files())

    def _files(self) -> str:
        names = [f for f in self.old if self.scope.covers(f)]
        return f"Files you may edit: {', '.join(names[:10]) or 'none'}"

    def _open(self, file: str) -> None:
        if file not in self.base:
            lines = split_lines(self.new[file])
            self.ends.setdefault(file, not lines or lines[-1].endswith("\n"))
            self.base[file] = [line.rstrip("\n").removesuffix("\r") for line in lines]

    def _flush(self, file: str) -> None:
        """Work the replacements taken so far into the text."""
        taken = sorted(self.taken.pop(file, []), key=lambda t: (t[0], t[1]))
        if not taken:
            return
        old = split_lines(self.new[file])
        newline = newline_of(self.new[file])
        pieces: list[str] = []
        at = 0
        for first, count, replace in taken:
            pieces += [*old[at:first], *(line + newline for line in replace)]
            at = first + count
        pieces += old[at:]
        self.new[file] = _with_ends(pieces, newline, self.ends[file])
        del self.base[file]
        self._open(file)

    def _forget(self, file: str) -> None:
        for known in (self.base, self.taken, self.ends):
            known.pop(file, None)

    def _restore(self, file: str, *, left_out: bool) -> None:
        if file not in self.old or file not in self.new or syntax_error(file, self.new[file])[0]:
            return
        text = self.scope.restored(file, self.old[file], self.new[file], left_out=left_out)
        if text != self.new[file]:
            self.notes.append(f"{file}: lines outside the scope were kept as they are")
            self.new[file] = text


def _refuse_elision(file: str, lines: Sequence[str], old: str) -> None:
    for line in lines:
        if ELIDED.match(line) and line.strip() and line.strip() not in old:
            raise refused(
                "no-match",
                f"the text is abbreviated ({line.strip()[:80]}), so part of the file would be lost",
                file,
                advice="Write the lines in full, or use SEARCH/REPLACE blocks for the part that changes",
            )


def _joined(lines: Sequence[str], *, ended: bool, literal: bool) -> str:
    if literal and lines and lines[-1] == NO_END:
        return "\n".join(lines[:-1])
    return "".join(f"{line}\n" for line in lines) if ended else "\n".join(lines)


def _with_ends(lines: list[str], newline: str, ended: bool) -> str:
    """Lines joined so that all but the last end with a line end, and the last as the file's own end says."""
    whole = [line if line.endswith("\n") else line + newline for line in lines]
    if whole and not ended:
        whole[-1] = whole[-1].removesuffix("\n").removesuffix("\r")
    return "".join(whole)
