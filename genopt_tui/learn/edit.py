"""From a model's reply to a new artifact, or to a refusal that says where, why, and what to do instead.

Whatever a reply holds, nothing is raised, nothing outside the scope is changed, and no reply ends as a silent no-op.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from genopt_tui.learn.check import only_states, syntax_error
from genopt_tui.learn.promises import promises_of
from genopt_tui.learn.refusal import Refusal, Refused, around, refused
from genopt_tui.learn.reply import Block, Delete, Fenced, Reply, read
from genopt_tui.learn.scope import Scope
from genopt_tui.learn.text import Files, cut_middle, longest_run, unix
from genopt_tui.learn.workshop import Workshop

CUT_OFF = {"length", "max_tokens", "max_output_tokens", "MAX_TOKENS"}


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


def repair_prompt(refusal: Refusal) -> str:
    """What is sent back to the model: the refusal and the rule, without evidence."""
    lines = ["Your reply could not be applied, so nothing was changed.", ""]
    lines.append(f"What is wrong: {refusal.why}" + (f" (at {refusal.place})" if refusal.place else ""))
    if refusal.nearest:
        fence = "`" * max(3, longest_run(refusal.nearest, "`") + 1)
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
            raise Refused(
                Refusal(
                    f"the edit is incomplete: {reply.broken}",
                    advice="Send complete blocks: <<<<<<< SEARCH, the lines to find, =======, their replacement, >>>>>>> REPLACE",
                )
            )
        new, notes = Workshop(files, scope).apply(_usable(reply, files, scope))
        _check(files, new, scope)
    except Refused as refused:
        return refused.refusal
    changed = sorted(f for f in {*files, *new} if files.get(f) != new.get(f))
    if not changed:
        return Refusal(
            "the edit leaves the artifact exactly as it is",
            kind="unchanged",
            advice="Propose a change that does something, different from the attempts listed before",
        )
    because, expects, prose = promises_of(reply)
    return Edit(new, changed, prose, because, expects, notes)


def _cut_off(text: str) -> Refused:
    last = next((line.strip() for line in reversed(text.split("\n")) if line.strip()), "")
    return Refused(
        Refusal(
            "the reply was cut off at the output limit",
            nearest=last[-200:],
            advice="The last line that arrived is shown; an edit is applied only when all of it has arrived",
            kind="cut-off",
        )
    )


def _usable(reply: Reply, files: Mapping[str, str], scope: Scope) -> list[Block | Fenced | Delete]:
    """The items of a reply that are meant as edits. Raises Refused where there are none."""
    edits = [i for i in reply.items if not isinstance(i, Fenced)]
    fences = [i for i in reply.items if isinstance(i, Fenced)]
    named = [f for f in fences if f.named and (f.file in files or not edits)]
    if edits or named:
        return [i for i in reply.items if i in edits or i in named]
    editable = [f for f in files if scope.covers(f)]
    text = "\n".join(fences[0].lines) if len(fences) == len(editable) == 1 else ""
    if text.strip() and not only_states(editable[0], text):
        return [Fenced(editable[0], fences[0].info, fences[0].lines)]
    raise Refused(_nothing(reply, bool(fences), editable))


def _nothing(reply: Reply, fences: bool, editable: Sequence[str]) -> Refusal:
    advice = "Answer with SEARCH/REPLACE blocks, each below the name of its file"
    if fences:
        names = ", ".join(editable[:5])
        return Refusal(f"the reply holds code, but does not say for which file (editable: {names})", advice=advice)
    said = " ".join(" ".join(reply.prose).split())
    if not said:
        return Refusal(f"the reply {'holds only thinking text' if reply.thought else 'is empty'}", advice=advice)
    return Refusal("the reply holds no edit, only text", nearest=cut_middle(said, 300)[0], advice=advice)


def _check(old: Mapping[str, str], new: Files, scope: Scope) -> None:
    """Raises Refused where the new artifact leaves the scope, holds invalid code, or is no artifact."""
    for file in sorted({*old, *new}):
        if old.get(file) == new.get(file):
            continue
        if any(other.startswith(f"{file}/") for other in new if file in new):
            raise refused("scope", f"{file} cannot be a file and a folder at once", file)
        if not scope.covers(file):
            raise refused("scope", f"{file} is not in the scope ({scope.describe()})", file)
        if file in new:
            _check_syntax(file, new[file], old.get(file))
    if found := scope.violations(old, new):
        first = found[0]
        more = f" (and {len(found) - 1} more such lines)" if len(found) > 1 else ""
        raise refused(
            "scope",
            first.why + more,
            f"{first.file}:{first.line}",
            around(new.get(first.file, old.get(first.file, "")), first.line),
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
    raise refused("compile", f"the edited file is not valid: {message}", place, around(text, line), advice)
