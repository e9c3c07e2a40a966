"""The main screen: five panes over one session, fed by its store; every key is an action of the table."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from genopt_tui.errors import GenoptError
from genopt_tui.ui import sizes
from genopt_tui.ui.actions import ACTIONS, BY_ID, Context
from genopt_tui.ui.drawing import RowCompositor
from genopt_tui.ui.messages import (
    Answered,
    BlameWanted,
    CandidateChosen,
    CommandWanted,
    Copied,
    Edited,
    Failed,
    Fresh,
    PaneChanged,
    PictureWanted,
    Piece,
    PlaceChosen,
    TraceWanted,
    VersionChosen,
    Warned,
)
from genopt_tui.ui.panes.arranged import Panes
from genopt_tui.ui.panes.artifact import ArtifactPane
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.panes.evidence import EvidencePane
from genopt_tui.ui.panes.history import HistoryPane
from genopt_tui.ui.panes.proposal import ProposalPane
from genopt_tui.ui.panes.statusline import FooterLine, GateLine, StatusLine, TabLine
from genopt_tui.ui.panes.trace import TracePane
from genopt_tui.ui.snapshot import Snapshot
from genopt_tui.ui.store import Store
from genopt_tui.ui.widgets.text import Plain

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from genopt_tui.ui.app import GenoptApp
    from genopt_tui.ui.deeds.base import Deeds
    from genopt_tui.ui.panes.proposal import ProposalPane
    from genopt_tui.ui.panes.trace import TracePane

NAMES = ("History", "Artifact", "Trace", "Evidence", "Proposal")
SMALLEST = (60, 16)
GRACE = 0.5
"""Seconds after a proposal appears in which a decision key decides nothing."""
WRITTEN = 0.01
"""Seconds in which what a key has drawn is written."""
FOLLOWED = {"run", "step", "approve", "reject", "again", "mode"}
"""Actions after which a person waits for what comes of them: the pane of the next decision then comes to the front."""


class MainScreen(Screen[None]):
    """One session. The store is its only source of state."""

    CSS_PATH = "main.tcss"
    AUTO_FOCUS = None
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            action.keys, f"act('{action.id}')", action.label or action.help, show=False, id=action.id, priority=False
        )
        for action in ACTIONS
    ]

    def __init__(self, first: Snapshot, begin_with: str = "") -> None:
        """`begin_with` is the action that is done as soon as the session is read."""
        super().__init__()
        self._compositor = RowCompositor()
        self._begin_with = begin_with
        self.snapshot = first
        self.store = Store(Path(first.session.path), self.post_message, first)
        self.active, self.zoomed = 1, False
        self.mark = ""
        self._attended = False
        """Whether a person looks about: then the keyboard is not moved to another pane when a decision is wanted."""
        self._appeared, self._shown_pending = 0.0, ""
        self._chosen: tuple[int, int] | None = None
        self._edit: tuple[int, int, str, dict[str, str]] | None = None
        """What a person made of a proposal: its step, number and tree, and the files as they are now wanted."""
        self._carriers: list[Deeds] = []
        self._lines_wait = False

    # what is on the screen

    def compose(self) -> ComposeResult:
        self._arrange_screen()
        yield StatusLine(id="status")
        yield TabLine(id="tabs")
        yield Plain(id="banner")
        with Panes(id="panes"):
            yield HistoryPane(self.snapshot, id="history")
            yield ArtifactPane(id="artifact")
            yield TracePane(id="trace")
            yield EvidencePane(id="evidence")
            yield ProposalPane(id="proposal")
        yield GateLine(id="gate")
        yield FooterLine(id="footer")
        yield Plain(id="small")

    def on_mount(self) -> None:
        if not self._stands:
            return
        self._arrange()
        self._feed(self.snapshot)
        self.pane(self.active).focus_inside()
        self.store.start()

    def on_unmount(self) -> None:
        self._note_leaving()
        self.store.close()

    def _note_leaving(self) -> None:
        """Remember where a live run stood, so that coming back can tell what it did alone."""
        left, path = self.genopt.kept.left, self.snapshot.session.path
        left.pop(path, None)
        if self.snapshot.alive:
            at = datetime.now().astimezone().isoformat(timespec="seconds")
            left[path] = {"at": at, "event": self.store.last_event, "mode": self.snapshot.session.mode}

    def _greet(self) -> None:
        """Tell a person who comes back what happened meanwhile, once, when steps have ended since."""
        left = self.genopt.kept.left.pop(self.snapshot.session.path, None)
        if left is not None and self.store.steps_since(int(left["event"])):
            from genopt_tui.ui.screens.returned import ReturnedScreen

            self.app.push_screen(ReturnedScreen(self, left))

    @property
    def genopt(self) -> "GenoptApp":
        return cast("GenoptApp", self.app)

    def pane(self, number: int) -> Pane:
        return next(pane for pane in self.panes if number == pane.NUMBER)

    @property
    def panes(self) -> list[Pane]:
        return [pane for pane in self.query_one(Panes).children if isinstance(pane, Pane)]

    @property
    def history(self) -> HistoryPane:
        return self.query_one(HistoryPane)

    @property
    def focused_pane(self) -> Pane | None:
        """The pane that has the keyboard."""
        above = self.focused.ancestors_with_self if self.focused else ()
        return next((node for node in above if isinstance(node, Pane)), None)

    def context(self) -> Context:
        """Here and now, for the table of actions."""
        return Context(self.snapshot, self.focused_pane, self.history.row, self.mark, self.kept() is not None)

    # layout

    @property
    def _stands(self) -> bool:
        """Whether the panes are there: a resize may come before them, and the screen may be left before it is mounted."""
        return bool(self.query(Panes))

    def on_resize(self, event: events.Resize) -> None:
        if self._stands:
            self._arrange()
            self._draw_lines()

    def _arrange(self) -> None:
        """Choose the layout for this size, and the pane that is shown where there is room for one."""
        self._arrange_screen()
        width, height = self.app.size
        if self.has_class("-small"):
            self.query_one("#small", Plain).show(
                f"genopt needs {SMALLEST[0]}x{SMALLEST[1]} characters; this terminal has {width}x{height}."
            )
        columns = self._columns()
        for pane in self.panes:
            pane.display = bool(columns) or self.active == pane.NUMBER
        self.query_one(Panes).arrange_as(columns)

    def _columns(self) -> str:
        """The name of the layout; empty where one pane is shown."""
        return "" if self.zoomed else sizes.layout_of(*self.app.size)

    def _arrange_screen(self) -> None:
        """All classes at once: each change of the screen's classes works out the styles of everything in it."""
        width, height = self.app.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.update_classes({"-small": small, "-narrow": not sizes.layout_of(width, height)})

    def go_to_pane(self, number: int) -> None:
        self.active = number
        self._arrange()
        self.pane(number).focus_inside()
        self._draw_lines()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        pane = self.focused_pane
        if pane is not None and self.active != pane.NUMBER:
            self.active = pane.NUMBER
            self._arrange()
        self._draw_lines()

    # state

    def on_fresh(self, message: Fresh) -> None:
        before = self.snapshot
        self._feed(self.store.take())
        if self.snapshot.whole and not before.whole:
            self._greet()
        if self.snapshot.loaded and not before.loaded:
            self.call_after_refresh(self.genopt.settle)
            if self._begin_with:
                self.call_later(self.action_act, self._begin_with)

    def _feed(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot = self._with_edit(replace(snapshot, chosen=self._chosen))
        self._watch_pending()
        for pane in self.panes:
            pane.feed(snapshot)
        self._draw_lines()

    def _with_edit(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the proposal as a person edited it, while that proposal waits."""
        p = snapshot.proposal
        if self._edit is None or p is None or snapshot.looking_back:
            return snapshot
        step, number, tree, files = self._edit
        if (p.step, p.number, p.tree) != (step, number, tree) or p.decided:
            self._edit = None
            return snapshot
        names = tuple(sorted(n for n in {*p.base, *files} if p.base.get(n) != files.get(n)))
        edited = replace(p, files=files, changes=names, gate=None, gate_scores=(), edited=True)
        return replace(snapshot, proposals=tuple(edited if q is p else q for q in snapshot.proposals))

    def _draw_lines_soon(self) -> None:
        """Draw the lines around the panes once the pane itself has been drawn and written: a key is answered first."""
        if not self._lines_wait:
            self._lines_wait = True
            self.set_timer(WRITTEN, self._draw_lines)

    def _draw_lines(self) -> None:
        self._lines_wait = False
        snapshot = self.snapshot
        self.query_one(StatusLine).feed(snapshot)
        self.query_one(GateLine).feed(snapshot, self.kept())
        wanted = {"decide": 5, "propose": 4}.get(snapshot.pending, 0)
        self.query_one(TabLine).feed(NAMES, self.active, wanted)
        self.query_one(FooterLine).feed(self.context())
        banner = self.query_one("#banner", Plain)
        banner.show(f" {snapshot.banner}")
        banner.display = bool(snapshot.banner)

    def _watch_pending(self) -> None:
        """Note the moment at which a decision appears on this screen, and say so where nobody looks."""
        snapshot = self.snapshot
        proposal = snapshot.proposal
        shown = (
            f"{snapshot.pending} {snapshot.progress.step} {proposal.tree if proposal else ''}"
            if snapshot.pending
            else ""
        )
        self.genopt.tell(snapshot)
        if shown == self._shown_pending:
            return
        self._shown_pending, self._appeared = shown, monotonic()
        if shown and not self._attended:
            self.call_later(self._bring, 5 if snapshot.pending == "decide" else 4)

    def _bring(self, number: int) -> None:
        """Show the pane of the decision, unless a person has begun to look about meanwhile."""
        if not self._attended:
            self.go_to_pane(number)

    def on_piece(self, message: Piece) -> None:
        cast(TracePane, self.pane(3)).receive(message.piece)

    def on_answered(self, message: Answered) -> None:
        if not message.ok:
            self.say(f"{message.kind} was not done: {message.why}", "warning")
        elif message.why:
            self.say(f"{message.kind}: {message.why}")

    def on_warned(self, message: Warned) -> None:
        self.app.notify(message.message, title="loop doctor", severity="warning", markup=False, timeout=20)

    def on_failed(self, message: Failed) -> None:
        self.say(message.message, "error")

    # what panes ask for

    def on_trace_wanted(self, message: TraceWanted) -> None:
        self.store.want_trace(message.rollout, message.first, message.count)

    def on_picture_wanted(self, message: PictureWanted) -> None:
        self.store.want_picture(message.rollout, message.step)

    def on_version_chosen(self, message: VersionChosen) -> None:
        self.store.look_at(message.commit)

    def on_place_chosen(self, message: PlaceChosen) -> None:
        cast(TracePane, self.pane(3)).go(message.example, message.step)
        self.go_to_pane(3)

    def on_copied(self, message: Copied) -> None:
        self.genopt.copy(message.text, message.what)

    def on_command_wanted(self, message: CommandWanted) -> None:
        self.store.command(message.kind, **message.data)

    def on_blame_wanted(self, message: BlameWanted) -> None:
        self.store.want_blame(message.commit)

    def on_candidate_chosen(self, message: CandidateChosen) -> None:
        self._chosen = (message.step, message.number)
        self._feed(self.store.take())

    def on_edited(self, message: Edited) -> None:
        self.take_edit(message.files)

    def on_pane_changed(self, message: PaneChanged) -> None:
        self._draw_lines_soon()

    # actions

    def say(self, text: str, severity: "SeverityLevel" = "information") -> None:
        """One line for a moment."""
        self.app.notify(text, severity=severity, markup=False, timeout=4)

    async def action_act(self, name: str) -> None:
        """Do the action `name`, or say why it is not possible."""
        self._attended = name not in FOLLOWED
        action = BY_ID[name]
        if reason := action.why_not(self.context()):
            if name != "back":
                self.say(f"{action.key} {action.label or action.help}: {reason}", "warning")
            return
        if name in {"approve", "reject", "again"} and self._too_early():
            self.say(
                f"{action.key} came as the proposal appeared: it decides nothing. Look, then press it again", "warning"
            )
            return
        if action.pane and name != "search":
            pane = self.focused_pane
            assert pane is not None
            if act := action.act_in(pane):
                pane.act(act)
            else:
                self.grow(pane.NUMBER, 1 if name == "more" else -1)
            self._draw_lines_soon()
        elif name.startswith("pane_"):
            self.go_to_pane(int(name[-1]))
        else:
            await self._carry_out(name)

    async def _carry_out(self, name: str) -> None:
        self._carriers = self._carriers or self._deeds()
        deed = next(getattr(c, f"do_{name}") for c in self._carriers if hasattr(c, f"do_{name}"))
        try:
            done = deed()
            if isinstance(done, Awaitable):
                await done
        except GenoptError as error:
            self.say(str(error), "error")

    def _too_early(self) -> bool:
        """Whether the key was pressed before a person can have seen what it decides on."""
        return self.genopt.key_time - self._appeared < GRACE

    def _deeds(self) -> "list[Deeds]":
        from genopt_tui.ui.deeds.decide import DecideDeeds
        from genopt_tui.ui.deeds.history import HistoryDeeds
        from genopt_tui.ui.deeds.look import LookDeeds
        from genopt_tui.ui.deeds.loop import LoopDeeds

        return [deeds(self) for deeds in (LoopDeeds, DecideDeeds, HistoryDeeds, LookDeeds)]

    # what deeds change on the screen

    def kept(self) -> set[int] | None:
        """Hunks that are left in; None for the whole edit."""
        return self.query_one(ProposalPane).kept()

    def take_edit(self, files: Mapping[str, str] | None) -> None:
        """Show the proposal as a person edited it, a new candidate, which no gate has scored; None: as the model wrote it."""
        p = self.snapshot.proposal
        if p is not None:
            self._edit = None if files is None else (p.step, p.number, p.tree, dict(files))
            self._feed(self.store.take())

    def set_mark(self, commit: str) -> None:
        self.mark = commit
        self.history.set_mark(commit)
        self.store.mark(commit)
        self._draw_lines()

    def grow(self, number: int, by: int) -> None:
        """Make a pane larger or smaller; the sizes are remembered."""
        if self._columns():
            self.query_one(Panes).grow(number, by)
        else:
            self.say("only one pane is shown here")

    def zoom(self) -> None:
        """Let the active pane fill the screen, or give the others back."""
        self.zoomed = not self.zoomed
        self.go_to_pane(self.active)
