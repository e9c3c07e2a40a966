"""Proposal: the reply as it arrives, the edit as a diff with hunks to choose, and the gate's scores as they come."""

from textual.app import ComposeResult

from genopt_tui.ui.messages import CandidateChosen, PaneChanged, PlaceChosen
from genopt_tui.ui.panes.editing_here import EditingHere
from genopt_tui.ui.panes.lines import count_of
from genopt_tui.ui.panes.proposal_words import notes, phase_text, tab_name, worth_words
from genopt_tui.ui.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.diff import DiffView
from genopt_tui.ui.widgets.gate_lines import gate_rows
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.markdown import Markdown
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.stream import StreamView
from genopt_tui.ui.widgets.tabs import Tabs
from genopt_tui.ui.widgets.text import Plain
from genopt_tui.ui.widgets.view import LineView
from genopt_tui.ui.widgets.wrapped import WrappedView


class ProposalPane(EditingHere):
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
        self.editor = None
        self.editing = Plain(id="editing")
        self.view: LineView = self.reply
        self.proposal: ProposalView | None = None
        self.proposals: tuple[ProposalView, ...] = ()
        self.raw = False
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
            self.diff.show(p.base, p.files, self._lead(p), notes(p), worth_words(p))

    def _lead(self, p: ProposalView) -> list[Line]:
        """The reasoning."""
        markdown = Markdown(max(8, self.size.width - 2))
        return [row for text in p.reasoning.strip().split("\n") if p.reasoning for row in markdown.rows(text)]

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
        p, whole = self.proposal, self.kept() is None
        rows = gate_rows(p, self.size.width, self._workers, whole=whole) if p is not None else []
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
            self.diff.set_lead(self._lead(self.proposal), notes(self.proposal))

    def on_line_view_behind(self, event: LineView.Behind) -> None:
        if event.view is self.reply and event.count != self._behind:
            self._behind = event.count
            self._draw_title()

    def on_diff_view_ready(self) -> None:
        self._draw_title()
        self.post_message(PaneChanged())

    def on_diff_view_chosen(self) -> None:
        self._show_scores()
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
                return self.why_not_edit()
        return super().why_not(name)

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

    def focus_inside(self) -> None:
        (self.editor or self.view).focus()

    def leave(self) -> bool:
        if super().leave():
            return True
        if self.raw:
            self.act_raw()
            return True
        return self.leave_edit()
