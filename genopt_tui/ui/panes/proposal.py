"""Proposal: the reply as it arrives, the edit as a diff with hunks to choose, and the gate's scores as they come."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult

from genopt_tui.ui import words
from genopt_tui.ui.doing import aside_words
from genopt_tui.ui.messages import CandidateChosen, Edited, PaneChanged, PlaceChosen
from genopt_tui.ui.panes.answering import Answering
from genopt_tui.ui.panes.lines import count_of
from genopt_tui.ui.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.diff import DiffView
from genopt_tui.ui.widgets.gate_lines import gate_rows
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.markdown import Markdown
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.stream import StreamView
from genopt_tui.ui.widgets.tabs import Tabs
from genopt_tui.ui.widgets.text import Plain, why_not_here
from genopt_tui.ui.widgets.view import LineView
from genopt_tui.ui.widgets.wrapped import WrappedView

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.editing import Editor

REASONS = 3
"""Places that an edit rests on which are named one by one."""


class ProposalPane(Answering):
    """Pane 5. `[` and `]` go from hunk to hunk, space leaves one out, Enter goes to the step a reason names, `E` edits here, `w` shows
    the raw reply, `{` and `}` turn to another candidate."""

    NUMBER, NAME = 5, "Proposal"
    DEFAULT_CSS = """
    ProposalPane #phase { height: auto; max-height: 4; color: $text-muted; }
    ProposalPane #scores { height: auto; color: $text-muted; background: $panel; }
    ProposalPane #editing { height: 1; background: $panel; color: $text-warning; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.phase = Plain(id="phase")
        self.reply = StreamView(id="reply")
        self.whole = WrappedView("the raw reply", id="raw")
        self.diff = DiffView(id="diff")
        self.scores = Plain(id="scores")
        self.editor: Editor | None = None
        self.editing = Plain(id="editing")
        self.view: LineView = self.reply
        self.proposal: ProposalView | None = None
        self.proposals: tuple[ProposalView, ...] = ()
        self.raw = False
        self._edited_file = ""
        self._behind = 0
        self._workers = 1

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.phase
        yield self.reply
        yield self.whole
        yield self.diff
        yield self.editing
        yield self.scores

    def on_mount(self) -> None:
        super().on_mount()
        for hidden in (self.diff, self.whole, self.scores, self.editing):
            hidden.display = False

    # content

    def feed(self, snapshot: Snapshot) -> None:
        new, old = snapshot.proposal, self.proposal
        self._workers = snapshot.session.workers
        self._show_phase(snapshot)
        self.feed_answering(snapshot)
        if new is old and snapshot.proposals is self.proposals:
            return
        self.proposal, self.proposals = new, snapshot.proposals
        if new is None or old is None or (new.step, new.number) != (old.step, old.number):
            self.raw = False
            self._close_editor()
        index = self.proposals.index(new) if new in self.proposals else 0
        self.tabs.show([tab_name(p) for p in self.proposals], index)
        self._show_scores()
        self._show_body()
        self._draw_title()

    def kept(self) -> set[int] | None:
        """Numbers of the hunks that are in; None for the whole edit."""
        if self.proposal is None or self.proposal.files is None or not self.diff.off:
            return None
        return {hunk.number for hunk in self.diff.hunks} - self.diff.off

    def _show_phase(self, snapshot: Snapshot) -> None:
        text = phase_text(snapshot)
        self.phase.show(text)
        self.phase.display = bool(text)

    def _show_body(self) -> None:
        p = self.proposal
        if p is None:
            self.reply.show("")
            self._swap(self.reply)
        elif self.raw:
            self.whole.show([("", p.text or p.reasoning)])
            self._swap(self.whole)
        elif p.files is None:
            self.reply.show(p.text or p.reasoning)
            self._swap(self.reply)
        else:
            self._swap(self.diff)
            self.diff.show(p.base, p.files, self._lead(p), self._notes(p), worth_words(p))

    def _lead(self, p: ProposalView) -> list[Line]:
        """The reasoning."""
        markdown = Markdown(max(8, self.size.width - 2))
        return [row for text in p.reasoning.strip().split("\n") if p.reasoning for row in markdown.rows(text)]

    def _notes(self, p: ProposalView) -> list[Line]:
        """What it rests on, what it expects, and what was refused before."""
        lines: list[Line] = [
            (("because ", "gutter"), (f"{example} step {step}", "scope"), ("  (Enter shows it)", "dim"))
            for example, step in p.because[:REASONS]
        ]
        if (more := len(p.because) - REASONS) > 0:
            lines.append(((f"        and {count_of(more, 'more place')}: Enter on a hunk goes to its own", "dim"),))
        if p.expects:
            told = ", ".join(f"{example} {way}" for example, way in p.expects)
            lines.append((("expects ", "gutter"), (told, ""), (f"  {promises_words(p)}", "strong")))
        return [*lines, *refusal_lines(p.refusals)]

    def _swap(self, view: LineView) -> None:
        if view is self.view or self.editor is not None:
            return
        focused = self.view.has_focus
        self.view.display = False
        self.view = view
        view.display = True
        if focused:
            view.focus()

    def _show_scores(self) -> None:
        rows = gate_rows(self.proposal, self.size.width, self._workers) if self.proposal is not None else []
        self.scores.show("\n".join(rows))
        self.scores.display = bool(rows) and self.size.height >= 10

    def _draw_title(self) -> None:
        p = self.proposal
        parts = []
        if p is not None:
            parts.append(p.label or str(p.step))
            if p.attempt:
                parts.append(f"attempt {p.attempt + 1}")
            if p.edited:
                parts.append("edited by you")
            if self.raw:
                parts.append("raw reply")
            if p.files is not None and self.diff.ready and not self.raw:
                off = len(self.diff.off)
                parts.append(count_of(len(self.diff.hunks), "hunk") + (f", {off} left out" if off else ""))
            if p.decided:
                parts.append(p.decided)
        if self._behind and self.view is self.reply:
            parts.append(f"{count_of(self._behind, 'new line')} below (G)")
        self.set_title(f" {MARKS.leaf} ".join(parts))

    def on_resize(self) -> None:
        self._show_scores()
        if self.proposal is not None and self.proposal.files is not None:
            self.diff.set_lead(self._lead(self.proposal), self._notes(self.proposal))

    def on_line_view_behind(self, event: LineView.Behind) -> None:
        if event.view is self.reply and event.count != self._behind:
            self._behind = event.count
            self._draw_title()

    def on_diff_view_ready(self) -> None:
        self._draw_title()
        self.post_message(PaneChanged())

    def on_diff_view_chosen(self) -> None:
        self._draw_title()
        self.post_message(PaneChanged())

    # acts

    def why_not(self, name: str) -> str:
        p = self.proposal
        match name:
            case "toggle":
                if self.view is not self.diff:
                    return "there is no edit to choose from yet"
                if p is not None and p.decided:
                    return f"it is decided already: {p.decided}"
                return "no hunk is under the cursor" if self.diff.under_cursor is None else ""
            case "next" | "prev" if self.view is self.reply:
                return "there is no edit yet"
            case "raw":
                return "" if p is not None and p.text else "no reply has arrived yet"
            case "next_tab" | "prev_tab":
                return "" if len(self.proposals) > 1 else "there is no other candidate in this step"
            case "edit_in_place":
                return self._why_not_edit()
        return super().why_not(name)

    def _why_not_edit(self) -> str:
        p = self.proposal
        if self.wanted:
            return ""
        if p is None or p.files is None:
            return "there is no edit yet"
        if p.decided:
            return f"it is decided already: {p.decided}"
        name, _ = self._to_edit()
        return why_not_here(p.files[name]) if name in p.files else "the edit deletes this file"

    def act_raw(self) -> None:
        """The raw reply to the letter, or back to the diff."""
        self.raw = not self.raw
        self._show_body()
        self._draw_title()

    def act_open(self) -> None:
        """Go to the step that a reason names; on a hunk, to its own reason where there are several, else to the first."""
        if self.view is not self.diff or self.proposal is None:
            return
        note, hunk, because = self.diff.note_under_cursor, self.diff.under_cursor, self.proposal.because
        if note is not None and note < len(because):
            self.post_message(PlaceChosen(*because[note]))
        elif hunk is not None and because:
            self.post_message(PlaceChosen(*because[min(hunk, len(because)) - 1]))
        else:
            self.diff.act_open()

    def act_next_tab(self) -> None:
        self._turn(1)

    def act_prev_tab(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        if self.proposal in self.proposals:
            self._choose((self.proposals.index(self.proposal) + by) % len(self.proposals))

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._choose(event.index)

    def _choose(self, index: int) -> None:
        chosen = self.proposals[index]
        self.post_message(CandidateChosen(chosen.step, chosen.number).set_sender(self))

    # editing in place

    def _to_edit(self) -> tuple[str, int]:
        """The file of the hunk under the cursor (else of the first one), and the line (from 0) at which it begins to change."""
        at = self.diff.under_cursor
        hunk = next((h for h in self.diff.hunks if at in (None, h.number)), None)
        if hunk is None:
            return "", 0
        return hunk.file, max(0, next((row.new for row in hunk.rows if row.sign == "+"), hunk.new_start) - 1)

    def act_edit_in_place(self) -> None:
        """Edit the file of the hunk under the cursor here; what comes of it is a new candidate. A wanted reply is written here."""
        if self.wanted:
            self.write_reply()
            return
        assert self.proposal is not None
        assert self.proposal.files is not None
        self._edited_file, line = self._to_edit()
        told = f"{self._edited_file}: ctrl+s takes your edit as a new candidate, Esc leaves"
        self._open_editor(self.proposal.files[self._edited_file], line, told)

    def _open_editor(self, text: str, line: int, told: str) -> None:
        from genopt_tui.ui.widgets.editing import Editor

        self.editing.show(told)
        self.editor = Editor(text, line)
        self.view.display, self.editing.display = False, True
        self.mount(self.editor, before=self.scores)
        self.editor.focus()

    def on_editor_done(self, event: "Editor.Done") -> None:
        if self.answering:
            self.answered(event.text, event.take)
            return
        assert self.proposal is not None
        before = (self.proposal.files or {}).get(self._edited_file, "")
        if event.text == before:
            self._close_editor()
        elif event.take:
            self._take(event.text)
        else:
            self._ask_about(event.text)

    def _ask_about(self, text: str) -> None:
        from genopt_tui.ui.screens.dialogs import Choice, Choose

        lines = (Choice("t", "take", "take it as a new candidate"), Choice("d", "drop", "drop what you wrote"))

        def answer(value: str | None) -> None:
            if value == "take":
                self._take(text)
            elif value == "drop":
                self._close_editor()

        self.app.push_screen(Choose("You have edited the file", lines), answer)

    def _take(self, text: str) -> None:
        assert self.proposal is not None
        files = {**(self.proposal.files or {}), self._edited_file: text}
        self._close_editor()
        self.post_message(Edited(files).set_sender(self))

    def _close_editor(self) -> None:
        if self.editor is None:
            return
        focused = self.editor.has_focus or self.app.focused is None
        self.editor.remove()
        self.editor, self.answering = None, False
        self.view.display, self.editing.display = True, False
        self._show_body()
        if focused:
            self.view.focus()

    def focus_inside(self) -> None:
        (self.editor or self.view).focus()

    def leave(self) -> bool:
        if super().leave():
            return True
        if self.raw:
            self.act_raw()
            return True
        return False


def tab_name(p: ProposalView) -> str:
    """A candidate, where it comes from, and what its gate or the decision said."""
    edit: Mapping[str, Any] = p.candidate.edit or {}
    origin: Mapping[str, Any] = edit.get("origin") or {}
    parts = [p.label or str(p.step)]
    if pairs := origin.get("pairs") or edit.get("whatif"):
        parts.append(f"if {', '.join(map(str, pairs))}")
    elif origin.get("step"):
        parts.append(f"as in {origin['step']}")
    elif origin:
        parts.append(f"hunks {', '.join(map(str, origin['hunks']))}" if origin.get("hunks") else "edited")
    if p.decided:
        parts.append(p.decided)
    elif p.gate:
        parts.append(
            f"{words.signed(p.gate.get('difference'))} {words.change(str(p.gate.get('verdict', '')), p.gate.get('difference'))}"
        )
    elif p.streaming:
        parts.append(MARKS.dots)
    return " ".join(part for part in parts if part.strip())


def worth_words(p: ProposalView) -> dict[int, str]:
    """`+1.1 of +1.4 [+0.2, +2.0] up, 13.4 without it` for each hunk whose worth was measured."""
    whole = words.signed((p.gate or {}).get("difference"))
    return {number: _worth(row, whole) for number, row in p.worth.items() if row.get("worth") is not None}


def _worth(row: Mapping[str, Any], whole: str) -> str:
    span = " [{}, {}]".format(*map(words.signed, row["interval"])) if row.get("interval") else ""
    change = words.change(str(row.get("verdict", "")), row["worth"])
    of = f" of {whole}" if whole else ""
    without = f", {words.score(row['without'])} without it" if row.get("without") is not None else ""
    return f"{words.signed(row['worth'])}{of}{span} {change}{without}"


def promises_words(p: ProposalView) -> str:
    """How many of the expectations could be judged, how many came true, and the same of the whole session."""
    gate: Mapping[str, Any] = p.gate or {}
    if not (told := gate.get("promises")):
        return ""
    kept, made = gate.get("session_promises") or (0, 0)
    return f"kept {gate.get('promises_kept') or 0} of {told}" + (f", the session {kept} of {made}" if made else "")


def phase_text(snapshot: Snapshot) -> str:
    """What the step is doing, where the pane itself does not show it."""
    proposal = snapshot.proposal
    if (aside := snapshot.aside) is not None and aside.what == "hunks":
        return aside_words(aside)
    if snapshot.looking_back:
        return "" if proposal is not None else "this version was not proposed: there is nothing to show here"
    if proposal is not None and proposal.refusals and proposal.files is None:
        last = proposal.refusals[-1]
        tail = "no further attempt" if last.get("final") else "asked to repair it"
        return f"refused: {last.get('why', '')} ({tail})"
    return "" if proposal is not None and (proposal.text or proposal.files is not None) else snapshot.doing


def refusal_lines(refusals: Sequence[Mapping[str, Any]]) -> list[Line]:
    """What the edit had to be repaired for."""
    lines: list[Line] = []
    for number, refusal in enumerate(refusals, 1):
        why = " ".join(str(refusal.get("why", "")).split())
        lines.append(((f"attempt {number} was refused: ", "warn"), (why, "")))
    return lines
