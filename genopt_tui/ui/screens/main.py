"""The main screen: five panes over one session, fed by its store; every key is an action of the table."""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from genopt_tui.session.progress import PAUSED, RUNNING, WAITING
from genopt_tui.ui.actions import ACTIONS, BY_ID, Context
from genopt_tui.ui.messages import Copied, PaneChanged, PictureWanted, PlaceChosen, TraceWanted, VersionChosen
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.panes.history import HistoryPane
from genopt_tui.ui.panes.statusline import FooterLine, GateLine, StatusLine, TabLine
from genopt_tui.ui.snapshot import Snapshot
from genopt_tui.ui.store import Answered, Failed, Fresh, Piece, Store
from genopt_tui.ui.widgets.text import Plain

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from genopt_tui.ui.app import GenoptApp
    from genopt_tui.ui.panes.evidence import EvidencePane
    from genopt_tui.ui.panes.proposal import ProposalPane
    from genopt_tui.ui.panes.trace import TracePane

NAMES = ("History", "Artifact", "Trace", "Evidence", "Proposal")
WIDE, TWO, LOW = 160, 100, 30
SMALLEST = (60, 16)
GRACE = 0.5
"""Seconds after a proposal appears in which a decision key decides nothing."""


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

    def __init__(self, first: Snapshot) -> None:
        super().__init__()
        self.snapshot = first
        self.store = Store(Path(first.session.path), self.post_message, first)
        self._active, self._zoomed = 1, False
        self._mark = ""
        self._attended = False
        """Whether a person has pressed a key here: from then on the keyboard is never moved to another pane."""
        self._appeared, self._shown_pending = 0.0, ""

    # what is on the screen

    def compose(self) -> ComposeResult:
        from genopt_tui.ui.panes.artifact import ArtifactPane

        self._arrange_screen()
        yield StatusLine(id="status")
        yield TabLine(id="tabs")
        yield Plain(id="banner")
        with Container(id="panes"):
            yield HistoryPane(self.snapshot, id="history")
            yield ArtifactPane(id="artifact")
        yield GateLine(id="gate")
        yield FooterLine(id="footer")
        yield Plain(id="small")

    def on_mount(self) -> None:
        self._arrange()
        self._feed(self.snapshot)
        self.call_after_refresh(self._complete)

    async def _complete(self) -> None:
        """After the first content: the other panes, and all that is read."""
        from genopt_tui.ui.panes.evidence import EvidencePane
        from genopt_tui.ui.panes.proposal import ProposalPane
        from genopt_tui.ui.panes.trace import TracePane

        panes = [TracePane(id="trace"), EvidencePane(id="evidence"), ProposalPane(id="proposal")]
        await self.query_one("#panes").mount(*panes)
        self._arrange()
        self._feed(self.snapshot)
        self._pane(self._active).focus_inside()
        self.store.start()

    def on_unmount(self) -> None:
        self.store.close()

    @property
    def genopt(self) -> "GenoptApp":
        return cast("GenoptApp", self.app)

    def _pane(self, number: int) -> Pane:
        return next(pane for pane in self.query(Pane) if number == pane.NUMBER)

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
        return Context(self.snapshot, self.focused_pane, self.history.row, self._mark)

    # layout

    def on_resize(self, event: events.Resize) -> None:
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
        for pane in self.query(Pane):
            pane.update_classes({"-active": self._active == pane.NUMBER})

    def _arrange_screen(self) -> None:
        """All classes at once: each change of the screen's classes works out the styles of everything in it."""
        width, height = self.app.size
        narrow = width < TWO or height < LOW
        one = narrow or self._zoomed
        self.update_classes(
            {
                "-small": width < SMALLEST[0] or height < SMALLEST[1],
                "-narrow": narrow,
                "-one": one,
                "-two": not one and width < WIDE,
                "-wide": not one and width >= WIDE,
            }
        )

    def _go_to_pane(self, number: int) -> None:
        self._active = number
        self._arrange()
        self._pane(number).focus_inside()
        self._draw_lines()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        pane = self.focused_pane
        if pane is not None and self._active != pane.NUMBER:
            self._active = pane.NUMBER
            self._arrange()
        self._draw_lines()

    # state

    def on_fresh(self, message: Fresh) -> None:
        self._feed(self.store.take())

    def _feed(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._watch_pending()
        for pane in self.query(Pane):
            pane.feed(snapshot)
        self._draw_lines()

    def _draw_lines(self) -> None:
        snapshot = self.snapshot
        self.query_one(StatusLine).feed(snapshot)
        self.query_one(GateLine).feed(snapshot, self._kept())
        wanted = {"decide": 5, "propose": 4}.get(snapshot.pending, 0)
        self.query_one(TabLine).feed(NAMES, self._active, wanted)
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
        if shown == self._shown_pending:
            return
        self._shown_pending, self._appeared = shown, monotonic()
        self.genopt.title_for(snapshot)
        if shown:
            self.app.bell()
            if not self._attended:
                self.call_later(self._go_to_pane, 5 if snapshot.pending == "decide" else 4)

    def on_piece(self, message: Piece) -> None:
        cast("TracePane", self._pane(3)).receive(message.piece)

    def on_answered(self, message: Answered) -> None:
        if not message.ok:
            self.say(f"{message.kind} was not done: {message.why}", "warning")
        elif message.why:
            self.say(message.why)

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
        cast("TracePane", self._pane(3)).go(message.example, message.step)
        self._go_to_pane(3)

    def on_copied(self, message: Copied) -> None:
        self.app.copy_to_clipboard(message.text)
        self.say(f"{message.what} copied")

    def on_pane_changed(self, message: PaneChanged) -> None:
        self._draw_lines()

    # actions

    def say(self, text: str, severity: "SeverityLevel" = "information") -> None:
        """One line for a moment."""
        self.app.notify(text, severity=severity, markup=False, timeout=4)

    async def action_act(self, name: str) -> None:
        """Do the action `name`, or say why it is not possible."""
        self._attended = True
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
        if name == "search":
            self._do_search()
        elif action.pane:
            pane = self.focused_pane
            assert pane is not None
            pane.act(action.pane)
            self._draw_lines()
        elif name.startswith("pane_"):
            self._go_to_pane(int(name[-1]))
        else:
            getattr(self, f"_do_{name}")()

    def _too_early(self) -> bool:
        """Whether the key was pressed before a person can have seen what it decides on."""
        return self.genopt.key_time - self._appeared < GRACE

    def _command(self, kind: str, **data: Any) -> None:
        self.store.command(kind, **data)

    def _kept(self) -> set[int] | None:
        """Hunks that are left in; None for the whole edit."""
        proposal = next((pane for pane in self.query(Pane) if pane.id == "proposal"), None)
        return cast("ProposalPane", proposal).kept() if proposal else None

    def _do_run(self) -> None:
        state, mode = self.snapshot.state, self.snapshot.session.mode
        if self.snapshot.alive and state in {RUNNING, WAITING}:
            self._command("pause")
        elif self.snapshot.alive and state == PAUSED:
            self._command("resume")
        else:
            self._command("run", mode=mode)

    def _do_step(self) -> None:
        if self.snapshot.pending == "propose":
            choices = cast("EvidencePane", self._pane(4)).choices()
            self._command("propose", step=self.snapshot.progress.step, **choices)
        else:
            self._command("run", steps=1, mode=self.snapshot.session.mode)

    def _do_approve(self) -> None:
        proposal = self.snapshot.proposal
        if proposal is None:
            return
        kept = self._kept()
        chosen = {} if kept is None else {"hunks": sorted(kept)}
        self._command("approve", step=proposal.step, candidate=proposal.number, tree=proposal.tree, **chosen)

    def _do_reject(self) -> None:
        proposal = self.snapshot.proposal
        if proposal is None:
            return

        def send(reason: str | None) -> None:
            if reason is not None:
                self._command("reject", step=proposal.step, candidate=proposal.number, reason=reason)

        from genopt_tui.ui.screens.dialogs import AskText

        question = f"Reject {proposal.label or proposal.step}: why? The model is told"
        self.app.push_screen(AskText(question, "Enter rejects (empty: no reason)  Esc keeps it waiting"), send)

    def _do_again(self) -> None:
        from genopt_tui.ui.screens.dialogs import confirm

        step = self.snapshot.progress.step
        self._ask(confirm(f"Ask again for step {step}?", self._price(), "ask again"), "again", step=step)

    def _price(self) -> str:
        """What the same question cost the last time."""
        proposal = self.snapshot.proposal
        replies = proposal.candidate.replies if proposal else ()
        usage = (replies[-1].get("usage") or {}) if replies else {}
        cost = replies[-1].get("cost") if replies else None
        sizes = f"{usage.get('input', '?')} tokens in, {usage.get('output', '?')} out"
        return f"The last reply took {sizes}; it cost {'$?' if cost is None else f'${cost:.4f}'}."

    def _ask(self, dialog: Any, kind: str, **data: Any) -> None:
        """Leave the command when the question is answered with yes."""

        def answer(value: str | None) -> None:
            if value:
                self._command(kind, **data)

        self.app.push_screen(dialog, answer)

    def _do_hint(self) -> None:
        from genopt_tui.ui.screens.dialogs import AskHint, Hint

        def send(hint: Hint | None) -> None:
            if hint is not None:
                self._command("hint", text=hint.text, always=hint.always)

        self.app.push_screen(AskHint(), send)

    def _do_mode(self) -> None:
        from genopt_tui.ui.screens.dialogs import choose_mode

        def send(mode: str | None) -> None:
            if mode and mode != self.snapshot.session.mode:
                self._command("mode", mode=mode)

        self.app.push_screen(choose_mode(self.snapshot.session.mode), send)

    def _do_undo(self) -> None:
        self._command("undo")

    def _do_redo(self) -> None:
        self._command("redo")

    def _do_rewind(self) -> None:
        from genopt_tui.ui.screens.dialogs import confirm

        row = self.history.row
        if row is None:
            return
        what = f"{self.snapshot.branch} goes from {self.snapshot.head_label} back to {row.label}. Later versions are kept as abandoned; u undoes it."
        self._ask(confirm(f"Rewind to {row.label}?", what, "rewind"), "rewind", version=row.commit)

    def _do_branch(self) -> None:
        from genopt_tui.ui.screens.dialogs import AskText

        row = self.history.row
        if row is None:
            return

        def send(name: str | None) -> None:
            if name:
                self._command("branch", name=name, at=row.commit)

        self.app.push_screen(AskText(f"New branch at {row.label}: its name?"), send)

    def _do_mark(self) -> None:
        row = self.history.row
        self._mark = "" if row is None or row.commit == self._mark else row.commit
        self.history.set_mark(self._mark)
        self._draw_lines()

    def _do_compare(self) -> None:
        row = self.history.row
        if row is not None:
            self.say(f"genopt compare {self.snapshot.session.name} {self._mark[:8]} {row.commit[:8]} shows both")

    def _do_best(self) -> None:
        self._go_to_pane(1)
        self.history.go_to(self.snapshot.best)

    def _do_next_pane(self) -> None:
        self._go_to_pane(self._active % 5 + 1)

    def _do_previous_pane(self) -> None:
        self._go_to_pane((self._active - 2) % 5 + 1)

    def _do_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self._go_to_pane(self._active)

    def _do_search(self) -> None:
        from genopt_tui.ui.screens.dialogs import AskText

        pane = self.focused_pane

        def find(text: str | None) -> None:
            if text and pane is not None:
                pane.search(text)

        self.app.push_screen(AskText("Search in this pane", "Enter searches  n N next, previous  Esc leaves"), find)

    def _do_palette(self) -> None:
        self.app.action_command_palette()

    def _do_theme(self) -> None:
        self.app.action_change_theme()

    def _do_help(self) -> None:
        from genopt_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.context()))

    def _do_back(self) -> None:
        """Leave the innermost passing state: the pane's own, the zoom, the look at an older version."""
        pane = self.focused_pane
        if pane is not None and pane.leave():
            return
        if self.snapshot.looking_back:
            self.store.look_at("")
        elif self._zoomed:
            self._do_zoom()

    def _do_leave(self) -> None:
        """Ask what becomes of a run; without one, go."""
        from genopt_tui.ui.screens.dialogs import ask_leave

        if not self.snapshot.alive:
            self.app.exit(0)
            return
        self.app.push_screen(ask_leave(self.snapshot.session.mode), self._left)

    def _left(self, answer: str | None) -> None:
        if answer is None:
            return
        if answer == "pause" and self.snapshot.state in {RUNNING, WAITING}:
            self.store.command("pause").wait(0.3)
        elif answer == "auto":
            self.store.command("mode", mode="auto").wait(0.3)
        name = self.snapshot.session.name
        said = {"pause": "paused", "keep": "goes on", "auto": "goes on, the gate decides"}[answer]
        self.app.exit(0, message=f"{name} {said}. genopt open {name}")
