"""Evidence pane: what the model was shown for this step, and what it will be shown next."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult

from genopt_tui.session.commands import Hint, PreviewPrompt, SetExamples
from genopt_tui.ui.actions.availability import EARLIER_SHOWN
from genopt_tui.ui.messages import CommandRequested, PaneChanged, TraceStepSelected
from genopt_tui.ui.panes.editor_slot import EditorSlot
from genopt_tui.ui.panes.line_pane import LinePane
from genopt_tui.ui.panes.staged_plan import StagedPlan
from genopt_tui.ui.state.snapshot import EvidenceView, Snapshot
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.bars import Tabs
from genopt_tui.ui.widgets.evidence_lines import (
    EXAMPLE,
    EXCLUDED,
    STANDING,
    EvidenceChoices,
    EvidenceRows,
    build_next_rows,
    build_sent_rows,
    format_title,
)
from genopt_tui.ui.widgets.line_source import TextLines
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.safe_text import explain_not_editable
from genopt_tui.ui.widgets.update_plan import build_plan
from genopt_tui.ui.widgets.wrapped_view import WrappedView

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.text_editor import Editor

SENT, NEXT = 0, 1


class EvidencePane(LinePane):
    """Pane 4.

    `{` and `}` (or `h` and `l`) switch tabs. Space drops an example from the waiting prompt, `x`
    excludes it for good, `*` pins it, Enter shows its trace. `<` `>` `-` `+` stage horizon and
    batch size, Enter then applies them. `v` shows the whole prompt, `E` edits the waiting one.
    """

    DEFAULT_CSS = """
    EvidencePane #editing { height: 1; background: $panel; color: $text-warning; }
    """

    NUMBER = 4

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.parts = LineView(id="parts")
        self.prompt = WrappedView("the whole prompt", id="prompt")
        self.slot = EditorSlot(self, self._show_tabs)
        self.view: LineView = self.parts
        self.evidence = EvidenceView(0)
        self.tab = NEXT
        self.dropped: set[str] = set()
        self.pinned: tuple[str, ...] = ()
        self.staged = StagedPlan()
        self._rows = EvidenceRows(80)
        self._is_historical = False
        self._width = 0

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.slot.hint
        yield self.parts
        yield self.prompt

    def on_mount(self) -> None:
        super().on_mount()
        self.prompt.display = False
        self._draw()

    # content

    def feed(self, snapshot: Snapshot) -> None:
        new = snapshot.evidence
        if new is self.evidence and snapshot.is_historical == self._is_historical:
            return
        self._is_historical = snapshot.is_historical
        if (new.step, new.dropped) != (self.evidence.step, self.evidence.dropped):
            self.dropped = set(new.dropped)
        if not new.editable:
            self.slot.close()
        if new.editable and not self.evidence.editable:
            self.tab = NEXT
        elif (
            new.sent is not None
            and not new.editable
            and (self.evidence.sent is None or self.evidence.editable)
        ):
            self.tab = SENT
        if new.pinned != self.evidence.pinned:
            self.pinned = new.pinned
        if new.messages is not self.evidence.messages and self.view is self.prompt:
            self._fill_prompt(new)
        self.evidence = new
        self.staged.feed(new)
        self._draw()

    def get_choices(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Examples dropped from the waiting prompt, and examples pinned in it."""
        batch = {str(part["example"]) for part in self._sent_parts}
        return tuple(sorted(self.dropped)), tuple(n for n in self.pinned if n in batch)

    @property
    def _sent_parts(self) -> Sequence[Mapping[str, Any]]:
        return tuple((self.evidence.sent or {}).get("parts", ()))

    def on_resize(self) -> None:
        if self.size.width != self._width:
            self._width = self.size.width
            self._draw()

    def _draw(self) -> None:
        e = self.evidence
        sent = f"sent for {e.step}" if e.sent is not None and not e.editable else "sent"
        self.tabs.show([sent, "next"], self.tab)
        width = max(20, self.parts.line_width or 80)
        chosen = EvidenceChoices(
            frozenset(self.dropped), self.pinned, self.staged.plan, self._is_historical
        )
        self._rows = (
            build_sent_rows(e, width) if self.tab == SENT else build_next_rows(e, chosen, width)
        )
        self.parts.set_source(TextLines(self._rows.lines), keep=True)
        self.set_title(format_title(e, self.tab == NEXT))

    def _notify_changed(self) -> None:
        self._draw()
        self.post_message(PaneChanged())

    # tabs

    @property
    def acts(self) -> Acts:
        return {
            **super().acts,
            "left": self.act_left,
            "right": self.act_right,
            "next_tab": self.act_next_tab,
            "prev_tab": self.act_prev_tab,
            "toggle": self.act_toggle,
            "pin": self.act_pin,
            "exclude": self.act_exclude,
            "shorter": self.act_shorter,
            "longer": self.act_longer,
            "less": self.act_less,
            "more": self.act_more,
            "open": self.act_open,
            "next": self.act_next,
            "prev": self.act_prev,
            "whole_prompt": self.act_whole_prompt,
            "edit_in_place": self.act_edit_in_place,
        }

    def act_left(self) -> None:
        if self.view is self.prompt:
            self.prompt.act_left()
        else:
            self._switch_tab(SENT)

    def act_right(self) -> None:
        if self.view is self.prompt:
            self.prompt.act_right()
        else:
            self._switch_tab(NEXT)

    def act_next_tab(self) -> None:
        self._switch_tab(NEXT if self.tab == SENT else SENT)

    act_prev_tab = act_next_tab

    def _switch_tab(self, tab: int) -> None:
        if self.view is self.prompt:
            self._show_view(self.parts)
        if tab != self.tab:
            self.tab = tab
            self._draw()
            self.parts.go_to_line(0)

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._switch_tab(event.index)

    # acts

    def _find_under_cursor(self, *kinds: str) -> str:
        """The example or text of the row under the cursor if that is of one of `kinds`, else
        empty."""
        if self.view is not self.parts:
            return ""
        kind, subject = self._rows.about.get(self.parts.cursor, ("", ""))
        return subject if kind in kinds else ""

    def why_not(self, name: str) -> str:
        match name:
            case "toggle":
                if not self.evidence.editable or self.tab != NEXT:
                    return "evidence can be chosen while the prompt waits to be sent (mode step)"
                return "" if self._find_under_cursor(EXAMPLE) else "no example is under the cursor"
            case "pin":
                return "" if self._find_under_cursor(EXAMPLE) else "no example is under the cursor"
            case "exclude":
                return (
                    ""
                    if self._find_under_cursor(EXAMPLE, EXCLUDED, STANDING)
                    else "no example or standing hint is under the cursor"
                )
            case "whole_prompt":
                return "" if self.evidence.messages else "no prompt has been built yet"
            case "edit_in_place":
                return self._why_not_edit()
            case "shorter" | "longer" if build_plan(self.evidence.design).kind.startswith(
                "python:"
            ):
                return "the horizon is your own function: d changes it"
            case "shorter" | "longer" | "more" | "less":
                if self._is_historical:
                    return EARLIER_SHOWN
                return "" if self.evidence.design else "the design choices are still being read"
            case "next_tab" | "prev_tab":
                return ""
        return super().why_not(name)

    def act_toggle(self) -> None:
        """Drop the example from the evidence, or restore it."""
        if (example := self._find_under_cursor(EXAMPLE)) and self.evidence.edited:
            self._confirm_rebuild(example)
        elif example:
            self._toggle_dropped(example)

    def _toggle_dropped(self, example: str) -> None:
        self.dropped ^= {example}
        dropped, pinned = self.get_choices()
        preview = PreviewPrompt(step=self.evidence.step, dropped=dropped, pinned=pinned)
        self.post_message(CommandRequested(preview))
        self._notify_changed()

    def _confirm_rebuild(self, example: str) -> None:
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self._toggle_dropped(example)

        question = confirm("Rebuild the prompt?", "This discards your edit of it.", "rebuild it")
        self.app.push_screen(question, answer)

    def act_pin(self) -> None:
        """Pin the example: put it into every batch from now on. Again unpins it."""
        if example := self._find_under_cursor(EXAMPLE):
            others = tuple(name for name in self.pinned if name != example)
            self.pinned = others if len(others) < len(self.pinned) else (*others, example)
            self.post_message(CommandRequested(SetExamples(pinned=self.pinned)))
            self._notify_changed()

    def act_exclude(self) -> None:
        """Exclude an example for good, with a reason, or include it again; remove a standing
        hint."""
        if hint := self._find_under_cursor(STANDING):
            self.post_message(CommandRequested(Hint(text=hint, always=True, remove=True)))
        elif example := self._find_under_cursor(EXCLUDED):
            self.post_message(CommandRequested(SetExamples(excluded={example: None})))
        elif example := self._find_under_cursor(EXAMPLE):
            self._ask_exclusion_reason(example)

    def _ask_exclusion_reason(self, example: str) -> None:
        from genopt_tui.ui.screens.dialogs import ask_exclusion_reason

        def leave_out(reason: str) -> None:
            self.post_message(CommandRequested(SetExamples(excluded={example: reason})))

        ask_exclusion_reason(self.app, example, leave_out)

    def act_shorter(self) -> None:
        self.staged.move_horizon(-1)
        self._show_staged()

    def act_longer(self) -> None:
        self.staged.move_horizon(1)
        self._show_staged()

    def act_less(self) -> None:
        self.staged.resize_batch(-1)
        self._show_staged()

    def act_more(self) -> None:
        self.staged.resize_batch(1)
        self._show_staged()

    def _show_staged(self) -> None:
        self._switch_tab(NEXT)
        self._notify_changed()

    def act_open(self) -> None:
        """Apply staged changes to the waiting prompt (this step only) or to later steps; without
        any, show the trace of the example under the cursor."""
        if self.staged.plan is not None and not self._is_historical:
            self.post_message(CommandRequested(self.staged.build_command()))
            self.staged.drop()
            self._notify_changed()
        elif example := self._find_under_cursor(EXAMPLE):
            ranges = next(
                (p.get("shown") for p in self._sent_parts if str(p["example"]) == example), None
            ) or [[0, 0]]
            self.post_message(TraceStepSelected(example, int(ranges[0][0])))

    def act_next(self) -> None:
        self._jump(1)

    def act_prev(self) -> None:
        self._jump(-1)

    def _jump(self, by: int) -> None:
        if self.view is self.prompt:
            (self.prompt.act_next if by > 0 else self.prompt.act_prev)()
            return
        rows = sorted(self._rows.about)
        candidates = [
            y for y in rows if (y > self.parts.cursor if by > 0 else y < self.parts.cursor)
        ]
        if candidates:
            self.parts.go_to_line(candidates[0] if by > 0 else candidates[-1])

    def act_whole_prompt(self) -> None:
        """Show all messages exactly as sent, or return to the overview."""
        if self.view is self.prompt:
            self._show_view(self.parts)
            return
        self._fill_prompt(self.evidence)
        self._show_view(self.prompt)

    def _fill_prompt(self, e: EvidenceView) -> None:
        self.prompt.show(
            [(f" {m.get('role', '?')} ", str(m.get("content", ""))) for m in e.messages]
        )

    def _show_view(self, view: LineView) -> None:
        focused = self.view.has_focus
        self.view.display = False
        self.view = view
        view.display = True
        self._show_tabs()
        if focused:
            view.focus()

    def _show_tabs(self) -> None:
        self.tabs.display = self.view is self.parts

    # editing the prompt

    def _why_not_edit(self) -> str:
        if not self.evidence.editable or not self.evidence.messages or self._is_historical:
            return "a prompt can be edited while it waits to be sent (mode step)"
        return explain_not_editable(self.evidence.messages[-1]["content"])

    def act_edit_in_place(self) -> None:
        """Edit the waiting prompt; `s` sends the result."""
        self.slot.open(
            self.evidence.messages[-1]["content"],
            0,
            "The prompt: ctrl+s keeps your edit, Esc cancels",
        )
        self.tabs.display = False

    def on_editor_done(self, event: "Editor.Done") -> None:
        *before, last = self.evidence.messages
        if event.take and event.text != last["content"]:
            messages = (*before, {**last, "content": event.text})
            preview = PreviewPrompt(step=self.evidence.step, messages=messages)
            self.post_message(CommandRequested(preview).set_sender(self))
        self.slot.close()

    @property
    def editor(self) -> "Editor | None":
        """The open editor of this pane, if any."""
        return self.slot.editor

    def focus_inside(self) -> None:
        (self.editor or self.view).focus()

    def leave_mode(self) -> bool:
        if self.staged.plan is not None and not self._is_historical:
            self.staged.drop()
            self._notify_changed()
            return True
        if super().leave_mode():
            return True
        if self.view is self.prompt:
            self._show_view(self.parts)
            return True
        return False
