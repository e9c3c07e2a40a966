"""Evidence: what the model was shown for this step, and what it will be shown next."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual.app import ComposeResult

from genopt_tui.ui import words
from genopt_tui.ui.messages import PaneChanged, PlaceChosen
from genopt_tui.ui.panes.lines import LinePane
from genopt_tui.ui.snapshot import EvidenceView, Snapshot
from genopt_tui.ui.widgets.lines import Line, TextLines
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.stream import StreamView
from genopt_tui.ui.widgets.tabs import Tabs
from genopt_tui.ui.widgets.view import LineView

SENT, NEXT = 0, 1
Data = Mapping[str, Any]


class EvidencePane(LinePane):
    """Pane 4. `h` and `l` change the tab, space leaves an example out (while the prompt waits), Enter shows its trace, `v` the whole prompt."""

    NUMBER, NAME = 4, "Evidence"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.parts = LineView(id="parts")
        self.prompt = StreamView(id="prompt")
        self.view: LineView = self.parts
        self.evidence = EvidenceView(0)
        self.tab = NEXT
        self.dropped: set[str] = set()
        self.pinned: list[str] = []
        self._rows: dict[int, str] = {}
        self._width = 0

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.parts
        yield self.prompt

    def on_mount(self) -> None:
        super().on_mount()
        self.prompt.display = False
        self._draw()

    # content

    def feed(self, snapshot: Snapshot) -> None:
        new = snapshot.evidence
        if new is self.evidence:
            return
        if new.step != self.evidence.step:
            self.dropped.clear()
        if new.editable and not self.evidence.editable:
            self.tab = NEXT
        elif new.sent is not None and not new.editable and (self.evidence.sent is None or self.evidence.editable):
            self.tab = SENT
        if new.messages is not self.evidence.messages and self.view is self.prompt:
            self._fill_prompt(new)
        self.evidence = new
        self._draw()

    def choices(self) -> dict[str, Any]:
        """What the person chose for the prompt that waits: the payload of the `propose` command."""
        return {"dropped": sorted(self.dropped), "pinned": list(self.pinned)}

    def on_resize(self) -> None:
        if self.size.width != self._width:
            self._width = self.size.width
            self._draw()

    def _draw(self) -> None:
        e = self.evidence
        sent = f"sent for {e.step}" if e.sent is not None and not e.editable else "sent"
        self.tabs.show([sent, "next"], self.tab)
        lines, self._rows = sent_lines(e) if self.tab == SENT else next_lines(e, self.dropped, self.pinned)
        self.parts.set_source(TextLines(lines), keep=True)
        self.set_title(title(e, self.tab))

    # acts

    def act_left(self) -> None:
        self._turn(SENT)

    def act_right(self) -> None:
        self._turn(NEXT)

    def _turn(self, tab: int) -> None:
        if self.view is self.prompt:
            (self.prompt.act_left if tab == SENT else self.prompt.act_right)()
        elif tab != self.tab:
            self.tab = tab
            self._draw()
            self.parts.go(0)

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self.leave()
        self._turn(event.index)

    def _example(self) -> str:
        return self._rows.get(self.parts.cursor, "") if self.view is self.parts else ""

    def why_not(self, name: str) -> str:
        if name == "toggle":
            if not self.evidence.editable or self.tab != NEXT:
                return "evidence can be chosen while the prompt waits to be sent (mode step)"
            return "" if self._example() else "no example is under the cursor"
        if name == "whole_prompt":
            return "" if self.evidence.messages else "no prompt was built yet"
        if name in {"shorter", "longer", "more", "less"}:
            return "change horizon and batch with d for now" if name in {"more", "less"} else ""
        return super().why_not(name)

    def act_toggle(self) -> None:
        """Leave the example out of the evidence, or take it in."""
        if example := self._example():
            self.dropped ^= {example}
            self._draw()
            self.post_message(PaneChanged())

    def act_open(self) -> None:
        """The trace of the example under the cursor."""
        if example := self._example():
            parts: Sequence[Data] = (self.evidence.sent or {}).get("parts", ())
            shown = next((p.get("shown") for p in parts if str(p["example"]) == example), None) or [[0, 0]]
            self.post_message(PlaceChosen(example, int(shown[0][0])))

    def act_next(self) -> None:
        self._jump(1)

    def act_prev(self) -> None:
        self._jump(-1)

    def _jump(self, by: int) -> None:
        ahead = [y for y in sorted(self._rows) if (y > self.view.cursor if by > 0 else y < self.view.cursor)]
        if ahead and self.view is self.parts:
            self.parts.go(ahead[0] if by > 0 else ahead[-1])

    def act_whole_prompt(self) -> None:
        """All messages as sent, or back."""
        if self.view is self.prompt:
            self.leave()
            return
        self._fill_prompt(self.evidence)
        self._swap(self.prompt)

    def _fill_prompt(self, e: EvidenceView) -> None:
        text = "\n\n".join(f"# {m.get('role', '?')}\n\n{m.get('content', '')}" for m in e.messages)
        self.prompt.show(text)
        self.prompt.follow = False

    def _swap(self, view: LineView) -> None:
        focused = self.view.has_focus
        self.view.display = False
        self.view = view
        view.display = True
        self.tabs.display = view is self.parts
        if focused:
            view.focus()

    def leave(self) -> bool:
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
        return "waits to be sent"
    if not sent.get("tokens"):
        return f"step {e.step}" if e.step else ""
    about = "~" if sent.get("estimated") else ""
    of = f"/{words.tokens(sent['budget'])}" if sent.get("budget") else ""
    return f"{about}{words.tokens(sent['tokens'])}{of} tok"


def sent_lines(e: EvidenceView) -> tuple[list[Line], dict[int, str]]:
    """What the model was shown, and which rows are examples."""
    sent = e.sent
    if sent is None or e.editable:
        return [(("nothing was sent for this step yet", "dim"),)], {}
    lines: list[Line] = []
    rows: dict[int, str] = {}
    for part in sent.get("parts", ()):
        rows[len(lines)] = str(part["example"])
        lines.append(part_line(part, "   "))
    return [*lines, (), *horizon_lines(sent), (), *section_lines(sent)], rows


def next_lines(e: EvidenceView, dropped: set[str], pinned: Sequence[str]) -> tuple[list[Line], dict[int, str]]:
    """What the next prompt will hold, as far as it is sampled."""
    lines: list[Line] = []
    rows: dict[int, str] = {}
    parts: Sequence[Data] = (e.sent or {}).get("parts", ()) if e.editable else ()
    if parts:
        for part in parts:
            example = str(part["example"])
            rows[len(lines)] = example
            lines.append(part_line(part, "[ ]" if example in dropped else "[x]", off=example in dropped))
        lines += [(), *horizon_lines(e.sent or {})]
        kept = [p for p in parts if str(p["example"]) not in dropped]
        lines.append(((f"{len(kept)} of {len(parts)} rollouts will be shown; s sends the prompt", "strong"),))
    elif e.sent is None and e.batch:
        lines += rolling_lines(e, rows)
    else:
        lines.append((("the next batch is sampled when the next step begins", "dim"),))
    lines += [(("pinned ", "gutter"), (name, "")) for name in pinned]
    for hint in e.hints:
        lines.append((("hint ", "title"), (" ".join(hint.split()), "")))
    return lines, rows


def rolling_lines(e: EvidenceView, rows: dict[int, str]) -> list[Line]:
    """The batch while its rollouts run."""
    done = {(str(r["example"]), int(r.get("repeat", 0))): r for r in e.rollouts}
    lines: list[Line] = [((f"rolling out {len(done)} of {len(e.batch)}", "strong"),)]
    for example, repeat in e.batch:
        rows[len(lines)] = example
        row = done.get((example, repeat))
        lines.append(part_line(row, "   ") if row else ((f"    {example:<14} ", "dim"), (MARKS.dots, "dim")))
    return lines


def part_line(part: Data, box: str, off: bool = False) -> Line:
    """One rollout: score, tokens, which steps are shown, what was cut."""
    repeat = f"#{part['repeat']}" if part.get("repeat") else ""
    name = f"{part['example']}{repeat}"
    status = str(part.get("status", "ok"))
    score = words.score(part.get("score")) if status == "ok" else status
    pieces: list[tuple[str, str]] = [
        (f"{box} ", "strong"),
        (f"{name:<14} ", "dim" if off else ""),
        (f"{score:>7}  ", "strong" if status == "ok" else "bad"),
    ]
    if part.get("tokens"):
        pieces.append((f"{words.tokens(part['tokens'])} tok  ", "number"))
    if part.get("steps"):
        pieces.append((f"steps {shown_words(part.get('shown') or (), int(part['steps']))}  ", "gutter"))
    if part.get("cut"):
        pieces.append((f"{MARKS.dots} {part['cut']} cut", "warn"))
    if part.get("cached"):
        pieces.append(("cached", "gutter"))
    return tuple((text, f"{look} dim") for text, look in pieces) if off else tuple(pieces)


def shown_words(shown: Sequence[Sequence[int]], steps: int) -> str:
    """`0-399 of 812`, `all 120`, or `none of 812`."""
    if not shown:
        return f"none of {steps}"
    if [list(r) for r in shown] == [[0, steps - 1]]:
        return f"all {steps}"
    some = ", ".join(f"{first}-{last}" for first, last in shown[:3])
    return f"{some}{f' and {len(shown) - 3} more' if len(shown) > 3 else ''} of {steps}"


def horizon_lines(sent: Data) -> list[Line]:
    """The horizon, and that the score covers more than what is shown."""
    horizon, covers = sent.get("horizon") or {}, sent.get("covers") or {}
    kind, steps = str(horizon.get("kind", "")), horizon.get("steps")
    words_of = {"all": "every step", "first": f"the first {steps} steps", "last": f"the last {steps} steps"}
    around = f"{steps} steps on each side of a {kind.removeprefix('around-')}"
    said = words_of.get(kind, around if kind.startswith("around-") else kind)
    lines: list[Line] = [(("horizon ", "gutter"), (said, "strong"))] if said else []
    if covers:
        lines.append((("shown   ", "gutter"), (_covered(covers.get("trace")), "")))
        lines.append((("scored  ", "gutter"), (_covered(covers.get("score")), "warn" if _differ(covers) else "")))
    if sent.get("mean") is not None:
        lines.append((("mean    ", "gutter"), (words.score(sent["mean"]), "")))
    return lines


def _covered(value: Any) -> str:
    return f"{value} steps" if isinstance(value, int) else str(value) if value is not None else "not told"


def _differ(covers: Data) -> bool:
    return covers.get("trace") != covers.get("score")


def section_lines(sent: Data) -> list[Line]:
    """The prompt's sections with their tokens; cuts are marked."""
    lines: list[Line] = []
    for section in sent.get("sections", ()):
        cut = section.get("cut") or section.get("cuts")
        name, tokens = section.get("name", "?"), words.tokens(section.get("tokens") or 0)
        mark: Line = ((f"  {MARKS.dots} cut: {cut}", "warn"),) if cut else ()
        lines.append(((f"{name!s:<20} ", ""), (f"{tokens:>6} tok", "number"), *mark))
    if sent.get("tokens"):
        of = f" of {words.tokens(sent['budget'])}" if sent.get("budget") else ""
        about = "  (estimated)" if sent.get("estimated") else ""
        lines.append(((f"{'all':<20} ", "strong"), (f"{words.tokens(sent['tokens']):>6} tok{of}{about}", "number")))
    return lines
