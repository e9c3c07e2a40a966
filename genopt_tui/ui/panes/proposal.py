"""Proposal: the reply as it arrives, the edit as a diff with hunks to choose, and the gate's scores as they come."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual.app import ComposeResult

from genopt_tui.ui import words
from genopt_tui.ui.messages import PaneChanged, PlaceChosen
from genopt_tui.ui.panes.lines import LinePane, count_of
from genopt_tui.ui.snapshot import ProposalView, Snapshot
from genopt_tui.ui.widgets.diff import DiffView
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.markdown import Markdown
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.stream import StreamView
from genopt_tui.ui.widgets.text import Plain
from genopt_tui.ui.widgets.view import LineView

PHASES = {
    "rolling out": "rolling out the batch",
    "proposing": "the prompt waits to be sent: s sends it",
    "asking": "the model is asked",
    "gate": "the gate runs",
    "idle": "",
}


class ProposalPane(LinePane):
    """Pane 5. `[` and `]` go from hunk to hunk, space leaves one out, Enter goes to the step a reason names, `w` shows the raw reply."""

    NUMBER, NAME = 5, "Proposal"
    DEFAULT_CSS = """
    ProposalPane #phase { height: auto; max-height: 3; color: $text-muted; }
    ProposalPane #scores { height: auto; max-height: 3; color: $text-muted; background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.phase = Plain(id="phase")
        self.reply = StreamView(id="reply")
        self.diff = DiffView(id="diff")
        self.scores = Plain(id="scores")
        self.view: LineView = self.reply
        self.proposal: ProposalView | None = None
        self.raw = False
        self._behind = 0

    def compose(self) -> ComposeResult:
        yield self.phase
        yield self.reply
        yield self.diff
        yield self.scores

    def on_mount(self) -> None:
        super().on_mount()
        self.diff.display = self.scores.display = False
        self.phase.show("no step yet: s runs one, p runs on")

    # content

    def feed(self, snapshot: Snapshot) -> None:
        new, old = snapshot.proposal, self.proposal
        self._show_phase(snapshot)
        if new is old:
            return
        self.proposal = new
        if new is None or old is None or (new.step, new.number) != (old.step, old.number):
            self.raw = False
        self._show_scores(new)
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
        elif p.files is None or self.raw:
            self.reply.show(p.text or p.reasoning)
            self._swap(self.reply)
        else:
            self._swap(self.diff)
            self.diff.show(p.base, p.files, self._lead(p), self._notes(p))

    def _lead(self, p: ProposalView) -> list[Line]:
        """The reasoning."""
        markdown = Markdown(self.size.width - 2)
        return [row for text in p.reasoning.strip().split("\n") if p.reasoning for row in markdown.rows(text)]

    def _notes(self, p: ProposalView) -> list[Line]:
        """What it rests on, what it expects, and what was refused before."""
        lines: list[Line] = [
            (("because ", "gutter"), (f"{example} @{step}", "scope"), ("  (Enter shows it)", "dim"))
            for example, step in p.because
        ]
        if p.expects:
            told = ", ".join(f"{example} {way}" for example, way in p.expects)
            lines.append((("expects ", "gutter"), (told, "")))
        return [*lines, *refusal_lines(p.refusals)]

    def _swap(self, view: LineView) -> None:
        if view is self.view:
            return
        focused = self.view.has_focus
        self.view.display = False
        self.view = view
        view.display = True
        if focused:
            view.focus()

    def _show_scores(self, p: ProposalView | None) -> None:
        text = gate_text(p) if p is not None else ""
        self.scores.show(text)
        self.scores.display = bool(text)

    def _draw_title(self) -> None:
        p = self.proposal
        parts = []
        if p is not None:
            parts.append(p.label or str(p.step))
            if p.attempt:
                parts.append(f"attempt {p.attempt + 1}")
            if self.raw:
                parts.append("raw reply")
            if p.files is not None and self.diff.ready and not self.raw:
                off = len(self.diff.off)
                parts.append(count_of(len(self.diff.hunks), "hunk") + (f", {off} left out" if off else ""))
            if p.decided:
                parts.append(p.decided)
        if self._behind and self.view is self.reply:
            parts.append(f"{self._behind} new lines below (G)")
        self.set_title(f" {MARKS.leaf} ".join(parts))

    def on_resize(self) -> None:
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
        if name == "toggle" and (self.view is not self.diff or self.diff.under_cursor is None):
            return "no hunk is under the cursor" if self.view is self.diff else "there is no edit to choose from yet"
        if name == "toggle" and p is not None and p.decided:
            return f"it is decided already: {p.decided}"
        if name in {"next", "prev"} and self.view is not self.diff:
            return "there is no edit yet"
        if name == "raw":
            return "" if p is not None and p.text else "no reply has arrived yet"
        return super().why_not(name)

    def act_raw(self) -> None:
        """The raw reply, or back to the diff."""
        self.raw = not self.raw
        self._show_body()
        self._draw_title()

    def act_open(self) -> None:
        """Go to the step that a reason names; on a hunk, to the first one."""
        if self.view is not self.diff or self.proposal is None:
            return
        note, because = self.diff.note_under_cursor, self.proposal.because
        if note is not None and note < len(because):
            self.post_message(PlaceChosen(*because[note]))
        elif self.diff.under_cursor is not None and because:
            self.post_message(PlaceChosen(*because[0]))
        else:
            self.diff.act_open()

    def leave(self) -> bool:
        if super().leave():
            return True
        if self.raw:
            self.act_raw()
            return True
        return False


def phase_text(snapshot: Snapshot) -> str:
    """What the step is doing, in a line."""
    p, proposal = snapshot.progress, snapshot.proposal
    if snapshot.looking_back:
        return ""
    if proposal is not None and proposal.refusals and proposal.files is None:
        last = proposal.refusals[-1]
        tail = "no further attempt" if last.get("final") else "asked to repair it"
        return f"refused: {last.get('why', '')} ({tail})"
    phase = p.phase
    if phase == "rolling out":
        size = len((p.batch or {}).get("examples", ()))
        done = sum(1 for r in p.rollouts if r.get("split") == "train")
        return f"rolling out the batch: {done} of {size}"
    if phase == "asking" and proposal is not None and proposal.streaming and proposal.text:
        return f"the reply arrives: {len(proposal.text)} characters"
    if phase == "idle":
        return "" if proposal is not None else "no step runs: s runs one, p runs on"
    return "" if phase in {"deciding", "gate"} else PHASES.get(phase, phase)


def refusal_lines(refusals: Sequence[Mapping[str, Any]]) -> list[Line]:
    """What the edit had to be repaired for."""
    lines: list[Line] = []
    for number, refusal in enumerate(refusals, 1):
        why = " ".join(str(refusal.get("why", "")).split())
        lines.append(((f"attempt {number} was refused: ", "warn"), (why, "")))
    return lines


def gate_text(p: ProposalView) -> str:
    """The gate's scores by example, in the order of arrival, with the base's where it is known."""
    rows = (p.gate or {}).get("scores") or p.gate_scores
    if not rows:
        return ""
    told = []
    for row in rows:
        status = str(row.get("status", "ok"))
        score = words.score(row.get("score")) if row.get("score") is not None else status
        base = f" from {words.score(row['base'])}" if row.get("base") is not None else ""
        told.append(f"{row.get('example', '?')} {score}{base}")
    done, size = len(rows), max(p.gate_size, len(rows))
    head = "gate" if p.gate else f"gate {done}/{size}"
    return f"{head}: " + f" {MARKS.leaf} ".join(told)
