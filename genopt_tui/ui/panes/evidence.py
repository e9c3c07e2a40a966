"""Evidence: what the model was shown for this step, and what it will be shown next."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult

from genopt_tui.ui import words
from genopt_tui.ui.messages import CommandWanted, PaneChanged, PlaceChosen
from genopt_tui.ui.panes.lines import LinePane
from genopt_tui.ui.snapshot import EvidenceView, Snapshot
from genopt_tui.ui.widgets.evidence_lines import EXAMPLE, EXCLUDED, STANDING, Choices, Rows, next_rows, sent_rows
from genopt_tui.ui.widgets.lines import TextLines
from genopt_tui.ui.widgets.staging import Plan, moved, plan_of, resized
from genopt_tui.ui.widgets.tabs import Tabs
from genopt_tui.ui.widgets.text import Plain, why_not_here
from genopt_tui.ui.widgets.view import LineView
from genopt_tui.ui.widgets.wrapped import WrappedView

if TYPE_CHECKING:
    from genopt_tui.ui.widgets.editing import Editor

SENT, NEXT = 0, 1
USUAL = 1000
"""Steps that a trace is taken to have while none is known."""


class EvidencePane(LinePane):
    """Pane 4. `{` and `}` (or `h` and `l`) change the tab, space leaves an example out of the prompt that waits, `x` for good, `*` pins
    it, Enter shows its trace; `<` `>` `-` `+` stage horizon and batch, Enter then applies them; `v` shows the whole prompt, `E` edits
    the one that waits."""

    DEFAULT_CSS = """
    EvidencePane #editing { height: 1; background: $panel; color: $text-warning; }
    """

    NUMBER, NAME = 4, "Evidence"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.parts = LineView(id="parts")
        self.prompt = WrappedView("the whole prompt", id="prompt")
        self.editing = Plain(id="editing")
        self.editor: Editor | None = None
        self.view: LineView = self.parts
        self.evidence = EvidenceView(0)
        self.tab = NEXT
        self.dropped: set[str] = set()
        self.pinned: tuple[str, ...] = ()
        self.plan: Plan | None = None
        self._rows = Rows(80)
        self._back = False
        self._width = 0

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.editing
        yield self.parts
        yield self.prompt

    def on_mount(self) -> None:
        super().on_mount()
        self.prompt.display = self.editing.display = False
        self._draw()

    # content

    def feed(self, snapshot: Snapshot) -> None:
        new = snapshot.evidence
        if new is self.evidence and snapshot.looking_back == self._back:
            return
        self._back = snapshot.looking_back
        if (new.step, new.dropped) != (self.evidence.step, self.evidence.dropped):
            self.dropped = set(new.dropped)
        if not new.editable:
            self._close_editor()
        if new.editable and not self.evidence.editable:
            self.tab = NEXT
        elif new.sent is not None and not new.editable and (self.evidence.sent is None or self.evidence.editable):
            self.tab = SENT
        if new.pinned != self.evidence.pinned:
            self.pinned = new.pinned
        if new.messages is not self.evidence.messages and self.view is self.prompt:
            self._fill_prompt(new)
        self.evidence = new
        self._draw()

    def choices(self) -> dict[str, Any]:
        """What the person chose for the prompt that waits: the payload of the `propose` command."""
        batch = {str(part["example"]) for part in self._sent_parts}
        return {"dropped": sorted(self.dropped), "pinned": [name for name in self.pinned if name in batch]}

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
        width = max(20, self.parts.room or 80)
        chosen = Choices(frozenset(self.dropped), self.pinned, self.plan, self._back)
        self._rows = sent_rows(e, width) if self.tab == SENT else next_rows(e, chosen, width)
        self.parts.set_source(TextLines(self._rows.lines), keep=True)
        self.set_title(title(e, self.tab))

    def _changed(self) -> None:
        self._draw()
        self.post_message(PaneChanged())

    # tabs

    def act_left(self) -> None:
        if self.view is self.prompt:
            self.prompt.act_left()
        else:
            self._turn(SENT)

    def act_right(self) -> None:
        if self.view is self.prompt:
            self.prompt.act_right()
        else:
            self._turn(NEXT)

    def act_next_tab(self) -> None:
        self._turn(NEXT if self.tab == SENT else SENT)

    act_prev_tab = act_next_tab

    def _turn(self, tab: int) -> None:
        if self.view is self.prompt:
            self._swap(self.parts)
        if tab != self.tab:
            self.tab = tab
            self._draw()
            self.parts.go(0)

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._turn(event.index)

    # acts

    def _under(self, *kinds: str) -> str:
        """The example or text that the row under the cursor is about, where it is of one of these kinds."""
        kind, what = self._rows.about.get(self.parts.cursor, ("", "")) if self.view is self.parts else ("", "")
        return what if kind in kinds else ""

    def why_not(self, name: str) -> str:
        match name:
            case "toggle":
                if not self.evidence.editable or self.tab != NEXT:
                    return "evidence can be chosen while the prompt waits to be sent (mode step)"
                return "" if self._under(EXAMPLE) else "no example is under the cursor"
            case "pin":
                return "" if self._under(EXAMPLE) else "no example is under the cursor"
            case "exclude":
                return (
                    ""
                    if self._under(EXAMPLE, EXCLUDED, STANDING)
                    else "no example or standing hint is under the cursor"
                )
            case "whole_prompt":
                return "" if self.evidence.messages else "no prompt was built yet"
            case "edit_in_place":
                return self._why_not_edit()
            case "shorter" | "longer" if plan_of(self.evidence.design).kind.startswith("python:"):
                return "the horizon is a function of yours: d changes it"
            case "shorter" | "longer" | "more" | "less":
                if self._back:
                    return "an older version is shown: Esc goes back first"
                return "" if self.evidence.design else "the design choices are still being read"
            case "next_tab" | "prev_tab":
                return ""
        return super().why_not(name)

    def act_toggle(self) -> None:
        """Leave the example out of the evidence, or take it in."""
        if (example := self._under(EXAMPLE)) and self.evidence.edited:
            self._ask_anew(example)
        elif example:
            self._drop(example)

    def _drop(self, example: str) -> None:
        self.dropped ^= {example}
        self.post_message(CommandWanted("preview", {"step": self.evidence.step, **self.choices()}))
        self._changed()

    def _ask_anew(self, example: str) -> None:
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self._drop(example)

        question = confirm("Make the prompt anew?", "You have edited it: that edit is lost then.", "make it anew")
        self.app.push_screen(question, answer)

    def act_pin(self) -> None:
        """Have the example in every batch from now on, or no longer."""
        if example := self._under(EXAMPLE):
            rest = tuple(name for name in self.pinned if name != example)
            self.pinned = rest if len(rest) < len(self.pinned) else (*rest, example)
            self.post_message(CommandWanted("examples", {"pinned": list(self.pinned)}))
            self._changed()

    def act_exclude(self) -> None:
        """Leave an example out for good, asking for the reason; take one in again; take a standing hint back."""
        if hint := self._under(STANDING):
            self.post_message(CommandWanted("hint", {"text": hint, "always": True, "remove": True}))
        elif example := self._under(EXCLUDED):
            self.post_message(CommandWanted("examples", {"excluded": {example: None}}))
        elif example := self._under(EXAMPLE):
            self._ask_why(example)

    def _ask_why(self, example: str) -> None:
        from genopt_tui.ui.screens.dialogs import ask_why_left_out

        def leave_out(reason: str) -> None:
            self.post_message(CommandWanted("examples", {"excluded": {example: reason}}))

        ask_why_left_out(self.app, example, leave_out)

    def act_shorter(self) -> None:
        self._stage(moved(self._planned, -1, self._longest))

    def act_longer(self) -> None:
        self._stage(moved(self._planned, 1, self._longest))

    def act_less(self) -> None:
        self._stage(resized(self._planned, -1))

    def act_more(self) -> None:
        self._stage(resized(self._planned, 1))

    @property
    def _kept(self) -> Plan:
        return plan_of(self.evidence.design, self.evidence.staged)

    @property
    def _planned(self) -> Plan:
        return self.plan or self._kept

    @property
    def _longest(self) -> int:
        parts = (*self._sent_parts, *self.evidence.rollouts)
        return max((int(part.get("steps") or 0) for part in parts), default=0) or USUAL

    def _stage(self, plan: Plan) -> None:
        self.plan = None if plan == self._kept else plan
        self._turn(NEXT)
        self._changed()

    def act_open(self) -> None:
        """Apply what is staged, to the prompt that waits (for this step alone) or to the steps to come; else show the trace."""
        if self.plan is not None and not self._back:
            pairs = self.plan.pairs(self._kept)
            here = {"step": self.evidence.step, "pairs": pairs}
            wish = CommandWanted("stage", here) if self.evidence.editable else CommandWanted("set", {"pairs": pairs})
            self.post_message(wish)
            self.plan = None
            self._changed()
        elif example := self._under(EXAMPLE):
            shown = next((p.get("shown") for p in self._sent_parts if str(p["example"]) == example), None) or [[0, 0]]
            self.post_message(PlaceChosen(example, int(shown[0][0])))

    def act_next(self) -> None:
        self._jump(1)

    def act_prev(self) -> None:
        self._jump(-1)

    def _jump(self, by: int) -> None:
        if self.view is self.prompt:
            (self.prompt.act_next if by > 0 else self.prompt.act_prev)()
            return
        rows = sorted(self._rows.about)
        ahead = [y for y in rows if (y > self.parts.cursor if by > 0 else y < self.parts.cursor)]
        if ahead:
            self.parts.go(ahead[0] if by > 0 else ahead[-1])

    def act_whole_prompt(self) -> None:
        """All messages as sent, to the letter, or back."""
        if self.view is self.prompt:
            self._swap(self.parts)
            return
        self._fill_prompt(self.evidence)
        self._swap(self.prompt)

    def _fill_prompt(self, e: EvidenceView) -> None:
        self.prompt.show([(f" {m.get('role', '?')} ", str(m.get("content", ""))) for m in e.messages])

    def _swap(self, view: LineView) -> None:
        focused = self.view.has_focus
        self.view.display = False
        self.view = view
        view.display = True
        self.tabs.display = view is self.parts
        if focused:
            view.focus()

    # editing the prompt

    def _why_not_edit(self) -> str:
        if not self.evidence.editable or not self.evidence.messages or self._back:
            return "a prompt can be edited while it waits to be sent (mode step)"
        return why_not_here(self.evidence.messages[-1]["content"])

    def act_edit_in_place(self) -> None:
        """Edit the prompt that waits; what comes of it is shown, and sent with `s`."""
        from genopt_tui.ui.widgets.editing import Editor

        self.editing.show("the prompt: ctrl+s takes your edit, Esc leaves")
        self.editor = Editor(self.evidence.messages[-1]["content"], 0)
        self.view.display, self.tabs.display, self.editing.display = False, False, True
        self.mount(self.editor)
        self.editor.focus()

    def on_editor_done(self, event: "Editor.Done") -> None:
        *before, last = self.evidence.messages
        if event.take and event.text != last["content"]:
            messages = [*before, {**last, "content": event.text}]
            wanted = CommandWanted("preview", {"step": self.evidence.step, "messages": messages})
            self.post_message(wanted.set_sender(self))
        self._close_editor()

    def _close_editor(self) -> None:
        if self.editor is None:
            return
        focused = self.editor.has_focus or self.app.focused is None
        self.editor.remove()
        self.editor = None
        self.view.display, self.tabs.display, self.editing.display = True, self.view is self.parts, False
        if focused:
            self.view.focus()

    def focus_inside(self) -> None:
        (self.editor or self.view).focus()

    def leave(self) -> bool:
        if self.plan is not None and not self._back:
            self.plan = None
            self._changed()
            return True
        if super().leave():
            return True
        if self.view is self.prompt:
            self._swap(self.parts)
            return True
        return False


def title(e: EvidenceView, tab: int) -> str:
    """Tokens against the budget, where they are known."""
    sent = e.sent or {}
    if tab == NEXT and e.editable:
        return "waits to be sent, edited by you" if e.edited else "waits to be sent"
    if not sent.get("tokens"):
        return f"step {e.step}" if e.step else ""
    about = "~" if sent.get("estimated") else ""
    of = f"/{words.tokens(sent['budget'])}" if sent.get("budget") else ""
    return f"{about}{words.tokens(sent['tokens'])}{of} tok"
