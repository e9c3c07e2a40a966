"""Trace: the recorded steps of one rollout of the step's batch, with what was observed and the picture of the current one."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from genopt_tui.ui.panes.lines import LinePane, count_of
from genopt_tui.ui.snapshot import PicturePiece, Snapshot, TracePiece, TraceSource
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.scene import Scene
from genopt_tui.ui.widgets.tabs import Tabs
from genopt_tui.ui.widgets.text import Plain
from genopt_tui.ui.widgets.trace import TraceView
from genopt_tui.ui.widgets.values import brief, number
from genopt_tui.ui.widgets.view import LineView

FACTS = 5
"""Rows of the pane for each observed thing that is named above the steps."""


class TracePane(LinePane):
    """Pane 3. `,` and `.` step, space plays, `[` and `]` go to the next reward or error, Enter opens a step, `{` and `}` turn to
    another rollout, `f` leaves only steps that tell something, `v` sets the marked version's trace beside it."""

    NUMBER, NAME = 3, "Trace"
    DEFAULT_CSS = """
    TracePane #body { height: 1fr; }
    TracePane #steps { height: 1fr; width: 1fr; }
    TracePane #facts { width: 100%; height: auto; color: $text-muted; background: $surface; display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.scene = Scene()
        self.facts = Plain(id="facts")
        self.view: TraceView = TraceView()
        self.traces: tuple[TraceSource, ...] = ()
        self.beside: tuple[TraceSource, ...] = ()
        self.source: TraceSource | None = None
        self._mark = ""
        self._compared = False
        self._chosen = False
        self._note = ""
        self._facts: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.tabs
        with Container(id="body"):
            yield self.scene
            with Vertical(id="steps"):
                yield self.facts
                yield self.view

    # content

    def feed(self, snapshot: Snapshot) -> None:
        if snapshot.traces is self.traces and snapshot.beside is self.beside and snapshot.mark_label == self._mark:
            return
        self.traces, self.beside, self._mark = snapshot.traces, snapshot.beside, snapshot.mark_label
        self._compared = self._compared and bool(self._mark)
        same = next((t for t in self.traces if self.source and t.rollout == self.source.rollout), None)
        if same is None or not self._chosen:
            self._chosen = False
            same = self.traces[-1] if self.traces else None
        self._show(same)

    @property
    def other(self) -> TraceSource | None:
        """The marked version's trace of the example that is shown, where it is compared with."""
        return self._marked() if self._compared else None

    def _marked(self) -> TraceSource | None:
        source = self.source
        same = (t for t in self.beside if source and (t.example, t.repeat) == (source.example, source.repeat))
        return next((t for t in same if source and t.rollout != source.rollout), None)

    def _show(self, source: TraceSource | None) -> None:
        if source is None or self.source is None or source.rollout != self.source.rollout:
            self._note, self._facts = "", []
        self.source = source
        index = self.traces.index(source) if source in self.traces else 0
        self.tabs.show([_name(t) for t in self.traces], index)
        self.scene.show(source, self.other)
        self.view.show(source, self.other)
        self._measure()
        self._draw()

    def go(self, example: str, step: int = 0) -> None:
        """Show `step` of the trace of `example`, where it is one of the batch."""
        found = next((t for t in self.traces if t.example == example), None)
        if found is None:
            self.app.notify(f"no trace of {example} in this step", markup=False, timeout=3)
            return
        self._chosen = True
        self._show(found)
        self.view.go_to(step)

    def receive(self, piece: TracePiece | PicturePiece) -> None:
        """What was asked for."""
        if isinstance(piece, TracePiece):
            self.view.receive(piece)
        else:
            self.scene.take(piece)

    # drawing

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self._draw()

    def on_trace_view_scanning(self, event: TraceView.Scanning) -> None:
        done = event.done >= event.total
        told = f"'{event.needle}'" if event.needle else self._told
        nothing = f"no {told} found" if done and event.found is None and self.view.trace.kept is None else ""
        self._note = nothing if done else f"looking {100 * event.done // event.total} %"
        self._draw_title()

    @property
    def _told(self) -> str:
        return "difference" if self.other is not None else "reward or error"

    def on_resize(self) -> None:
        self._measure()
        self._draw()

    def _measure(self) -> None:
        rows = self.size.height - (1 if self.tabs.display else 0)
        self.scene.resize(self.size.width, rows)

    def _draw(self) -> None:
        self._draw_title()
        if self.source is None:
            self.facts.display = False
            return
        step, shown = self.view.current, self.view.step
        if step is not None:
            self._draw_facts(facts_of(step.observation)[: self.size.height // FACTS])
        self.scene.go(shown, [step, self.view.beside])

    def _draw_facts(self, lines: list[str]) -> None:
        """Their place only ever grows, so that stepping on does not lay the pane out again."""
        lines = lines + [""] * (len(self._facts) - len(lines))
        self.facts.show("\n".join(lines), layout=len(lines) != len(self._facts))
        self.facts.display = bool(lines)
        self._facts = lines

    def _draw_title(self) -> None:
        if self.source is None:
            self.set_title("none yet: the step's rollouts leave them")
            return
        parts = [_name(self.source), f"{self.view.step}/{self.source.steps}"]
        if self.other is not None:
            parts.append(f"beside {self._mark} ({number(self.other.score) if self.other.score is not None else '?'})")
        step = self.view.current
        if step is not None and step.reward:
            parts.append(f"reward {number(step.reward)}")
        shown = self.source.shown
        if shown is not None and not any(a <= self.view.step <= b for a, b in shown):
            parts.append("outside the horizon")
        if self.view.trace.kept is not None:
            parts.append(f"only {count_of(len(self.view.trace.kept), 'step')} with a {self._told}")
        parts += ["playing"] if self.view.playing else []
        parts += [self._note] if self._note else []
        self.set_title(f" {MARKS.leaf} ".join(parts))

    # acts

    def why_not(self, name: str) -> str:
        if name == "whole_prompt":
            return self._why_not_beside()
        if name in {"next_tab", "prev_tab"}:
            return "" if len(self.traces) > 1 else "there is no other rollout in this step"
        if self.source is None and name in {"filter", "toggle", "next", "prev", "open", "step_on", "step_back"}:
            return "there is no trace yet"
        if name in {"filter", "next_tab", "prev_tab", "whole_prompt"}:
            return ""
        return super().why_not(name)

    def _why_not_beside(self) -> str:
        if self._compared:
            return ""
        if not self._mark:
            return "mark a version in History first (m); its trace is then set beside this one"
        source = self.source
        if source is not None and any(t.rollout == source.rollout for t in self.beside):
            return f"this is the trace of version {self._mark} itself"
        example = source.example if source is not None else "this example"
        return "" if self._marked() else f"version {self._mark} was never traced on {example}"

    def act_whole_prompt(self) -> None:
        """Set the marked version's trace of the same example beside this one, or take it away."""
        self._compared = not self._compared
        self._show(self.source)

    def act_next_tab(self) -> None:
        self._turn(1)

    def act_prev_tab(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        if self.source in self.traces and len(self.traces) > 1:
            self._chosen = True
            self._show(self.traces[(self.traces.index(self.source) + by) % len(self.traces)])

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._chosen = True
        self._show(self.traces[event.index])

    def act_filter(self) -> None:
        """Only steps with rewards or errors (beside another version: with differences), or all again."""
        self.view.filter(self.view.telling if self.view.trace.kept is None else None)

    def leave(self) -> bool:
        if self.view.playing:
            self.view.stop()
        elif self.view.trace.kept is not None:
            self.view.filter(None)
        elif self._compared:
            self.act_whole_prompt()
        else:
            return super().leave()
        self._draw_title()
        return True


def _name(source: TraceSource) -> str:
    repeat = f"#{source.repeat}" if source.repeat else ""
    score = "" if source.score is None else f" ({number(source.score)})"
    return f"{source.example}{repeat}{score if source.status == 'ok' else f' ({source.status})'}"


def facts_of(observation: object) -> list[str]:
    """What was observed, a line a thing."""
    if isinstance(observation, Mapping):
        return [f"{name} {brief(value, 60)}" for name, value in observation.items()]
    return [] if observation is None else [brief(observation, 200)]
