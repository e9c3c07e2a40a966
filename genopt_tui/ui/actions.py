"""The one table of actions: bindings, footer, help, palette and key reference are made from it.

An action is an id (rebindable), its keys, words, and `check`: why it is not possible here and now ("" when it is).
Pane actions are carried out by the pane that has the keyboard; all others by the main screen's `do_ID`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from genopt_tui.session.progress import FAILED, FINISHED, IDLE, PAUSED, RUNNING
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.snapshot import HistoryRow, Snapshot


@dataclass(frozen=True, slots=True)
class Context:
    """Here and now: what is shown, which pane has the keyboard, and the history's row under the cursor."""

    snapshot: Snapshot
    pane: Pane | None = None
    row: HistoryRow | None = None
    mark: str = ""


Check = Callable[[Context], str]


def always(_: Context) -> str:
    return ""


def deciding(c: Context) -> str:
    """A proposal waits for a decision, and it is the one on the screen."""
    if c.snapshot.looking_back:
        return "an older version is shown: Esc goes back first"
    if c.snapshot.pending == "propose":
        return "the prompt waits to be sent: s sends it"
    return "" if c.snapshot.pending == "decide" else "no proposal waits for a decision"


def stoppable(c: Context) -> str:
    """A proposal waits, or its gate runs (rejecting cancels the rest)."""
    if c.snapshot.progress.phase == "gate" and not c.snapshot.looking_back:
        return ""
    return deciding(c)


def one_step(c: Context) -> str:
    if c.snapshot.pending == "propose":
        return "an older version is shown: Esc goes back first" if c.snapshot.looking_back else ""
    return "" if c.snapshot.state in {IDLE, FINISHED, FAILED, PAUSED} else "a step is running"


def on_version(c: Context) -> str:
    """The history's cursor stands on something that git holds."""
    if not c.snapshot.loaded:
        return "the history is still being read"
    return "" if c.row and c.row.commit else "choose a version in History first"


def rewindable(c: Context) -> str:
    if reason := on_version(c):
        return reason
    if c.row and c.row.head:
        return "the branch is there already"
    return "" if c.row and c.row.kind == "branch" else "this was never accepted: genopt revive takes it up"


def has_best(c: Context) -> str:
    return "" if c.snapshot.best else "the history is still being read"


def comparable(c: Context) -> str:
    if reason := on_version(c):
        return reason
    if not c.mark:
        return "mark a version first (m)"
    return "this is the marked version" if c.row and c.row.commit == c.mark else ""


@dataclass(frozen=True, slots=True)
class Action:
    """`label` is the footer's word, `help` the sentence of the help; `pane` is the act's name in a pane (empty: the screen does it)."""

    id: str
    keys: str
    label: str
    help: str
    group: str
    check: Check = always
    pane: str = ""

    @property
    def key(self) -> str:
        """The first key, as a person reads it."""
        return DISPLAY.get(first := self.keys.split(",")[0], first)

    def why_not(self, context: Context) -> str:
        """Why this action is not possible now; empty when it is."""
        if not self.pane:
            return self.check(context)
        return context.pane.why_not(self.pane) if context.pane else "no pane has the keyboard"


DISPLAY = {
    "space": "space",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "colon": ":",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "minus": "-",
    "comma": ",",
    "full_stop": ".",
    "slash": "/",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "shift+Tab",
}

ACTIONS: tuple[Action, ...] = (
    Action("run", "p", "run", "Run, or pause after the present phase", "Loop"),
    Action("step", "s", "step", "Run one step; in mode step, send the prompt", "Loop", one_step),
    Action("mode", "M", "mode", "Choose who decides: step, ask, auto", "Loop"),
    Action("hint", "i", "hint", "Tell the model something, for the next update or all", "Loop"),
    Action("approve", "a", "approve", "Accept what is shown: it becomes a commit", "Decide", deciding),
    Action("reject", "r", "reject", "Turn it down; a reason is passed on to the model", "Decide", stoppable),
    Action("again", "R", "again", "Ask the model again for this step", "Decide", deciding),
    Action("toggle", "space", "toggle", "Leave out or take in the thing under the cursor", "Decide", pane="toggle"),
    Action("next", "right_square_bracket", "next", "Next hunk, event or tip", "Decide", pane="next"),
    Action("prev", "left_square_bracket", "previous", "Previous hunk, event or tip", "Decide", pane="prev"),
    Action("undo", "u", "undo", "Undo the last act that changed history or settings", "History"),
    Action("redo", "U", "redo", "Redo what was undone", "History"),
    Action("rewind", "t", "rewind", "Take the branch back to the chosen version", "History", rewindable),
    Action("branch", "b", "branch", "Start a branch at the chosen version", "History", on_version),
    Action("mark", "m", "mark", "Mark the chosen version", "History", on_version),
    Action("compare", "c", "compare", "Compare the chosen version with the marked one", "History", comparable),
    Action("best", "B", "best", "Go to the best version", "History", has_best),
    Action("pane_1", "1", "", "Go to History", "Move"),
    Action("pane_2", "2", "", "Go to Artifact", "Move"),
    Action("pane_3", "3", "", "Go to Trace", "Move"),
    Action("pane_4", "4", "", "Go to Evidence", "Move"),
    Action("pane_5", "5", "", "Go to Proposal", "Move"),
    Action("next_pane", "tab", "", "Next pane", "Move"),
    Action("previous_pane", "shift+tab", "", "Previous pane", "Move"),
    Action("zoom", "z", "zoom", "Let the pane fill the screen, or give the others back", "Move"),
    Action("down", "j,down", "", "Down", "Move", pane="down"),
    Action("up", "k,up", "", "Up", "Move", pane="up"),
    Action("left", "h,left", "", "Left", "Move", pane="left"),
    Action("right", "l,right", "", "Right", "Move", pane="right"),
    Action("page_down", "pagedown,ctrl+d", "", "A page down", "Move", pane="page_down"),
    Action("page_up", "pageup,ctrl+u", "", "A page up", "Move", pane="page_up"),
    Action("top", "g,home", "", "To the top", "Move", pane="top"),
    Action("bottom", "G,end", "", "To the bottom", "Move", pane="bottom"),
    Action("open", "enter", "open", "Open what is under the cursor", "Move", pane="open"),
    Action("search", "slash", "search", "Search in this pane", "Look", pane="search"),
    Action("find_next", "n", "", "Next match", "Look", pane="find_next"),
    Action("find_prev", "N", "", "Previous match", "Look", pane="find_prev"),
    Action("copy", "y", "copy", "Copy", "Look", pane="copy"),
    Action("step_back", "comma", "", "One step back in the trace", "Look", pane="step_back"),
    Action("step_on", "full_stop", "", "One step on in the trace", "Look", pane="step_on"),
    Action("shorter", "less_than_sign", "", "Shorter horizon (Evidence), else top", "Look", pane="shorter"),
    Action("longer", "greater_than_sign", "", "Longer horizon (Evidence), else bottom", "Look", pane="longer"),
    Action("more", "plus", "", "Larger batch (Evidence), else larger", "Look", pane="more"),
    Action("less", "minus", "", "Smaller batch (Evidence), else smaller", "Look", pane="less"),
    Action("raw", "w", "raw", "The raw reply", "Look", pane="raw"),
    Action("whole_prompt", "v", "prompt", "The whole prompt", "Look", pane="whole_prompt"),
    Action("palette", "ctrl+p,colon", "", "Find any action by name", "Application"),
    Action("theme", "f2", "", "Change the theme", "Application"),
    Action("help", "question_mark,f1", "keys", "What works here and now", "Application"),
    Action("back", "escape", "back", "Leave what is passing", "Application"),
    Action("leave", "q,ctrl+q,ctrl+c", "leave", "Leave; a run may go on", "Application"),
)
BY_ID = {action.id: action for action in ACTIONS}

FOOTERS = {
    "decide": "approve reject toggle next again hint rewind branch compare mode leave help",
    "propose": "step toggle hint mode run whole_prompt leave help",
    RUNNING: "run mode hint zoom search copy leave help",
    "idle": "run step mode hint rewind branch mark compare undo leave help",
    "back": "back rewind branch mark compare leave help",
}


def footer(snapshot: Snapshot) -> list[Action]:
    """The actions worth naming in this state, most wanted first."""
    if snapshot.looking_back:
        name = "back"
    elif snapshot.pending:
        name = snapshot.pending
    else:
        name = RUNNING if snapshot.state == RUNNING else "idle"
    return [BY_ID[identity] for identity in FOOTERS[name].split()]


def label(action: Action, snapshot: Snapshot) -> str:
    """The footer's word for an action, which may depend on the state."""
    if action.id == "run":
        return {RUNNING: "pause", "waiting": "pause", PAUSED: "resume"}.get(snapshot.state, "run")
    if action.id == "step" and snapshot.pending == "propose":
        return "send"
    if action.id == "toggle" and snapshot.pending:
        return "hunk" if snapshot.pending == "decide" else "example"
    return action.label or action.help


def groups(actions: Iterable[Action] = ACTIONS) -> dict[str, list[Action]]:
    """Actions by group, in the table's order."""
    out: dict[str, list[Action]] = {}
    for action in actions:
        out.setdefault(action.group, []).append(action)
    return out
