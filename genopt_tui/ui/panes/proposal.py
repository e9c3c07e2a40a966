"""Proposal pane: the reply as it arrives, the edit as a diff, and the scores of its gate."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from genopt_tui.ui.messages import CandidateSelected, PaneChanged, TraceStepSelected
from genopt_tui.ui.panes.line_pane import LinePane, pluralize
from genopt_tui.ui.panes.proposal_editor import ProposalEditor
from genopt_tui.ui.panes.proposal_text import (
    build_gate_rows,
    build_notes,
    describe_phase,
    format_tab,
    format_worths,
)
from genopt_tui.ui.state.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.bars import Tabs
from genopt_tui.ui.widgets.diff_view import DiffView
from genopt_tui.ui.widgets.line_source import Line
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.markdown import MarkdownLayout
from genopt_tui.ui.widgets.safe_text import PlainText
from genopt_tui.ui.widgets.stream_view import StreamView
from genopt_tui.ui.widgets.symbols import SYMBOLS
from genopt_tui.ui.widgets.wrapped_view import WrappedView

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.text_editor import Editor


class ProposalPane(LinePane):
    """Pane 5.

    `[` and `]` go from hunk to hunk, space leaves one out, Enter goes to the step that a reason
    cites, `E` edits the file in place, `w` shows the raw reply, `{` and `}` switch candidates.
    """

    NUMBER = 5
    DEFAULT_CSS = """
    ProposalPane #phase { height: auto; max-height: 4; color: $text-muted; }
    ProposalPane #scores { height: auto; color: $text-muted; background: $panel; }
    ProposalPane #editing { height: 1; background: $panel; color: $text-warning; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.phase = PlainText(id="phase")
        self.reply = StreamView(id="reply")
        self.raw_view = WrappedView("the raw reply", id="raw")
        self.diff = DiffView(id="diff")
        self.scores = PlainText(id="scores")
        self.edits = ProposalEditor(self, self.diff, self._show_body)
        self.view: LineView = self.reply
        self.proposal: ProposalView | None = None
        self.proposals: tuple[ProposalView, ...] = ()
        self.showing_raw = False
        self._unseen_lines = 0
        self._workers = 1

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.phase
        yield self.reply
        yield self.raw_view
        yield self.diff
        yield self.edits.slot.hint
        yield self.scores

    def on_mount(self) -> None:
        super().on_mount()
        for hidden in (self.diff, self.raw_view, self.scores):
            hidden.display = False

    # content

    def feed(self, snapshot: Snapshot) -> None:
        new, old = snapshot.proposal, self.proposal
        self._workers = snapshot.session.workers
        self._show_phase(snapshot)
        self.edits.feed(snapshot)
        if new is old and snapshot.proposals is self.proposals:
            return
        self.proposal, self.proposals = new, snapshot.proposals
        if new is None or old is None or (new.step, new.number) != (old.step, old.number):
            self.showing_raw = False
            self.edits.close()
        index = self.proposals.index(new) if new in self.proposals else 0
        self.tabs.show([format_tab(p) for p in self.proposals], index)
        self._show_scores()
        self._show_body()
        self._draw_title()

    def _show_phase(self, snapshot: Snapshot) -> None:
        text = describe_phase(snapshot)
        self.phase.show(text)
        self.phase.display = bool(text)

    def _show_body(self) -> None:
        p = self.proposal
        if p is None:
            self.reply.show("")
            self._show_view(self.reply)
        elif self.showing_raw:
            self.raw_view.show([("", p.text or p.reasoning)])
            self._show_view(self.raw_view)
        elif p.files is None:
            self.reply.show(p.text or p.reasoning)
            self._show_view(self.reply)
        else:
            self._show_view(self.diff)
            self.diff.show(
                p.base, p.files, self._build_reasoning(p), build_notes(p), format_worths(p)
            )

    def _build_reasoning(self, p: ProposalView) -> list[Line]:
        markdown = MarkdownLayout(max(8, self.size.width - 2))
        return [
            row
            for text in p.reasoning.strip().split("\n")
            if p.reasoning
            for row in markdown.build_rows(text)
        ]

    def _show_view(self, view: LineView) -> None:
        if view is self.view or self.editor is not None:
            return
        focused = self.view.has_focus
        self.view.display = False
        self.view = view
        view.display = True
        if focused:
            view.focus()

    def _show_scores(self) -> None:
        p, is_whole = self.proposal, self.get_kept_hunks() is None
        rows = (
            build_gate_rows(p, self.size.width, self._workers, whole=is_whole)
            if p is not None
            else []
        )
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
            if self.showing_raw:
                parts.append("raw reply")
            if p.files is not None and self.diff.ready and not self.showing_raw:
                off = len(self.diff.left_out)
                parts.append(
                    pluralize(len(self.diff.hunks), "hunk") + (f", {off} left out" if off else "")
                )
            if p.decision:
                parts.append(p.decision)
        if self._unseen_lines and self.view is self.reply:
            parts.append(f"{pluralize(self._unseen_lines, 'new line')} below (G)")
        self.set_title(f" {SYMBOLS.abandoned} ".join(parts))

    def on_resize(self) -> None:
        self._show_scores()
        if self.proposal is not None and self.proposal.files is not None:
            self.diff.set_lead(self._build_reasoning(self.proposal), build_notes(self.proposal))

    def on_line_view_unseen_lines(self, event: LineView.UnseenLines) -> None:
        if event.view is self.reply and event.count != self._unseen_lines:
            self._unseen_lines = event.count
            self._draw_title()

    def on_diff_view_ready(self) -> None:
        self._draw_title()
        self.post_message(PaneChanged())

    def on_diff_view_hunks_changed(self) -> None:
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
                if p is not None and p.decision:
                    return f"already decided: {p.decision}"
                return "no hunk is under the cursor" if self.diff.hunk_under_cursor is None else ""
            case "next" | "prev" if self.view is self.reply:
                return "there is no edit yet"
            case "raw":
                return "" if p is not None and p.text else "no reply has arrived yet"
            case "next_tab" | "prev_tab":
                return "" if len(self.proposals) > 1 else "this step has no other candidate"
            case "edit_in_place":
                return self.edits.why_not_edit()
        return super().why_not(name)

    @property
    def editor(self) -> "Editor | None":
        """The open editor of this pane, if any."""
        return self.edits.slot.editor

    def get_kept_hunks(self) -> set[int] | None:
        """Numbers of the hunks that are kept; None if all are."""
        return self.edits.get_kept_hunks()

    def get_kept_files(self) -> Mapping[str, str]:
        """The proposal's files without the hunks left out."""
        return self.edits.get_kept_files()

    def on_editor_done(self, event: "Editor.Done") -> None:
        self.edits.finish(event)

    @property
    def acts(self) -> Acts:
        return {
            **super().acts,
            "edit_in_place": self.act_edit_in_place,
            "copy": self.act_copy,
            "raw": self.act_raw,
            "open": self.act_open,
            "next_tab": self.act_next_tab,
            "prev_tab": self.act_prev_tab,
        }

    def act_edit_in_place(self) -> None:
        """Edit the file of the hunk under the cursor; the result is a new candidate."""
        self.edits.open()

    def act_copy(self) -> None:
        """Copy the prompt whose reply is awaited, else the line under the cursor."""
        if not self.edits.copy_prompt():
            self.view.act_copy()

    def act_raw(self) -> None:
        """Show the raw reply, or the diff again."""
        self.showing_raw = not self.showing_raw
        self._show_body()
        self._draw_title()

    def act_open(self) -> None:
        """Go to the step that the reason under the cursor cites. On a hunk: to the reason with the
        hunk's number, else to the last one."""
        if self.view is not self.diff or self.proposal is None:
            return
        note, hunk, because = (
            self.diff.note_under_cursor,
            self.diff.hunk_under_cursor,
            self.proposal.because,
        )
        if note is not None and note < len(because):
            self.post_message(TraceStepSelected(*because[note]))
        elif hunk is not None and because:
            self.post_message(TraceStepSelected(*because[min(hunk, len(because)) - 1]))
        else:
            self.diff.act_open()

    def act_next_tab(self) -> None:
        self._switch_candidate(1)

    def act_prev_tab(self) -> None:
        self._switch_candidate(-1)

    def _switch_candidate(self, by: int) -> None:
        if self.proposal in self.proposals:
            self._choose_candidate((self.proposals.index(self.proposal) + by) % len(self.proposals))

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._choose_candidate(event.index)

    def _choose_candidate(self, index: int) -> None:
        chosen = self.proposals[index]
        self.post_message(CandidateSelected(chosen.step, chosen.number).set_sender(self))

    def focus_inside(self) -> None:
        (self.editor or self.view).focus()

    def leave_mode(self) -> bool:
        if super().leave_mode():
            return True
        if self.showing_raw:
            self.act_raw()
            return True
        return self.edits.confirm_revert()
