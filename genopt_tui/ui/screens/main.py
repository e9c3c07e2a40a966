"""The main screen: five panes that show one session.

Its store is the only source of state; every key is an action of the table.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from genopt_tui.ui import pane_layout
from genopt_tui.ui.actions.context import ActionContext
from genopt_tui.ui.actions.table import ACTIONS
from genopt_tui.ui.compositor import RowCompositor
from genopt_tui.ui.messages import (
    BlameRequested,
    CandidateSelected,
    CommandCompleted,
    CommandRequested,
    DoctorWarned,
    PaneChanged,
    PictureRequested,
    ProposalEdited,
    SnapshotReady,
    StoreFailed,
    TraceDataReady,
    TraceRequested,
    TraceStepSelected,
    VersionSelected,
)
from genopt_tui.ui.panes.artifact import ArtifactPane
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.panes.column_layout import Panes
from genopt_tui.ui.panes.evidence import EvidencePane
from genopt_tui.ui.panes.gate_line import GateLine
from genopt_tui.ui.panes.history import HistoryPane
from genopt_tui.ui.panes.proposal import ProposalPane
from genopt_tui.ui.panes.status_lines import FooterLine, StatusLine, TabLine
from genopt_tui.ui.panes.trace import TracePane
from genopt_tui.ui.screens.action_runner import ActionRunner
from genopt_tui.ui.screens.departure import remember_departure, take_departure
from genopt_tui.ui.screens.pending_decision import PendingDecision, ProposalEdit
from genopt_tui.ui.services import AppServices, get_services
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.state.store import Store
from genopt_tui.ui.widgets.safe_text import PlainText

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.notifications import SeverityLevel

MIN_SIZE = (60, 16)
"""Columns and rows of the smallest terminal that is supported."""
DRAW_DELAY = 0.01
"""Seconds for the terminal to write what a key has changed in its pane."""
PENDING_PANES = {"decide": 5, "propose": 4}
"""Number of the pane that shows what is pending."""
DECISION_PANES = {1, 5}
"""Panes whose focus keeps the layout for a decision; any other focus brings back the usual one."""


def _load_action_palette() -> "type[Provider]":
    from genopt_tui.ui.palette import ActionPalette

    return ActionPalette


class MainScreen(Screen[None]):
    """Shows one session and carries out actions on it."""

    CSS_PATH = "main.tcss"
    AUTO_FOCUS = None
    ESCAPE_TO_MINIMIZE = False
    COMMANDS: ClassVar = {_load_action_palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            action.keys,
            f"act('{action.id}')",
            action.label or action.help,
            show=False,
            id=action.id,
            priority=False,
        )
        for action in ACTIONS
    ]

    def __init__(self, first: Snapshot, initial_action: str = "") -> None:
        """`initial_action` runs once the session is loaded."""
        super().__init__()
        self._compositor = RowCompositor()
        self._initial_action = initial_action
        self.snapshot = first
        self.store = Store(Path(first.session.path), self.post_message, first)
        self.active, self.zoomed = 1, False
        self.mark = ""
        self.pending = PendingDecision()
        self._runner = ActionRunner(self, self.pending)
        self._chosen_candidate: tuple[int, int] | None = None
        self._edit = ProposalEdit()
        self._draw_scheduled = False

    # what is on the screen

    def compose(self) -> ComposeResult:
        self._update_size_classes()
        yield StatusLine(id="status")
        yield TabLine(id="tabs")
        yield PlainText(id="banner")
        with Panes(id="panes"):
            yield HistoryPane(self.snapshot, id="history")
            yield ArtifactPane(id="artifact")
            yield TracePane(id="trace")
            yield EvidencePane(id="evidence")
            yield ProposalPane(id="proposal")
        yield GateLine(id="gate")
        yield FooterLine(id="footer")
        yield PlainText(id="small")

    def on_mount(self) -> None:
        if not self._has_panes:
            return
        self._arrange_panes()
        self._feed(self.snapshot)
        self.pane(self.active).focus_inside()
        self.store.start()

    def on_unmount(self) -> None:
        remember_departure(self.services.preferences, self.snapshot, self.store)
        self.store.close()

    def _show_away_summary(self) -> None:
        """Show what happened since the user left, once."""
        departure = take_departure(self.services.preferences, self.snapshot, self.store)
        if departure is not None:
            from genopt_tui.ui.screens.away_summary import AwaySummaryScreen

            self.app.push_screen(AwaySummaryScreen(self, departure))

    @property
    def services(self) -> AppServices:
        return get_services(self)

    def pane(self, number: int) -> Pane:
        return self.query_one(Panes).get_pane(number)

    @property
    def panes(self) -> list[Pane]:
        return self.query_one(Panes).panes

    @property
    def history_pane(self) -> HistoryPane:
        return self.query_one(HistoryPane)

    @property
    def focused_pane(self) -> Pane | None:
        """The pane that has the keyboard."""
        ancestors = self.focused.ancestors_with_self if self.focused else ()
        return next((node for node in ancestors if isinstance(node, Pane)), None)

    def context(self) -> ActionContext:
        """The state that decides which actions are possible."""
        return ActionContext(
            self.snapshot,
            self.focused_pane,
            self.history_pane.row,
            self.mark,
            self.get_kept_hunks() is not None,
        )

    # layout

    @property
    def _has_panes(self) -> bool:
        """Whether the panes exist: a resize may come before them, and the screen may be closed
        before it is mounted."""
        return bool(self.query(Panes))

    def on_resize(self, event: events.Resize) -> None:
        if self._has_panes:
            self._arrange_panes()
            self._draw_lines()

    def _arrange_panes(self) -> None:
        """Choose the layout for this size; on a small screen it shows the active pane alone."""
        self._update_size_classes()
        width, height = self.app.size
        if self.has_class("-small"):
            self.query_one("#small", PlainText).show(
                f"genopt needs {MIN_SIZE[0]}x{MIN_SIZE[1]} characters; "
                f"this terminal has {width}x{height}."
            )
        self.query_one(Panes).show_columns(self._choose_columns(), self.active)

    def _choose_columns(self) -> str:
        """Name of the layout; empty if one pane is shown alone."""
        layout = "" if self.zoomed else pane_layout.choose_layout(*self.app.size)
        deciding = self.snapshot.pending == "decide" and not self.snapshot.is_historical
        if deciding and self.active in DECISION_PANES:
            return pane_layout.choose_decision_layout(layout)
        return layout

    def _update_size_classes(self) -> None:
        """Set all classes at once: each change of them restyles every widget of the screen."""
        width, height = self.app.size
        small = width < MIN_SIZE[0] or height < MIN_SIZE[1]
        self.update_classes(
            {"-small": small, "-narrow": not pane_layout.choose_layout(width, height)}
        )

    def go_to_pane(self, number: int) -> None:
        self.active = number
        self._arrange_panes()
        self.pane(number).focus_inside()
        self._draw_lines()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        pane = self.focused_pane
        if pane is not None and self.active != pane.NUMBER:
            self.active = pane.NUMBER
            self._arrange_panes()
        self._draw_lines()

    # state

    def on_snapshot_ready(self, message: SnapshotReady) -> None:
        before = self.snapshot
        self._feed(self.store.take_snapshot())
        if self.snapshot.is_complete and not before.is_complete:
            self._show_away_summary()
        if self.snapshot.loaded and not before.loaded:
            self.call_after_refresh(self.services.tune_garbage_collection)
            if self._initial_action:
                self.call_later(self.action_act, self._initial_action)

    def _feed(self, snapshot: Snapshot) -> None:
        snapshot = replace(snapshot, chosen_candidate=self._chosen_candidate)
        self.snapshot = snapshot = self._edit.apply(snapshot)
        self._track_pending()
        if self._choose_columns() != self.query_one(Panes).columns:
            self._arrange_panes()
        for pane in self.panes:
            pane.feed(snapshot)
        self._draw_lines()

    def schedule_draw_lines(self) -> None:
        """Draw the lines around the panes after the pane itself, so that a key is answered
        first."""
        if not self._draw_scheduled:
            self._draw_scheduled = True
            self.set_timer(DRAW_DELAY, self._draw_lines)

    def _draw_lines(self) -> None:
        self._draw_scheduled = False
        snapshot = self.snapshot
        self.query_one(StatusLine).feed(snapshot)
        self.query_one(GateLine).feed(snapshot, self.get_kept_hunks())
        waiting = PENDING_PANES.get(snapshot.pending, 0)
        self.query_one(TabLine).feed([*pane_layout.PANE_NAMES.values()], self.active, waiting)
        self.query_one(FooterLine).feed(self.context())
        banner = self.query_one("#banner", PlainText)
        banner.show(f" {snapshot.banner}")
        banner.display = bool(snapshot.banner)

    def _track_pending(self) -> None:
        """Notify of a new decision, and show its pane to a user who waits for it."""
        self.services.send_notifications(self.snapshot)
        if self.pending.track(self.snapshot) and not self._runner.is_user_navigating:
            self.call_later(self._show_pending_pane, PENDING_PANES[self.snapshot.pending])

    def _show_pending_pane(self, number: int) -> None:
        """Show the pane of the decision, unless the user has begun to look around meanwhile."""
        if not self._runner.is_user_navigating:
            self.go_to_pane(number)

    def on_trace_data_ready(self, message: TraceDataReady) -> None:
        cast(TracePane, self.pane(3)).receive(message.data)

    def on_command_completed(self, message: CommandCompleted) -> None:
        if not message.ok:
            self.show_notice(f"{message.kind} was not done: {message.reason}", "warning")
        elif message.reason:
            self.show_notice(f"{message.kind}: {message.reason}")

    def on_doctor_warned(self, message: DoctorWarned) -> None:
        self.app.notify(
            message.message, title="loop doctor", severity="warning", markup=False, timeout=20
        )

    def on_store_failed(self, message: StoreFailed) -> None:
        self.show_notice(message.message, "error")

    # requests of panes

    def on_trace_requested(self, message: TraceRequested) -> None:
        self.store.request_trace(message.rollout, message.first, message.count)

    def on_picture_requested(self, message: PictureRequested) -> None:
        self.store.request_picture(message.rollout, message.step)

    def on_version_selected(self, message: VersionSelected) -> None:
        self.store.show_version(message.commit)

    def on_trace_step_selected(self, message: TraceStepSelected) -> None:
        cast(TracePane, self.pane(3)).show_step(message.example, message.step)
        self.go_to_pane(3)

    def on_command_requested(self, message: CommandRequested) -> None:
        self.store.send_command(message.command)

    def on_blame_requested(self, message: BlameRequested) -> None:
        self.store.request_blame(message.commit)

    def on_candidate_selected(self, message: CandidateSelected) -> None:
        self._chosen_candidate = (message.step, message.number)
        self._feed(self.store.take_snapshot())

    def on_proposal_edited(self, message: ProposalEdited) -> None:
        self.set_edit(message.files)

    def on_pane_changed(self, message: PaneChanged) -> None:
        self.schedule_draw_lines()

    # actions

    def show_notice(self, text: str, severity: "SeverityLevel" = "information") -> None:
        """Show one line for four seconds."""
        self.app.notify(text, severity=severity, markup=False, timeout=4)

    async def action_act(self, name: str) -> None:
        """Carry out the action `name`, or show why it is not possible."""
        await self._runner.run(name)

    # what handlers read and change

    def get_kept_hunks(self) -> set[int] | None:
        """Numbers of the hunks that are kept; None if all are."""
        return self.query_one(ProposalPane).get_kept_hunks()

    def get_kept_files(self) -> Mapping[str, str]:
        return self.query_one(ProposalPane).get_kept_files()

    def get_prompt_choices(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.query_one(EvidencePane).get_choices()

    def go_to_version(self, commit: str) -> None:
        self.history_pane.go_to_version(commit)

    def leave_pane_mode(self) -> bool:
        return self.focused_pane is not None and self.focused_pane.leave_mode()

    def search_pane(self, text: str) -> None:
        self.pane(self.active).search(text)

    def set_edit(self, files: Mapping[str, str] | None) -> None:
        """Show the proposal as edited by the user, which no gate has scored; None: as the model
        wrote it."""
        if self.snapshot.proposal is not None:
            self._edit.set_files(self.snapshot.proposal, files)
            self._feed(self.store.take_snapshot())

    def set_mark(self, commit: str) -> None:
        self.mark = commit
        self.history_pane.set_mark(commit)
        self.store.mark_version(commit)
        self._draw_lines()

    def resize_pane(self, number: int, by: int) -> None:
        """Make a pane larger (`by` 1) or smaller (-1); the sizes are saved."""
        if self._choose_columns():
            self.query_one(Panes).resize_pane(number, by)
        else:
            self.show_notice("only one pane is shown here")

    def toggle_zoom(self) -> None:
        """Let the active pane fill the screen, or show the others again."""
        self.zoomed = not self.zoomed
        self.go_to_pane(self.active)
