"""Reading an edit from a model's reply: a new artifact, or a refusal that says where, why, and what
to do instead.

Whatever a reply holds, nothing is raised, nothing outside the scope changes, and no reply is
silently ignored. A reply also names the evidence it rests on (`because:`) and predicts what its
change does (`expects:`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from genopt_tui.learn.edit.applier import EditApplier
from genopt_tui.learn.edit.refusal import Refusal, RefusalError, quote_around, refusal_error
from genopt_tui.learn.edit.reply import Block, Deletion, FencedText, Reply, parse_reply
from genopt_tui.learn.edit.syntax import find_syntax_error, has_no_effect
from genopt_tui.learn.scope import Scope
from genopt_tui.learn.text import Files, cut_middle, make_fence, normalize_newlines

MAX_REASONING = 20_000  # characters of reasoning that are kept
BECAUSE = re.compile(r"^\W*because\W*?:\W*(.+)$", re.IGNORECASE)
EXPECTS = re.compile(r"^\W*expects?\W*?:\W*(.+)$", re.IGNORECASE)
EVIDENCE_REFERENCE = re.compile(
    r"`?([\w./@+:-]+?)`?[\s,]*(?:@|\bat\b|\bsteps?\b)[\s@#]*(?:steps?)?\s*`?(\d{1,9})",
    re.IGNORECASE,
)
PREDICTION = re.compile(r"`?([\w./@+:-]+?)`?[\s:=,(]+(up|down)\b", re.IGNORECASE)
CUT_OFF_REASONS = {"length", "max_tokens", "max_output_tokens", "MAX_TOKENS"}


@dataclass(frozen=True)
class Edit:
    """A valid edit: the whole new artifact, and what its author says about it.

    `because` holds (example, step) of the evidence it rests on, `expects` predictions as
    (example, "up" or "down"), where up is better. `notes` say what was read leniently.
    """

    files: Files
    changed: list[str]
    reasoning: str = ""
    because: list[tuple[str, int]] = field(default_factory=list)
    expects: list[tuple[str, Literal["up", "down"]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_reply(
    text: str,
    files: Mapping[str, str],
    scope: Scope,
    finish_reason: str | None = None,
    *,
    before: str = "",
) -> Edit | Refusal:
    """The edit in a reply to the artifact `files`, or why there is none. Never raises.

    `before` is the cut-off reply that `text` continues; `text` may also start over.
    """
    if not before:
        return _read_edit(text, files, scope, finish_reason)
    joined = _read_edit(join_continuation(before, text), files, scope, finish_reason)
    if isinstance(joined, Edit):
        return joined
    alone = _read_edit(text, files, scope, finish_reason)
    return alone if isinstance(alone, Edit) else joined


def join_continuation(first: str, rest: str) -> str:
    """A cut-off reply with its continuation, without repeated lines and a fence opened again."""
    first, rest = normalize_newlines(first), normalize_newlines(rest)
    for size in range(min(len(first), len(rest), 2000), 11, -1):
        if first.endswith(rest[:size]):
            return first + rest[size:]
    head, *tail = rest.split("\n", 1)
    if re.fullmatch(r"\s*(`{3,}|~{3,})\w*\s*", head) and tail:
        rest = tail[0]
    return first + rest


def build_repair_prompt(refusal: Refusal) -> str:
    """The message that sends a refusal back to the model, with the rule it broke."""
    lines = ["Your reply could not be applied, so nothing was changed.", ""]
    lines.append(
        f"What is wrong: {refusal.why}" + (f" (at {refusal.place})" if refusal.place else "")
    )
    if refusal.nearest:
        fence = make_fence(refusal.nearest)
        lines += ["", "The artifact has there:", fence, refusal.nearest, fence]
    if refusal.advice:
        lines += ["", f"What to do: {refusal.advice}"]
    if refusal.kind == "cut-off":
        lines += [
            "",
            "Continue exactly where the reply stopped, without repeating anything "
            "and without a preamble.",
        ]
    else:
        lines += [
            "",
            "Send the complete edit again in the answer format: all of its blocks, "
            "not only the corrected one.",
        ]
    return "\n".join(lines)


def _read_edit(
    text: str, files: Mapping[str, str], scope: Scope, finish_reason: str | None
) -> Edit | Refusal:
    reply = parse_reply(text, [*files])
    cut = (finish_reason or "") in CUT_OFF_REASONS
    try:
        if cut:
            raise _cut_off_error(text)
        if reply.incomplete:
            raise RefusalError(
                Refusal(
                    f"the edit is incomplete: {reply.incomplete}",
                    advice="Send complete blocks: <<<<<<< SEARCH, the lines to find, =======, "
                    "their replacement, >>>>>>> REPLACE",
                )
            )
        applier = EditApplier(files, scope, "\n".join(reply.prose))
        new, notes = applier.apply(_select_edits(reply, files, scope))
        _check_edit(files, new, scope)
    except RefusalError as refused:
        return refused.refusal
    changed = sorted(f for f in {*files, *new} if files.get(f) != new.get(f))
    if not changed:
        return Refusal(
            "the edit leaves the artifact exactly as it is",
            kind="unchanged",
            advice="Propose a change that does something, "
            "different from the attempts listed before",
        )
    because, expects, prose = parse_predictions(reply)
    return Edit(new, changed, prose, because, expects, notes)


def _cut_off_error(text: str) -> RefusalError:
    last = next((line.strip() for line in reversed(text.split("\n")) if line.strip()), "")
    return RefusalError(
        Refusal(
            "the reply was cut off at the output limit",
            nearest=last[-200:],
            advice="The last line that arrived is shown; "
            "an edit is applied only when all of it has arrived",
            kind="cut-off",
        )
    )


def _select_edits(
    reply: Reply, files: Mapping[str, str], scope: Scope
) -> list[Block | FencedText | Deletion]:
    """The items of a reply that are meant as edits. Raises RefusalError where there are none."""
    edits = [i for i in reply.items if not isinstance(i, FencedText)]
    fences = [i for i in reply.items if isinstance(i, FencedText)]
    named = [f for f in fences if f.named and (f.file in files or not edits)]
    if edits or named:
        return [i for i in reply.items if i in edits or i in named]
    editable = [f for f in files if scope.covers(f)]
    text = "\n".join(fences[0].lines) if len(fences) == len(editable) == 1 else ""
    if text.strip() and not has_no_effect(editable[0], text):
        return [FencedText(editable[0], fences[0].info, fences[0].lines)]
    raise RefusalError(_make_no_edit_refusal(reply, bool(fences), editable))


def _make_no_edit_refusal(reply: Reply, fences: bool, editable: Sequence[str]) -> Refusal:
    advice = "Answer with SEARCH/REPLACE blocks, each below the name of its file"
    if fences:
        names = ", ".join(editable[:5])
        return Refusal(
            f"the reply holds code, but does not say for which file (editable: {names})",
            advice=advice,
        )
    prose = " ".join(" ".join(reply.prose).split())
    if not prose:
        return Refusal(
            f"the reply {'holds only thinking text' if reply.has_thinking else 'is empty'}",
            advice=advice,
        )
    return Refusal(
        "the reply holds no edit, only text", nearest=cut_middle(prose, 300)[0], advice=advice
    )


def _check_edit(old: Mapping[str, str], new: Files, scope: Scope) -> None:
    """Raises Refused where the new artifact leaves the scope, holds invalid code, or is no
    artifact."""
    for file in sorted({*old, *new}):
        if old.get(file) == new.get(file):
            continue
        if any(other.startswith(f"{file}/") for other in new if file in new):
            raise refusal_error("scope", f"{file} cannot be a file and a folder at once", file)
        if not scope.covers(file):
            raise refusal_error("scope", f"{file} is not in the scope ({scope.describe()})", file)
        if file in new:
            _check_syntax(file, new[file], old.get(file))
    if found := scope.find_violations(old, new):
        first = found[0]
        more = f" (and {len(found) - 1} more such lines)" if len(found) > 1 else ""
        raise refusal_error(
            "scope",
            first.why + more,
            f"{first.file}:{first.line}",
            quote_around(new.get(first.file, old.get(first.file, "")), first.line),
            f"Only this may be edited: {scope.describe()}. A definition keeps its name and "
            "signature; imports and helpers that it needs go inside it",
        )


def _check_syntax(file: str, text: str, old: str | None) -> None:
    line, message = find_syntax_error(file, text)
    if not line:
        return
    place = f"{file}:{line}"
    was = find_syntax_error(file, old)[1] if old is not None else ""
    advice = (
        "The file did not compile before either; the edit must leave it valid"
        if was
        else "Send code that is complete and valid"
    )
    raise refusal_error(
        "compile",
        f"the edited file is not valid: {message}",
        place,
        quote_around(text, line),
        advice,
    )


def parse_predictions(
    reply: Reply,
) -> tuple[list[tuple[str, int]], list[tuple[str, Literal["up", "down"]]], str]:
    """(`because` references, `expects` predictions, the other prose) of a reply."""
    because: list[tuple[str, int]] = []
    expects: list[tuple[str, Literal["up", "down"]]] = []
    prose: list[str] = []
    for line in reply.prose:
        if match := BECAUSE.match(line):
            because += [
                (example, int(step))
                for example, step in EVIDENCE_REFERENCE.findall(match[1])
                if (example, int(step)) not in because
            ]
            if EVIDENCE_REFERENCE.search(match[1]):
                continue
        elif match := EXPECTS.match(line):
            predictions = PREDICTION.findall(match[1])
            known = {name for name, _ in expects}
            expects += [
                (name, "up" if way.lower() == "up" else "down")
                for name, way in predictions
                if name not in known
            ]
            if predictions:
                continue
        prose.append(line)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(prose)).strip()
    return because, expects, cut_middle(text, MAX_REASONING)[0]
