"""From a model's reply to a new artifact, or to a refusal that says where, why, and what to do instead.

Whatever a reply holds, nothing is raised, nothing outside the scope is changed, and no reply ends as a silent no-op.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from genopt_tui.learn.check import syntax_error
from genopt_tui.learn.diff import hunks
from genopt_tui.learn.match import Place, find, nearest, similarity
from genopt_tui.learn.reply import NO_END, Block, Delete, Fenced, Reply, read
from genopt_tui.learn.scope import Scope, inside, unsafe_name
from genopt_tui.learn.text import Files, cut_middle, newline_of, split_lines, unix

Kind = Literal["none", "scope", "no-match", "ambiguous", "compile", "unchanged", "cut-off"]
CUT_OFF = {"length", "max_tokens", "max_output_tokens", "MAX_TOKENS"}
REASONING = 20_000  # characters of reasoning that are kept
ELIDED = re.compile(
    r"^\s*(?:#|//|<!--|/\*|--|;)?\s*(?:\.\.\.|…)?\s*\(?(?:(?:the )?(?:rest|remainder) of (?:the )?(?:\w+ )?"
    r"(?:code|file|function|class|method|body)s?|"
    r"(?:existing|previous|other|remaining|original|same) (?:code|functions?|methods?|imports?|lines?))\b"
    r"[^\"']{0,40}(?:unchanged|the same|as before|here|\.\.\.|…)[^\"']{0,10}$",
    re.IGNORECASE,
)
BECAUSE = re.compile(r"^\W*because\W*?:\W*(.+)$", re.IGNORECASE)
EXPECTS = re.compile(r"^\W*expects?\W*?:\W*(.+)$", re.IGNORECASE)
EVIDENCE = re.compile(r"`?([\w./@+:-]+?)`?[\s,]*(?:@|\bat\b|\bsteps?\b)[\s@#]*(?:steps?)?\s*`?(\d{1,9})", re.IGNORECASE)
PROMISE = re.compile(r"`?([\w./@+:-]+?)`?[\s:=,(]+(up|down)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Edit:
    """A readable edit: the whole new artifact, and what its author says about it.

    `because` names (example, step) of the evidence it rests on, `expects` (example, "up" or "down"; up is better).
    `notes` say what was read with leniency.
    """

    files: Files
    changed: list[str]
    reasoning: str = ""
    because: list[tuple[str, int]] = field(default_factory=list)
    expects: list[tuple[str, Literal["up", "down"]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Refusal:
    """Why a reply gave no edit: `place` is FILE or FILE:LINE, `nearest` quotes what the artifact has instead."""

    why: str
    place: str = ""
    nearest: str = ""
    advice: str = ""
    kind: Kind = "none"

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.why}. {self.advice}".strip()


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def read_reply(
    text: str, files: Mapping[str, str], scope: Scope, finish_reason: str | None = None, *, before: str = ""
) -> Edit | Refusal:
    """The edit in a reply to the artifact `files`, or why there is none. Never raises.

    `before` is the reply that was cut off and that `text` continues; `text` may also start afresh.
    """
    if before:
        whole = _read(continued(before, text), files, scope, finish_reason)
        alone = _read(text, files, scope, finish_reason) if isinstance(whole, Refusal) else whole
        return alone if isinstance(alone, Edit) else whole
    return _read(text, files, scope, finish_reason)


def continued(first: str, rest: str) -> str:
    """A cut-off reply with its continuation: lines said twice and a fence opened again are dropped."""
    first, rest = unix(first), unix(rest)
    for size in range(min(len(first), len(rest), 2000), 11, -1):
        if first.endswith(rest[:size]):
            return first + rest[size:]
    head, *tail = rest.split("\n", 1)
    if re.fullmatch(r"\s*(`{3,}|~{3,})\w*\s*", head) and tail:
        rest = tail[0]
    return first + rest


def render(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """An edit as SEARCH/REPLACE blocks that `read_reply` reads back as exactly this edit.

    A change of line ends alone cannot be said in this form.
    """
    out: list[str] = []
    for file in sorted({*old, *new}):
        if file not in new:
            out.append(f"DELETE FILE: {file}\n")
        elif file not in old:
            out.append(_rendered(file, [], split_lines(unix(new[file])), literal=not new[file].endswith("\n")))
        elif old[file] != new[file]:
            out += _changed_blocks(file, unix(old[file]), unix(new[file]))
    return "\n".join(out)


def repair_prompt(refusal: Refusal) -> str:
    """What is sent back to the model: the refusal and the rule, without evidence."""
    lines = ["Your reply could not be applied, so nothing was changed.", ""]
    lines.append(f"What is wrong: {refusal.why}" + (f" (at {refusal.place})" if refusal.place else ""))
    if refusal.nearest:
        fence = "`" * max(3, _longest_run(refusal.nearest, "`") + 1)
        lines += ["", "The artifact has there:", fence, refusal.nearest, fence]
    if refusal.advice:
        lines += ["", f"What to do: {refusal.advice}"]
    if refusal.kind == "cut-off":
        lines += ["", "Continue exactly where the reply stopped, without repeating anything and without a preamble."]
    else:
        lines += [
            "",
            "Send the complete edit again in the answer format: all of its blocks, not only the corrected one.",
        ]
    return "\n".join(lines)


def _read(text: str, files: Mapping[str, str], scope: Scope, finish_reason: str | None) -> Edit | Refusal:
    reply = read(text, [*files])
    cut = (finish_reason or "") in CUT_OFF
    try:
        if cut:
            raise _cut_off(text)
        if reply.broken:
            raise _Refused(
                Refusal(
                    f"the edit is incomplete: {reply.broken}",
                    advice="Send complete blocks: <<<<<<< SEARCH, the lines to find, =======, their replacement, >>>>>>> REPLACE",
                )
            )
        new, notes = _Workshop(files, scope).apply(_usable(reply, files, scope))
        _check(files, new, scope)
    except _Refused as refused:
        return refused.refusal
    changed = sorted(f for f in {*files, *new} if files.get(f) != new.get(f))
    if not changed:
        return Refusal(
            "the edit leaves the artifact exactly as it is",
            kind="unchanged",
            advice="Propose a change that does something, different from the attempts listed before",
        )
    because, expects, prose = _promises(reply)
    return Edit(new, changed, prose, because, expects, notes)


def _cut_off(text: str) -> _Refused:
    last = next((line.strip() for line in reversed(text.split("\n")) if line.strip()), "")
    return _Refused(
        Refusal(
            "the reply was cut off at the output limit",
            nearest=last[-200:],
            advice="The last line that arrived is shown; an edit is applied only when all of it has arrived",
            kind="cut-off",
        )
    )


def _usable(reply: Reply, files: Mapping[str, str], scope: Scope) -> list[Block | Fenced | Delete]:
    """The items of a reply that are meant as edits. Raises _Refused where there are none."""
    edits = [i for i in reply.items if not isinstance(i, Fenced)]
    fences = [i for i in reply.items if isinstance(i, Fenced)]
    named = [f for f in fences if f.named and (f.file in files or not edits)]
    if edits or named:
        return [i for i in reply.items if i in edits or i in named]
    editable = [f for f in files if scope.covers(f)]
    if len(fences) == 1 and len(editable) == 1 and any(line.strip() for line in fences[0].lines):
        return [Fenced(editable[0], fences[0].info, fences[0].lines)]
    raise _Refused(_nothing(reply, bool(fences), editable))


def _nothing(reply: Reply, fences: bool, editable: Sequence[str]) -> Refusal:
    advice = "Answer with SEARCH/REPLACE blocks, each below the name of its file"
    if fences:
        names = ", ".join(editable[:5])
        return Refusal(f"the reply holds code, but does not say for which file (editable: {names})", advice=advice)
    said = " ".join(" ".join(reply.prose).split())
    if not said:
        return Refusal(f"the reply {'holds only thinking text' if reply.thought else 'is empty'}", advice=advice)
    return Refusal("the reply holds no edit, only text", nearest=cut_middle(said, 300)[0], advice=advice)


class _Workshop:
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
            raise _refused("no-match", f"there is no file {file} to delete", file, advice=self._files())
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
            raise _refused(
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
            raise _refused("ambiguous", f"{file} exists already", file, advice="Quote the lines to replace in SEARCH")
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
            raise _refused(
                "no-match", "SEARCH is empty, but the file is not", file, advice="Quote the lines to replace in SEARCH"
            )
        replace = [*block.replace[:-1]] if block.replace[-1:] == (NO_END,) else [*block.replace]
        self.taken[file] = [(0, len(self.base[file]), replace)]
        self.ends[file] = block.replace[-1:] != (NO_END,)

    def _replace(self, file: str, block: Block) -> None:
        chosen: tuple[Place, tuple[str, ...]] | None = None
        error: _Refused | None = None
        for search, replace in [(block.search, block.replace), *block.other]:
            try:
                place = self._place(file, search, block.at)
            except _Refused as refused:
                error = error or refused
                continue
            if chosen:
                raise _refused(
                    "ambiguous",
                    "the block holds several ======= lines and can be read in several ways",
                    f"{file}:{place.first + 1}",
                    advice="Write this block with longer markers (<<<<<<<<< SEARCH, =========, >>>>>>>>> REPLACE)",
                )
            chosen = place, replace
        if chosen is None:
            raise error or _refused("no-match", "the block is empty", file)
        place, replace = chosen
        if block.literal_end:
            self._literal_end(file, block, place)
            replace = tuple(line for line in replace if line != NO_END)
        self.taken.setdefault(file, []).append((place.first, place.count, [place.moved(line) for line in replace]))

    def _literal_end(self, file: str, block: Block, place: Place) -> None:
        if place.first + place.count == len(self.base[file]):
            self.ends[file] = block.replace[-1:] != (NO_END,)

    def _place(self, file: str, search: tuple[str, ...], hint: int) -> Place:
        """Where `search` stands, in what is still untouched. Raises _Refused."""
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
        """The one untouched place of `wanted`, None where there is none. Raises _Refused where there are several."""
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
            raise _refused(
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

    def _no_match(self, file: str, wanted: Sequence[str]) -> _Refused:
        line, quoted = nearest(self.base[file], wanted)
        if file in self.old and self._overlaps(file, wanted):
            return _refused(
                "ambiguous", "two blocks change the same lines", file, "\n".join(wanted[:6]), "Put them into one block"
            )
        first = next((w.strip() for w in wanted if w.strip()), "")
        return _refused(
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
        raise _refused("ambiguous", "a block does not say which file it is for", advice=self._files())

    def _known(self, file: str) -> None:
        if why := unsafe_name(file):
            raise _refused("scope", f"'{file[:80]}' cannot be a file of the artifact: {why}", file[:80])
        if file in self.old and not self.scope.covers(file):
            raise _refused("scope", f"{file} is not in the scope ({self.scope.describe()})", file, advice=self._files())
        if file not in self.old and not self.scope.may_create(file):
            near = max(self.old, key=lambda f: similarity(f, file), default="")
            raise _refused("scope", f"there is no file {file}, and no file may be created", file, near, self._files())

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


def _check(old: Mapping[str, str], new: Files, scope: Scope) -> None:
    """Raises _Refused where the new artifact leaves the scope, holds invalid code, or is no artifact."""
    for file in sorted({*old, *new}):
        if old.get(file) == new.get(file):
            continue
        if any(other.startswith(f"{file}/") for other in new if file in new):
            raise _refused("scope", f"{file} cannot be a file and a folder at once", file)
        if not scope.covers(file):
            raise _refused("scope", f"{file} is not in the scope ({scope.describe()})", file)
        if file in new:
            _check_syntax(file, new[file], old.get(file))
    if found := scope.violations(old, new):
        first = found[0]
        more = f" (and {len(found) - 1} more such lines)" if len(found) > 1 else ""
        raise _refused(
            "scope",
            first.why + more,
            f"{first.file}:{first.line}",
            _around(new.get(first.file, old.get(first.file, "")), first.line),
            f"Only this may be edited: {scope.describe()}. A definition keeps its name and signature; imports and helpers "
            "that it needs go inside it",
        )


def _check_syntax(file: str, text: str, old: str | None) -> None:
    line, message = syntax_error(file, text)
    if not line:
        return
    place = f"{file}:{line}"
    was = syntax_error(file, old)[1] if old is not None else ""
    advice = (
        "The file did not compile before either; the edit must leave it valid"
        if was
        else "Send code that is complete and valid"
    )
    raise _refused("compile", f"the edited file is not valid: {message}", place, _around(text, line), advice)


def _refuse_elision(file: str, lines: Sequence[str], old: str) -> None:
    for line in lines:
        if ELIDED.match(line) and line.strip() and line.strip() not in old:
            raise _refused(
                "no-match",
                f"the text is abbreviated ({line.strip()[:80]}), so part of the file would be lost",
                file,
                advice="Write the lines in full, or use SEARCH/REPLACE blocks for the part that changes",
            )


def _refused(kind: Kind, why: str, place: str = "", near: str = "", advice: str = "") -> _Refused:
    return _Refused(Refusal(why, place, near, advice, kind))


def _around(text: str, line: int, reach: int = 2) -> str:
    lines = unix(text).split("\n")
    first = max(0, line - 1 - reach)
    return "\n".join(f"{n + 1}: {lines[n][:200]}" for n in range(first, min(len(lines), line + reach)))


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


def _promises(reply: Reply) -> tuple[list[tuple[str, int]], list[tuple[str, Literal["up", "down"]]], str]:
    because: list[tuple[str, int]] = []
    expects: list[tuple[str, Literal["up", "down"]]] = []
    prose: list[str] = []
    for line in reply.prose:
        if match := BECAUSE.match(line):
            because += [
                (example, int(step))
                for example, step in EVIDENCE.findall(match[1])
                if (example, int(step)) not in because
            ]
            if EVIDENCE.search(match[1]):
                continue
        elif match := EXPECTS.match(line):
            promised = PROMISE.findall(match[1])
            known = {name for name, _ in expects}
            expects += [(n, "up" if way.lower() == "up" else "down") for n, way in promised if n not in known]
            if promised:
                continue
        prose.append(line)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(prose)).strip()
    return because, expects, cut_middle(text, REASONING)[0]


def _changed_blocks(file: str, old: str, new: str) -> list[str]:
    """Blocks for a changed file; each SEARCH is widened until it stands at one place only."""
    lines, after = split_lines(old), split_lines(new)
    if not lines:
        return [_rendered(file, [], after, literal=not new.endswith("\n"))]
    bare = [line.rstrip("\n") for line in lines]
    out: list[str] = []
    spans: list[tuple[int, int, int, int]] = []
    for h in hunks({file: old}, {file: new}):
        a, c = max(h.old_start - 1, 0), max(h.new_start - 1, 0)
        span = (a, a + len(h.old_lines), c, c + len(h.new_lines))
        spans.append(_widened(bare, span, len(lines), len(after)))
    for a, b, c, d in _joined_spans(spans):
        literal = (b == len(lines) or d == len(after)) and old.endswith("\n") != new.endswith("\n")
        out.append(_rendered(file, lines[a:b], after[c:d], literal=literal))
    return out


def _widened(
    lines: list[str], span: tuple[int, int, int, int], end_old: int, end_new: int
) -> tuple[int, int, int, int]:
    a, b, c, d = span
    while (a > 0 or b < end_old) and (
        len(find(lines, lines[a:b])) != 1 or not any(line.strip() for line in lines[a:b])
    ):
        if a > 0:
            a, c = a - 1, c - 1
        if b < end_old:
            b, d = b + 1, d + 1
    return a, b, c, d


def _joined_spans(spans: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    joined: list[tuple[int, int, int, int]] = []
    for span in sorted(spans):
        if joined and span[0] < joined[-1][1]:
            a, b, c, d = joined.pop()
            joined.append((a, max(b, span[1]), c, max(d, span[3])))
        else:
            joined.append(span)
    return joined


def _rendered(file: str, search: list[str], replace: list[str], *, literal: bool) -> str:
    text = "".join([*search, "\n", *replace])
    size = max([6, *(_longest_run(text, sign) for sign in "<=>")]) + 1

    def side(lines: list[str]) -> str:
        ended = not lines or lines[-1].endswith("\n")
        return "".join(lines) + ("" if ended else f"\n{NO_END}\n" if literal else "\n")

    return f"{file}\n{'<' * size} SEARCH\n{side(search)}{'=' * size}\n{side(replace)}{'>' * size} REPLACE\n"


def _longest_run(text: str, sign: str) -> int:
    return max((len(run) for run in re.findall(re.escape(sign) + "+", text)), default=0)
