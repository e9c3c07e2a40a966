"""Trace pane: the recorded steps of one rollout of the batch, with observations and picture."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from genopt_tui.ui.panes.line_pane import LinePane, pluralize
from genopt_tui.ui.state.snapshot import Snapshot, TracePicture, TraceSlice, TraceSource
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.bars import Tabs
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.picture_panel import PicturePanel
from genopt_tui.ui.widgets.safe_text import PlainText
from genopt_tui.ui.widgets.symbols import SYMBOLS
from genopt_tui.ui.widgets.trace_view import TraceView
from genopt_tui.ui.widgets.value_format import (
    abbreviate_value,
    format_number,
    get_reward,
    is_absent,
)

ROWS_PER_FACT = 5
"""Rows of the pane for each fact shown above the steps."""


class TracePane(LinePane):
    """Pane 3.

    `,` and `.` step, space plays, `[` and `]` go to the next reward or error, Enter opens a step,
    `{` and `}` switch rollouts, `f` shows only steps with events, `v` shows the marked version's
    trace beside this one.
    """

    NUMBER = 3
    DEFAULT_CSS = """
    TracePane #body { height: 1fr; }
    TracePane #steps { height: 1fr; width: 1fr; }
    TracePane #header, TracePane #facts { width: 100%; color: $text-muted; display: none; }
    TracePane #header { height: 1; background: $panel; }
    TracePane #facts { height: auto; background: $surface; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.pictures = PicturePanel()
        self.facts = PlainText(id="facts")
        self.header = PlainText(id="header")
        self.view: TraceView = TraceView()
        self.traces: tuple[TraceSource, ...] = ()
        self.marked_traces: tuple[TraceSource, ...] = ()
        self.source: TraceSource | None = None
        self._mark_label = ""
        self._comparing = False
        self._chosen_by_user = False
        self._scan_note = ""
        self._facts: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.tabs
        with Container(id="body"):
            yield self.pictures
            with Vertical(id="steps"):
                yield self.facts
                yield self.header
                yield self.view

    # content

    def feed(self, snapshot: Snapshot) -> None:
        if (
            snapshot.traces is self.traces
            and snapshot.marked_traces is self.marked_traces
            and snapshot.mark_label == self._mark_label
        ):
            return
        self.traces, self.marked_traces, self._mark_label = (
            snapshot.traces,
            snapshot.marked_traces,
            snapshot.mark_label,
        )
        self._comparing = self._comparing and bool(self._mark_label)
        current = next(
            (t for t in self.traces if self.source and t.rollout == self.source.rollout), None
        )
        if current is None or not self._chosen_by_user:
            self._chosen_by_user = False
            current = self.traces[-1] if self.traces else None
        self._show_trace(current)

    @property
    def other_trace(self) -> TraceSource | None:
        """The marked version's trace of the same example, if the two are compared."""
        return self._find_marked_trace() if self._comparing else None

    def _find_marked_trace(self) -> TraceSource | None:
        source = self.source
        candidates = (
            t
            for t in self.marked_traces
            if source and (t.example, t.repeat) == (source.example, source.repeat)
        )
        return next((t for t in candidates if source and t.rollout != source.rollout), None)

    def _show_trace(self, source: TraceSource | None) -> None:
        if source is None or self.source is None or source.rollout != self.source.rollout:
            self._scan_note, self._facts = "", []
        self.source = source
        index = self.traces.index(source) if source in self.traces else 0
        self.tabs.show([_format_trace_name(t) for t in self.traces], index)
        self.pictures.show(source, self.other_trace)
        self.view.show(source, self.other_trace)
        self._resize_pictures()
        self._draw()

    def show_step(self, example: str, step: int = 0) -> None:
        """Show `step` of the trace of `example`, if the batch contains it."""
        trace = next((t for t in self.traces if t.example == example), None)
        if trace is None:
            self.app.notify(f"no trace of {example} in this step", markup=False, timeout=3)
            return
        self._chosen_by_user = True
        self._show_trace(trace)
        self.view.go_to_step(step)

    def receive(self, piece: TraceSlice | TracePicture) -> None:
        """Take requested steps or a picture."""
        if isinstance(piece, TraceSlice):
            self.view.receive(piece)
        else:
            self.pictures.receive(piece)

    # drawing

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self._draw()

    def on_trace_view_scanning(self, event: TraceView.Scanning) -> None:
        done = event.done >= event.total
        target = f"'{event.needle}'" if event.needle else self._event_noun
        result = (
            f"no {target} found"
            if done and event.found is None and self.view.trace.kept is None
            else ""
        )
        self._scan_note = result if done else f"searching {100 * event.done // event.total} %"
        self._draw_title()

    @property
    def _event_noun(self) -> str:
        return "difference" if self.other_trace is not None else "reward or error"

    def on_resize(self) -> None:
        self._resize_pictures()
        self._draw()

    def _resize_pictures(self) -> None:
        rows = self.size.height - (1 if self.tabs.display else 0)
        self.pictures.resize(self.size.width, rows)

    def _draw(self) -> None:
        self._draw_title()
        self._draw_header()
        if self.source is None:
            self.facts.display = False
            return
        step, number = self.view.current_step, self.view.step
        if step is not None:
            self._draw_facts(list_facts(step.observation)[: self.size.height // ROWS_PER_FACT])
        self.pictures.show_step(number, [step, self.view.other_step])

    def _draw_header(self) -> None:
        names = self.view.trace.format_header()
        self.header.show(names, layout=False)
        self.header.display = bool(names)

    def _draw_facts(self, lines: list[str]) -> None:
        """Draw facts above the steps. Their area only grows, so that stepping does not cause a
        layout."""
        lines = lines + [""] * (len(self._facts) - len(lines))
        self.facts.show("\n".join(lines), layout=len(lines) != len(self._facts))
        self.facts.display = bool(lines)
        self._facts = lines

    def _draw_title(self) -> None:
        if self.source is None:
            self.set_title("none yet: the step's rollouts leave them")
            return
        parts = [_format_trace_name(self.source), f"{self.view.step}/{self.source.steps}"]
        if self.other_trace is not None:
            score = self.other_trace.score
            shown_score = "?" if score is None else format_number(score)
            parts.append(f"beside {self._mark_label} ({shown_score})")
        step = self.view.current_step
        if step is not None and (reward := get_reward(step)) is not None:
            parts.append(f"reward {format_number(reward)}")
        ranges = self.source.shown
        if ranges is not None and not any(a <= self.view.step <= b for a, b in ranges):
            parts.append("outside the horizon")
        if self.view.trace.kept is not None:
            parts.append(
                f"only {pluralize(len(self.view.trace.kept), 'step')} with a {self._event_noun}"
            )
        parts += ["playing"] if self.view.playing else []
        parts += [self._scan_note] if self._scan_note else []
        self.set_title(f" {SYMBOLS.abandoned} ".join(parts))

    # acts

    def why_not(self, name: str) -> str:
        if name == "whole_prompt":
            return self._why_not_compare()
        if name in {"next_tab", "prev_tab"}:
            return "" if len(self.traces) > 1 else "this step has no other rollout"
        if self.source is None and name in {
            "filter",
            "toggle",
            "next",
            "prev",
            "open",
            "step_on",
            "step_back",
        }:
            return "no trace yet"
        if name in {"filter", "next_tab", "prev_tab", "whole_prompt"}:
            return ""
        return super().why_not(name)

    def _why_not_compare(self) -> str:
        if self._comparing:
            return ""
        if not self._mark_label:
            return "mark a version in History first (m) to compare with its trace"
        source = self.source
        if source is not None and any(t.rollout == source.rollout for t in self.marked_traces):
            return f"this is the trace of version {self._mark_label} itself"
        example = source.example if source is not None else "this example"
        return (
            ""
            if self._find_marked_trace()
            else f"version {self._mark_label} was never traced on {example}"
        )

    @property
    def acts(self) -> Acts:
        return {
            **super().acts,
            "whole_prompt": self.act_whole_prompt,
            "next_tab": self.act_next_tab,
            "prev_tab": self.act_prev_tab,
            "filter": self.act_filter,
        }

    def act_whole_prompt(self) -> None:
        """Show or hide the marked version's trace of the same example beside this one."""
        self._comparing = not self._comparing
        self._show_trace(self.source)

    def act_next_tab(self) -> None:
        self._switch_trace(1)

    def act_prev_tab(self) -> None:
        self._switch_trace(-1)

    def _switch_trace(self, by: int) -> None:
        if self.source in self.traces and len(self.traces) > 1:
            self._chosen_by_user = True
            self._show_trace(self.traces[(self.traces.index(self.source) + by) % len(self.traces)])

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._chosen_by_user = True
        self._show_trace(self.traces[event.index])

    def act_filter(self) -> None:
        """Show only steps with rewards or errors (with differences when comparing), or all
        again."""
        self.view.filter_steps(self.view.event_test if self.view.trace.kept is None else None)

    def leave_mode(self) -> bool:
        if self.view.playing:
            self.view.stop_playing()
        elif self.view.trace.kept is not None:
            self.view.filter_steps(None)
        elif self._comparing:
            self.act_whole_prompt()
        else:
            return super().leave_mode()
        self._draw_title()
        return True


def _format_trace_name(source: TraceSource) -> str:
    repeat = f"#{source.repeat}" if source.repeat else ""
    score = "" if source.score is None else f" ({format_number(source.score)})"
    return f"{source.example}{repeat}{score if source.status == 'ok' else f' ({source.status})'}"


def list_facts(observation: object) -> list[str]:
    """The observation, one fact per line."""
    if isinstance(observation, Mapping):
        return [
            f"{name} {abbreviate_value(value, 60)}"
            for name, value in observation.items()
            if not is_absent(value)
        ]
    return [] if observation is None else [abbreviate_value(observation, 200)]
