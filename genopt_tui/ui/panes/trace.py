"""Trace: the recorded steps of one rollout of the step's batch, with what was observed and the picture of the current one."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal

from genopt_tui.ui.messages import PictureWanted
from genopt_tui.ui.panes.lines import LinePane
from genopt_tui.ui.snapshot import PicturePiece, Snapshot, TracePiece, TraceSource
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.picture import PictureView, boxes
from genopt_tui.ui.widgets.tabs import Tabs
from genopt_tui.ui.widgets.text import Plain
from genopt_tui.ui.widgets.trace import TraceView, eventful
from genopt_tui.ui.widgets.values import brief, number
from genopt_tui.ui.widgets.view import LineView

ROOM = 14
"""Rows of the pane from which there is room for a picture."""
FACTS = 12
"""Observed things that are named beside the picture."""


class TracePane(LinePane):
    """Pane 3. `,` and `.` step, space plays, `[` and `]` go to the next reward or error, Enter opens a step, `+` and `-` turn to the next trace."""

    NUMBER, NAME = 3, "Trace"
    DEFAULT_CSS = """
    TracePane #scene { height: auto; display: none; background: $surface; }
    TracePane #scene.-shown { display: block; }
    TracePane #facts { width: 1fr; height: auto; padding: 0 1; color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.picture = PictureView()
        self.facts = Plain(id="facts")
        self.scene = Horizontal(self.picture, self.facts, id="scene")
        self.view: TraceView = TraceView()
        self.traces: tuple[TraceSource, ...] = ()
        self.source: TraceSource | None = None
        self._chosen = False
        self._has_pictures = True
        self._asked: int | None = None
        self._next: int | None = None
        self._note = ""
        self._facts = 0

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.scene
        yield self.view

    # content

    def feed(self, snapshot: Snapshot) -> None:
        if snapshot.traces is self.traces:
            return
        self.traces = snapshot.traces
        same = next((t for t in self.traces if self.source and t.rollout == self.source.rollout), None)
        if same is None or not self._chosen:
            self._chosen = False
            same = self.traces[-1] if self.traces else None
        self._show(same)

    def _show(self, source: TraceSource | None) -> None:
        if source is None or self.source is None or source.rollout != self.source.rollout:
            self._has_pictures, self._asked, self._next, self._note = True, None, None, ""
            self.picture.show(None, (), 0, 0)
        self.source = source
        index = self.traces.index(source) if source in self.traces else 0
        self.tabs.show([_name(t) for t in self.traces], index)
        self.view.show(source)
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
        if self.source is None or piece.rollout != self.source.rollout:
            return
        if isinstance(piece, TracePiece):
            self.view.receive(piece)
        else:
            self._take_picture(piece)

    # drawing

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self._draw()

    def on_trace_view_scanning(self, event: TraceView.Scanning) -> None:
        done = event.done >= event.total
        nothing = "no reward or error found" if done and event.found is None and self.view.trace.kept is None else ""
        self._note = nothing if done else f"looking {100 * event.done // event.total} %"
        self._draw_title()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self._draw_title()
        step = self.view.current
        facts = step.observation if step is not None else None
        shown = self.source is not None and self.size.height >= ROOM
        lines = facts_of(facts)[: self.size.height // 2] if shown else []
        self.facts.show("\n".join(lines), layout=len(lines) != self._facts)
        self._facts = len(lines)
        self.scene.set_class(bool(shown and (lines or self.picture.display)), "-shown")
        if shown and self._has_pictures and self.source is not None:
            self._want_picture(self.view.step)
        elif not shown:
            self.picture.show(None, (), 0, 0)

    def _draw_title(self) -> None:
        if self.source is None:
            self.set_title("none yet: the step's rollouts leave them")
            return
        parts = [_name(self.source), f"{self.view.step}/{self.source.steps}"]
        step = self.view.current
        if step is not None and step.reward:
            parts.append(f"reward {number(step.reward)}")
        shown = self.source.shown
        if shown is not None and not any(a <= self.view.step <= b for a, b in shown):
            parts.append("outside the horizon")
        if self.view.trace.kept is not None:
            parts.append(f"{len(self.view.trace.kept)} steps with rewards or errors")
        parts += ["playing"] if self.view.playing else []
        parts += [self._note] if self._note else []
        self.set_title(f" {MARKS.leaf} ".join(parts))

    def _want_picture(self, step: int) -> None:
        """Ask for one picture at a time; while it is on its way, only the newest wish is kept."""
        assert self.source is not None
        if self._asked is None:
            self._asked, self._next = step, None
            self.post_message(PictureWanted(self.source.rollout, step))
        elif step != self._asked:
            self._next = step

    def _take_picture(self, piece: PicturePiece) -> None:
        self._asked = None
        if piece.picture is None and piece.step == self.view.step:
            self._has_pictures = False
        step = self.view.current
        objects = boxes(step.observation) if step is not None and step.index == piece.step else []
        self.picture.show(piece.picture, objects, self.size.width // 2, max(6, self.size.height // 2))
        self.scene.set_class(bool(piece.picture is not None or self.facts.content), "-shown")
        if self._next is not None and self._has_pictures:
            self._want_picture(self._next)

    # acts

    def act_more(self) -> None:
        self._turn(1)

    def act_less(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        if self.source in self.traces and len(self.traces) > 1:
            self._chosen = True
            self._show(self.traces[(self.traces.index(self.source) + by) % len(self.traces)])

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._chosen = True
        self._show(self.traces[event.index])

    def act_filter(self) -> None:
        """Only steps with rewards or errors, or all again."""
        self.view.filter(eventful if self.view.trace.kept is None else None)

    def leave(self) -> bool:
        if self.view.playing:
            self.view.stop()
        elif self.view.trace.kept is not None:
            self.view.filter(None)
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
        return [f"{name} {brief(value, 60)}" for name, value in list(observation.items())[:FACTS]]
    return [] if observation is None else [brief(observation, 200)]
