"""Which keys the footer names in each state and pane, and what it calls them there."""

from collections.abc import Mapping

from genopt_tui.session.progress import PAUSED, RUNNING
from genopt_tui.ui.actions.context import ActionContext
from genopt_tui.ui.actions.table import ACTIONS_BY_ID, Action

STATE_ACTIONS: Mapping[str, str] = {
    "decide": "approve reject edit toggle prev+next again hint",
    "propose": "step edit toggle hint run",
    "gate": "run reject hint",
    RUNNING: "run hint",
    "idle": "run step hint",
    "back": "back rewind branch mark compare",
}
"""What matters in a state, most wanted first; `+` joins two keys under the second one's word."""
PANE_ACTIONS: Mapping[int, str] = {
    1: "open rewind branch mark compare best switch tag note revive pick",
    2: "prev+next whole_prompt raw next_tab",
    3: "toggle prev+next open step_back+step_on next_tab filter whole_prompt",
    4: "toggle next_tab shorter+longer less+more whole_prompt",
    5: "toggle prev+next open raw edit_in_place next_tab",
}
"""What matters in a pane, whatever the state."""
SECONDARY_ACTIONS: Mapping[str, str] = {
    "decide": "rewind branch compare design mode",
    "propose": "whole_prompt design mode",
    "idle": "mode design undo plot matrix zoom search",
    "": "mode design plot compare zoom search copy",
}
PERMANENT_ACTIONS = ("leave", "help")
"""Never left out."""
MAX_KEYS = 8
"""Keys that the footer names at most."""
PANE_LABELS: Mapping[tuple[str, int], tuple[str, str]] = {
    ("toggle", 1): ("fold", "Fold away what is on no branch, or show it again"),
    ("toggle", 3): ("play", "Play the trace, or stop"),
    ("toggle", 4): ("example", "Leave the example out of the next prompt, or take it in"),
    ("toggle", 5): ("hunk", "Leave the hunk out, or take it in"),
    ("next", 1): ("tip", "Go to the next branch"),
    ("next", 2): ("change", "Go to the next change"),
    ("next", 3): ("event", "Go to the next reward, error, or difference from the mark"),
    ("next", 4): ("rollout", "Go to the next rollout"),
    ("next", 5): ("hunk", "Go to the next hunk"),
    ("prev", 1): ("tip", "Go to the previous branch"),
    ("prev", 2): ("change", "Go to the previous change"),
    ("prev", 3): ("event", "Go to the previous reward, error, or difference from the mark"),
    ("prev", 4): ("rollout", "Go to the previous rollout"),
    ("prev", 5): ("hunk", "Go to the previous hunk"),
    ("open", 1): ("look at it", "Show this version in all panes; Esc comes back"),
    ("open", 3): ("unfold", "Show the step's calls, arguments and results"),
    ("open", 4): ("trace", "Apply what is staged; on a rollout: show its trace"),
    ("open", 5): ("reason", "Go to the step that is the reason; unfold the reasoning"),
    ("next_tab", 2): ("file", "Go to the next file"),
    ("next_tab", 3): ("rollout", "Go to the next rollout"),
    ("next_tab", 4): ("sent/next", "Show what was sent, or what the next update takes"),
    ("next_tab", 5): ("candidate", "Go to the next candidate"),
    ("step_on", 3): ("step", "Step forward in the trace"),
    ("filter", 1): ("only found", "Show only the versions that were found; again: all"),
    ("filter", 3): (
        "only events",
        "Show only steps with a reward, an error or a difference; again: all",
    ),
    ("whole_prompt", 2): (
        "since start",
        "Mark what changed since the start instead of since the parent",
    ),
    ("whole_prompt", 3): ("beside mark", "Show the marked version's trace beside this one"),
    ("whole_prompt", 4): ("prompt", "Show the whole prompt, to the letter"),
    ("raw", 2): ("authors", "Show which version wrote each line"),
    ("raw", 5): ("raw reply", "Show the raw reply, to the letter"),
    ("longer", 4): ("horizon", "Lengthen the horizon for the next update (Enter applies)"),
    ("shorter", 4): ("horizon", "Shorten the horizon for the next update (Enter applies)"),
    ("more", 4): ("batch", "Enlarge the batch for the next update (Enter applies)"),
    ("less", 4): ("batch", "Shrink the batch for the next update (Enter applies)"),
}
"""An action's word and its sentence in one pane, by its number."""


def find_footer_state(context: ActionContext) -> str:
    """The footer's name of the state."""
    snapshot = context.snapshot
    if snapshot.is_historical:
        return "back"
    if snapshot.pending:
        return snapshot.pending
    if snapshot.state == RUNNING:
        return "gate" if snapshot.progress.phase == "gate" else RUNNING
    return "idle"


def select_footer_actions(context: ActionContext) -> list[tuple[Action, ...]]:
    """The actions worth naming here and now, most wanted first; pairs share one word.

    At most MAX_KEYS keys, and none that does nothing here or now: `?` lists those with the reason.
    """
    state = find_footer_state(context)
    number = context.pane.NUMBER if context.pane is not None else 0
    secondary = SECONDARY_ACTIONS.get(state, SECONDARY_ACTIONS[""])
    names = f"{STATE_ACTIONS[state]} {PANE_ACTIONS.get(number, '')} {secondary}".split()
    chosen: list[tuple[Action, ...]] = []
    room = MAX_KEYS - len(PERMANENT_ACTIONS)
    for name in dict.fromkeys(names):
        group = tuple(ACTIONS_BY_ID[one] for one in name.split("+"))
        if len(group) <= room and all(is_usable(action, context) for action in group):
            chosen.append(group)
            room -= len(group)
    return [*chosen, *((ACTIONS_BY_ID[name],) for name in PERMANENT_ACTIONS)]


def is_usable(action: Action, context: ActionContext) -> bool:
    """Whether an action is possible now, and means something in the pane that has the keyboard."""
    if action.why_not(context):
        return False
    return (
        not action.pane_act
        or context.pane is None
        or action.resolve_act(context.pane) == action.pane_act
    )


def choose_label(action: Action, context: ActionContext) -> str:
    """The word for an action here and now."""
    snapshot = context.snapshot
    if action.id == "run":
        return {RUNNING: "pause", "waiting": "pause", PAUSED: "resume"}.get(snapshot.state, "run")
    if action.id == "step" and snapshot.pending == "propose":
        return "send"
    if action.id == "reject" and find_footer_state(context) == "gate":
        return "reject now"
    here = PANE_LABELS.get((action.id, context.pane.NUMBER)) if context.pane is not None else None
    return here[0] if here else action.label or action.help


def describe_action(action: Action, context: ActionContext) -> str:
    """What an action does, as the help says it of the pane that has the keyboard."""
    here = PANE_LABELS.get((action.id, context.pane.NUMBER)) if context.pane is not None else None
    if here:
        return here[1]
    if action.id in {"run", "step"}:
        return f"{choose_label(action, context)}: {action.help}"
    return action.help
