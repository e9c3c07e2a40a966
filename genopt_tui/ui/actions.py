"""The one table of actions: bindings, footer, help, palette and key reference are made from it.

An action is an id (rebindable), its keys, words, and `check`: why it is not possible here and now ("" when it is).
Pane actions are carried out by the pane that has the keyboard; all others by the main screen's `do_ID`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from genopt_tui.session.progress import FAILED, FINISHED, IDLE, PAUSED
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.snapshot import HistoryRow, Snapshot


@dataclass(frozen=True, slots=True)
class Context:
    """Here and now: what is shown, which pane has the keyboard, and the history's row under the cursor."""

    snapshot: Snapshot
    pane: Pane | None = None
    row: HistoryRow | None = None
    mark: str = ""
    left_out: bool = False
    """Whether hunks of the proposal are left out."""

    @property
    def in_history(self) -> bool:
        """Whether the history has the keyboard."""
        return self.pane is not None and self.pane.NUMBER == 1


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
    return "" if c.row and c.row.kind == "branch" else "this is on no branch: V proposes it again, b branches from it"


def has_best(c: Context) -> str:
    return "" if c.snapshot.best else "the history is still being read"


def comparable(c: Context) -> str:
    if reason := on_version(c):
        return reason
    if c.row and c.row.commit == c.mark:
        return "this is the marked version"
    return "" if c.mark or (c.row and c.row.parents) else "it has no parent: mark another version first (m)"


def editable(c: Context) -> str:
    """A prompt waits, a person is the model, or there is a proposal with files."""
    if c.snapshot.reply_wanted or (c.snapshot.pending == "propose" and not c.snapshot.looking_back):
        return ""
    proposal = c.snapshot.proposal
    return deciding(c) or ("" if proposal and proposal.files is not None else "there is no edit yet")


def changed(c: Context) -> str:
    """What is shown differs from what the gate scored."""
    if reason := deciding(c):
        return reason
    left_out = c.left_out or bool(c.snapshot.proposal and c.snapshot.proposal.edited)
    return "" if left_out else "the gate has scored what is shown: a approves it"


def several_hunks(c: Context) -> str:
    """An edit of at least two hunks: the proposal that is shown, else the version under the history's cursor."""
    if c.snapshot.aside is not None:
        return "one such question is being answered already"
    p = c.snapshot.proposal
    if not c.in_history and p is not None and p.files is not None:
        if p.edited:
            return "the gate has not run for your edit: a runs it first"
        hunks = (p.candidate.edit or {}).get("hunks")
        return "the edit has one hunk: it did it all" if hunks is not None and int(hunks) < 2 else ""
    return edits_something(c)


def edits_something(c: Context) -> str:
    """The history's cursor stands on a version with an edit of its own."""
    if reason := on_version(c):
        return reason
    return "" if c.row and c.row.parents else "this is a start: it edits nothing"


def revivable(c: Context) -> str:
    if reason := edits_something(c):
        return reason
    return "this is on a branch already: C takes parts of it" if c.row and c.row.kind == "branch" else ""


def switchable(c: Context) -> str:
    """There is another branch to go on from."""
    if not c.snapshot.loaded:
        return "the history is still being read"
    branches = {name for row in c.snapshot.rows for name in row.branches}
    return "" if branches - {c.snapshot.branch} else "there is no other branch: b makes one"


def edited_by_hand(c: Context) -> str:
    return "" if c.snapshot.outside.edited else "no file of the artifact's folder was edited by hand"


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
    def bound(self) -> str:
        """The keys in force: the user's, where there are."""
        return REBOUND.get(self.id, self.keys)

    @property
    def key(self) -> str:
        """The first key, as a person reads it."""
        return DISPLAY.get(first := self.bound.split(",")[0], first)

    def act_in(self, pane: Pane) -> str:
        """What this action means in a pane: its own act, else what stands for it everywhere (empty: the screen does it)."""
        return self.pane if hasattr(pane, f"act_{self.pane}") else ELSEWHERE.get(self.pane, self.pane)

    def why_not(self, context: Context) -> str:
        """Why this action is not possible now; empty when it is."""
        if not self.pane:
            return self.check(context)
        if context.pane is None:
            return "no pane has the keyboard"
        act = self.act_in(context.pane)
        return context.pane.why_not(act) if act else ""


REBOUND: dict[str, str] = {}
"""Keys that the user's settings give to actions."""
ELSEWHERE = {"shorter": "top", "longer": "bottom", "more": "", "less": ""}
"""Acts of one pane whose keys mean something else in the others; empty: the size of the pane."""

DISPLAY = {
    "at": "@",
    "asterisk": "*",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
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
    Action("approve_unmeasured", "A", "unmeasured", "Accept it as it is shown now, without a gate", "Decide", changed),
    Action("edit", "e", "edit", "Edit the proposal, or the prompt that waits, in $EDITOR", "Decide", editable),
    Action(
        "edit_in_place",
        "E",
        "in place",
        "Edit the proposal, or the prompt that waits, here",
        "Decide",
        pane="edit_in_place",
    ),
    Action("again", "R", "again", "Ask the model again for this step", "Decide", deciding),
    Action("toggle", "space", "toggle", "Leave out or take in the thing under the cursor", "Decide", pane="toggle"),
    Action("next", "right_square_bracket", "next", "Next hunk, event or tip", "Decide", pane="next"),
    Action("prev", "left_square_bracket", "previous", "Previous hunk, event or tip", "Decide", pane="prev"),
    Action("whatif", "W", "what if", "Ask this step again with one choice changed", "Decide", deciding),
    Action("which_hunk", "D", "which hunk", "The gate with each hunk left out once", "History", several_hunks),
    Action("undo", "u", "undo", "Undo the last act that changed history or settings", "History"),
    Action("redo", "U", "redo", "Redo what was undone", "History"),
    Action("rewind", "t", "rewind", "Take the branch back to the chosen version", "History", rewindable),
    Action("branch", "b", "branch", "Start a branch at the chosen version", "History", on_version),
    Action("mark", "m", "mark", "Mark the chosen version", "History", on_version),
    Action("compare", "c", "compare", "Compare with the marked version, else with the parent", "History", comparable),
    Action(
        "compare_other",
        "K",
        "other session",
        "Compare with a version of another session of this task",
        "History",
        on_version,
    ),
    Action("switch", "S", "switch", "Go on on another branch", "History", switchable),
    Action("tag", "T", "tag", "Give the chosen version a name", "History", on_version),
    Action("note", "o", "note", "Note something about the chosen version", "History", on_version),
    Action(
        "revive", "V", "revive", "Propose an edit that was not taken again, on the present head", "History", revivable
    ),
    Action(
        "pick",
        "C",
        "pick",
        "Propose hunks or files of the chosen version, on the present head",
        "History",
        edits_something,
    ),
    Action("take_edits", "H", "hand edits", "Make a version of what was edited by hand", "History", edited_by_hand),
    Action("rescore", "J", "judge", "Score start, best and head again", "History", has_best),
    Action(
        "export", "O", "export", "Take the chosen version out: folder, patch, branch, bundle", "History", on_version
    ),
    Action("best", "B", "best", "Go to the best version", "History", has_best),
    Action("plot", "P", "plot", "The learning curve, large", "History", has_best),
    Action("matrix", "X", "examples", "Examples by versions", "History", has_best),
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
    Action("next_tab", "right_curly_bracket", "", "Next tab: file, rollout, candidate", "Look", pane="next_tab"),
    Action("prev_tab", "left_curly_bracket", "", "Previous tab", "Look", pane="prev_tab"),
    Action("filter", "f", "", "Show only lines that hold a text", "Look", pane="filter"),
    Action("exclude", "x", "", "Leave this example out for good; take a standing hint back", "Decide", pane="exclude"),
    Action("pin", "asterisk", "", "Keep this example in every batch", "Decide", pane="pin"),
    Action("step_back", "comma", "", "One step back in the trace", "Look", pane="step_back"),
    Action("step_on", "full_stop", "", "One step on in the trace", "Look", pane="step_on"),
    Action("shorter", "less_than_sign", "", "Shorter horizon (Evidence), else top", "Look", pane="shorter"),
    Action("longer", "greater_than_sign", "", "Longer horizon (Evidence), else bottom", "Look", pane="longer"),
    Action("more", "plus", "", "Larger batch (Evidence), else a larger pane", "Look", pane="more"),
    Action("less", "minus", "", "Smaller batch (Evidence), else a smaller pane", "Look", pane="less"),
    Action("raw", "w", "raw", "The raw reply", "Look", pane="raw"),
    Action("whole_prompt", "v", "prompt", "The whole prompt", "Look", pane="whole_prompt"),
    Action("design", "d", "design", "Design choices: what shapes learning", "Loop", has_best),
    Action("log", "at", "log", "What was done: model calls, git, commands", "Application"),
    Action("settings", "f3", "", "Settings of this session", "Application"),
    Action("palette", "ctrl+p,colon", "", "Find any action by name", "Application"),
    Action("theme", "f2", "", "Change the theme", "Application"),
    Action("help", "question_mark,f1", "keys", "What works here and now", "Application"),
    Action("back", "escape", "back", "Leave what is passing", "Application"),
    Action("put_aside", "ctrl+z", "", "Put the application aside; fg brings it back", "Application"),
    Action("leave", "q,ctrl+q,ctrl+c", "leave", "Leave; a run may go on", "Application"),
)
BY_ID = {action.id: action for action in ACTIONS}


def groups(actions: Iterable[Action] = ACTIONS) -> dict[str, list[Action]]:
    """Actions by group, in the table's order."""
    out: dict[str, list[Action]] = {}
    for action in actions:
        out.setdefault(action.group, []).append(action)
    return out


def rebind(wanted: Mapping[str, str]) -> list[str]:
    """Give actions other keys; what cannot be, in words: an action that there is none of, a key that means something already."""
    REBOUND.clear()
    problems = [f"keys.{name}: there is no such action" for name in wanted if name not in BY_ID]
    for name, keys in wanted.items():
        if name not in BY_ID:
            continue
        others = {key: a for a in ACTIONS if a.id != name for key in wanted.get(a.id, a.keys).split(",")}
        clash = next((key for key in keys.split(",") if key in others), None)
        if clash:
            problems.append(f"keys.{name}: {clash} means {others[clash].id} already")
        else:
            REBOUND[name] = keys
    return problems
