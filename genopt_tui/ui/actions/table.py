"""The one table of actions: bindings, footer, help, palette and key reference are made from it.

An action is an id (rebindable), its keys, words, and `check`: why it is not possible here and now
("" when it is).
Pane actions are carried out by the pane that has the keyboard; all others by the main screen's
`do_ID`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from genopt_tui.ui.actions.availability import (
    AvailabilityCheck,
    allow_always,
    check_changed,
    check_comparable,
    check_decision,
    check_editable,
    check_hand_edits,
    check_has_edit,
    check_history_loaded,
    check_rejectable,
    check_revivable,
    check_rewindable,
    check_several_hunks,
    check_step,
    check_switchable,
    check_version,
)
from genopt_tui.ui.actions.context import ActionContext, ActionPane


@dataclass(frozen=True, slots=True)
class Action:
    """`label` is the footer's word, `help` the sentence of the help; `pane` is the act's name in a
    pane (empty: the screen does it)."""

    id: str
    keys: str
    label: str
    help: str
    group: str
    check: AvailabilityCheck = allow_always
    pane_act: str = ""

    @property
    def active_keys(self) -> str:
        """The keys in force: the user's, where there are."""
        return KEY_OVERRIDES.get(self.id, self.keys)

    @property
    def display_key(self) -> str:
        """The first key, as a person reads it."""
        return KEY_NAMES.get(first := self.active_keys.split(",")[0], first)

    def resolve_act(self, pane: ActionPane) -> str:
        """What this action means in a pane: its own act, else what stands for it everywhere (empty:
        the screen does it)."""
        return (
            self.pane_act
            if pane.has_act(self.pane_act)
            else FALLBACK_ACTS.get(self.pane_act, self.pane_act)
        )

    def why_not(self, context: ActionContext) -> str:
        """Why this action is not possible now; empty when it is."""
        if not self.pane_act:
            return self.check(context)
        if context.pane is None:
            return "no pane has the keyboard"
        act = self.resolve_act(context.pane)
        return context.pane.why_not(act) if act else ""


KEY_OVERRIDES: dict[str, str] = {}
"""Keys that the user's settings give to actions."""
FALLBACK_ACTS = {"shorter": "top", "longer": "bottom", "more": "", "less": ""}
"""Acts of one pane whose keys mean something else in the others; empty: the size of the pane."""

KEY_NAMES = {
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
    Action("step", "s", "step", "Run one step; in mode step, send the prompt", "Loop", check_step),
    Action("mode", "M", "mode", "Choose who decides: step, ask, auto", "Loop"),
    Action("hint", "i", "hint", "Tell the model something, for the next update or all", "Loop"),
    Action(
        "approve",
        "a",
        "approve",
        "Accept what is shown: it becomes a commit",
        "Decide",
        check_decision,
    ),
    Action(
        "reject",
        "r",
        "reject",
        "Turn it down; a reason is passed on to the model",
        "Decide",
        check_rejectable,
    ),
    Action(
        "approve_unmeasured",
        "A",
        "unmeasured",
        "Accept it as it is shown now, without a gate",
        "Decide",
        check_changed,
    ),
    Action(
        "edit",
        "e",
        "edit",
        "Edit the proposal, or the prompt that waits, in $EDITOR",
        "Decide",
        check_editable,
    ),
    Action(
        "edit_in_place",
        "E",
        "in place",
        "Edit the proposal, or the prompt that waits, here",
        "Decide",
        pane_act="edit_in_place",
    ),
    Action("again", "R", "again", "Ask the model again for this step", "Decide", check_decision),
    Action(
        "toggle",
        "space",
        "toggle",
        "Leave out or take in the thing under the cursor",
        "Decide",
        pane_act="toggle",
    ),
    Action(
        "next", "right_square_bracket", "next", "Next hunk, event or tip", "Decide", pane_act="next"
    ),
    Action(
        "prev",
        "left_square_bracket",
        "previous",
        "Previous hunk, event or tip",
        "Decide",
        pane_act="prev",
    ),
    Action(
        "whatif",
        "W",
        "what if",
        "Ask this step again with one choice changed",
        "Decide",
        check_decision,
    ),
    Action(
        "which_hunk",
        "D",
        "which hunk",
        "The gate with each hunk left out once",
        "History",
        check_several_hunks,
    ),
    Action("undo", "u", "undo", "Undo the last act that changed history or settings", "History"),
    Action("redo", "U", "redo", "Redo what was undone", "History"),
    Action(
        "rewind",
        "t",
        "rewind",
        "Take the branch back to the chosen version",
        "History",
        check_rewindable,
    ),
    Action(
        "branch", "b", "branch", "Start a branch at the chosen version", "History", check_version
    ),
    Action("mark", "m", "mark", "Mark the chosen version", "History", check_version),
    Action(
        "compare",
        "c",
        "compare",
        "Compare with the marked version, else with the parent",
        "History",
        check_comparable,
    ),
    Action(
        "compare_other",
        "K",
        "other session",
        "Compare with a version of another session of this task",
        "History",
        check_version,
    ),
    Action("switch", "S", "switch", "Go on on another branch", "History", check_switchable),
    Action("tag", "T", "tag", "Give the chosen version a name", "History", check_version),
    Action(
        "note", "o", "note", "Note something about the chosen version", "History", check_version
    ),
    Action(
        "revive",
        "V",
        "revive",
        "Propose an edit that was not taken again, on the present head",
        "History",
        check_revivable,
    ),
    Action(
        "pick",
        "C",
        "pick",
        "Propose hunks or files of the chosen version, on the present head",
        "History",
        check_has_edit,
    ),
    Action(
        "take_edits",
        "H",
        "hand edits",
        "Make a version of what was edited by hand",
        "History",
        check_hand_edits,
    ),
    Action(
        "rescore", "J", "judge", "Score start, best and head again", "History", check_history_loaded
    ),
    Action(
        "export",
        "O",
        "export",
        "Take the chosen version out: folder, patch, branch, bundle",
        "History",
        check_version,
    ),
    Action("best", "B", "best", "Go to the best version", "History", check_history_loaded),
    Action("plot", "P", "plot", "The learning curve, large", "History", check_history_loaded),
    Action("matrix", "X", "examples", "Examples by versions", "History", check_history_loaded),
    Action("pane_1", "1", "", "Go to History", "Move"),
    Action("pane_2", "2", "", "Go to Artifact", "Move"),
    Action("pane_3", "3", "", "Go to Trace", "Move"),
    Action("pane_4", "4", "", "Go to Evidence", "Move"),
    Action("pane_5", "5", "", "Go to Proposal", "Move"),
    Action("next_pane", "tab", "", "Next pane", "Move"),
    Action("previous_pane", "shift+tab", "", "Previous pane", "Move"),
    Action("zoom", "z", "zoom", "Let the pane fill the screen, or give the others back", "Move"),
    Action("down", "j,down", "", "Down", "Move", pane_act="down"),
    Action("up", "k,up", "", "Up", "Move", pane_act="up"),
    Action("left", "h,left", "", "Left", "Move", pane_act="left"),
    Action("right", "l,right", "", "Right", "Move", pane_act="right"),
    Action("page_down", "pagedown,ctrl+d", "", "A page down", "Move", pane_act="page_down"),
    Action("page_up", "pageup,ctrl+u", "", "A page up", "Move", pane_act="page_up"),
    Action("top", "g,home", "", "To the top", "Move", pane_act="top"),
    Action("bottom", "G,end", "", "To the bottom", "Move", pane_act="bottom"),
    Action("open", "enter", "open", "Open what is under the cursor", "Move", pane_act="open"),
    Action("search", "slash", "search", "Search in this pane", "Look", pane_act="search"),
    Action("find_next", "n", "", "Next match", "Look", pane_act="find_next"),
    Action("find_prev", "N", "", "Previous match", "Look", pane_act="find_prev"),
    Action("copy", "y", "copy", "Copy", "Look", pane_act="copy"),
    Action(
        "next_tab",
        "right_curly_bracket",
        "",
        "Next tab: file, rollout, candidate",
        "Look",
        pane_act="next_tab",
    ),
    Action("prev_tab", "left_curly_bracket", "", "Previous tab", "Look", pane_act="prev_tab"),
    Action("filter", "f", "", "Show only lines that hold a text", "Look", pane_act="filter"),
    Action(
        "exclude",
        "x",
        "",
        "Leave this example out for good; take a standing hint back",
        "Decide",
        pane_act="exclude",
    ),
    Action("pin", "asterisk", "", "Keep this example in every batch", "Decide", pane_act="pin"),
    Action("step_back", "comma", "", "One step back in the trace", "Look", pane_act="step_back"),
    Action("step_on", "full_stop", "", "One step on in the trace", "Look", pane_act="step_on"),
    Action(
        "shorter",
        "less_than_sign",
        "",
        "Shorter horizon (Evidence), else top",
        "Look",
        pane_act="shorter",
    ),
    Action(
        "longer",
        "greater_than_sign",
        "",
        "Longer horizon (Evidence), else bottom",
        "Look",
        pane_act="longer",
    ),
    Action(
        "more", "plus", "", "Larger batch (Evidence), else a larger pane", "Look", pane_act="more"
    ),
    Action(
        "less",
        "minus",
        "",
        "Smaller batch (Evidence), else a smaller pane",
        "Look",
        pane_act="less",
    ),
    Action("raw", "w", "raw", "The raw reply", "Look", pane_act="raw"),
    Action("whole_prompt", "v", "prompt", "The whole prompt", "Look", pane_act="whole_prompt"),
    Action(
        "design",
        "d",
        "design",
        "Design choices: what shapes learning",
        "Loop",
        check_history_loaded,
    ),
    Action("log", "at", "log", "What was done: model calls, git, commands", "Application"),
    Action("settings", "f3", "", "Settings of this session", "Application"),
    Action("palette", "ctrl+p,colon", "", "Find any action by name", "Application"),
    Action("theme", "f2", "", "Change the theme", "Application"),
    Action("help", "question_mark,f1", "keys", "What works here and now", "Application"),
    Action("back", "escape", "back", "Leave what is passing", "Application"),
    Action(
        "put_aside", "ctrl+z", "", "Put the application aside; fg brings it back", "Application"
    ),
    Action("leave", "q,ctrl+q,ctrl+c", "leave", "Leave; a run may go on", "Application"),
)
ACTIONS_BY_ID = {action.id: action for action in ACTIONS}


def group_actions(actions: Iterable[Action] = ACTIONS) -> dict[str, list[Action]]:
    """Actions by group, in the table's order."""
    out: dict[str, list[Action]] = {}
    for action in actions:
        out.setdefault(action.group, []).append(action)
    return out


def rebind_keys(wanted: Mapping[str, str]) -> list[str]:
    """Give actions other keys; what cannot be, in words: an action that there is none of, a key
    that means something already."""
    KEY_OVERRIDES.clear()
    problems = [
        f"keys.{name}: there is no such action" for name in wanted if name not in ACTIONS_BY_ID
    ]
    for name, keys in wanted.items():
        if name not in ACTIONS_BY_ID:
            continue
        others = {
            key: a for a in ACTIONS if a.id != name for key in wanted.get(a.id, a.keys).split(",")
        }
        clash = next((key for key in keys.split(",") if key in others), None)
        if clash:
            problems.append(f"keys.{name}: {clash} means {others[clash].id} already")
        else:
            KEY_OVERRIDES[name] = keys
    return problems
