"""What the palette calls each action, and the other words that find it."""

from collections.abc import Mapping

from genopt_tui.session.progress import PAUSED, RUNNING, WAITING
from genopt_tui.ui.actions.context import ActionContext
from genopt_tui.ui.actions.footer import PANE_LABELS
from genopt_tui.ui.actions.table import Action

TITLES: Mapping[str, tuple[str, str]] = {
    "run": ("Run the loop", "start go continue pause resume stop"),
    "step": ("Run one step", "next single send"),
    "mode": ("Choose the mode", "who decides auto ask automatic"),
    "hint": ("Give the model a hint", "tell instruct message standing advice"),
    "approve": ("Approve the proposal", "accept commit take yes"),
    "reject": ("Reject the proposal", "decline refuse turn down no"),
    "approve_unmeasured": ("Approve without a gate", "accept unmeasured skip gate force"),
    "edit": ("Edit in your editor", "change modify $EDITOR vi"),
    "edit_in_place": ("Edit in place", "change modify here"),
    "again": ("Ask the model again", "retry regenerate resample"),
    "toggle": ("Toggle what is under the cursor", "fold play leave out take in hunk example"),
    "next": ("Go to the next hunk, event or tip", "jump"),
    "prev": ("Go to the previous hunk, event or tip", "jump back"),
    "whatif": ("Ask what if", "what if change one choice counterfactual"),
    "which_hunk": ("Find which hunk did it", "ablation ablate hunks worth"),
    "undo": ("Undo the last act", "revert back"),
    "redo": ("Redo what was undone", "repeat"),
    "rewind": ("Rewind the branch to the version", "reset take back checkout"),
    "branch": ("Create a branch at the version", "new fork"),
    "mark": ("Mark the version", "pin select"),
    "compare": ("Compare with the mark or the parent", "diff difference versus"),
    "compare_other": ("Compare with another session", "diff difference other"),
    "switch": ("Switch to another branch", "checkout"),
    "tag": ("Tag the version", "name label"),
    "note": ("Write a note about the version", "comment annotate"),
    "revive": ("Propose the edit again", "reapply cherry-pick"),
    "pick": ("Pick hunks of the version", "cherry-pick partial"),
    "take_edits": ("Commit your own edits", "hand edits accept manual"),
    "rescore": ("Score start, best and head again", "judge evaluate rescore gate"),
    "export": ("Export the version", "save write patch bundle folder deliver"),
    "best": ("Go to the best version", "top winner"),
    "plot": ("Plot the learning curve", "chart graph progress"),
    "matrix": ("Show examples by versions", "table grid cases matrix"),
    "pane_1": ("Go to History", "focus pane versions log"),
    "pane_2": ("Go to Artifact", "focus pane files code"),
    "pane_3": ("Go to Trace", "focus pane rollout steps"),
    "pane_4": ("Go to Evidence", "focus pane examples batch"),
    "pane_5": ("Go to Proposal", "focus pane diff edit"),
    "next_pane": ("Go to the next pane", "focus cycle"),
    "previous_pane": ("Go to the previous pane", "focus cycle"),
    "zoom": ("Zoom the pane", "maximize fullscreen restore"),
    "down": ("Move down", "cursor line"),
    "up": ("Move up", "cursor line"),
    "left": ("Move left", "cursor scroll"),
    "right": ("Move right", "cursor scroll"),
    "page_down": ("Move a page down", "scroll"),
    "page_up": ("Move a page up", "scroll"),
    "top": ("Go to the top", "first home begin"),
    "bottom": ("Go to the bottom", "last end"),
    "open": ("Open what is under the cursor", "enter show look unfold"),
    "search": ("Search in this pane", "find grep"),
    "find_next": ("Find the next match", "search"),
    "find_prev": ("Find the previous match", "search"),
    "copy": ("Copy what is under the cursor", "yank clipboard"),
    "next_tab": ("Go to the next tab", "file rollout candidate"),
    "prev_tab": ("Go to the previous tab", "file rollout candidate"),
    "filter": ("Filter the lines", "only show matching"),
    "exclude": ("Exclude the example for good", "leave out remove drop standing hint"),
    "pin": ("Pin the example", "keep in every batch"),
    "step_back": ("Step back in the trace", "previous frame"),
    "step_on": ("Step forward in the trace", "next frame"),
    "shorter": ("Shorten the horizon", "less steps top"),
    "longer": ("Lengthen the horizon", "more steps bottom"),
    "more": ("Enlarge the batch or the pane", "larger bigger grow"),
    "less": ("Shrink the batch or the pane", "smaller"),
    "raw": ("Show the raw reply", "source text authors blame"),
    "whole_prompt": ("Show the whole prompt", "messages sent"),
    "design": ("Change the design choices", "scope horizon batch gate configure"),
    "log": ("Open the log", "commands calls git what was done"),
    "settings": ("Change the session's settings", "preferences options budget model configure"),
    "palette": ("Open the palette", "commands find action"),
    "theme": ("Change the theme", "colors colours dark light"),
    "help": ("Show the keys", "help shortcuts bindings"),
    "back": ("Go back", "escape cancel close leave"),
    "put_aside": ("Suspend the application", "background ctrl+z put aside"),
    "leave": ("Quit", "exit leave close bye"),
}
"""By action id: a title that begins with a verb, and synonyms."""


def choose_title(action: Action, context: ActionContext) -> str:
    """What an action does in this state and pane, as a command."""
    snapshot = context.snapshot
    if action.id == "run" and snapshot.state in {RUNNING, WAITING}:
        return "Pause the run"
    if action.id == "run" and snapshot.state == PAUSED:
        return "Resume the run"
    if action.id == "step" and snapshot.pending == "propose":
        return "Send the prompt"
    here = PANE_LABELS.get((action.id, context.pane.NUMBER)) if context.pane is not None else None
    return here[1] if here else TITLES[action.id][0]


def list_terms(action: Action) -> list[str]:
    """All that finds an action, in lower case: its id, titles, footer labels and synonyms."""
    title, synonyms = TITLES[action.id]
    labels = [
        word for (name, _), words in PANE_LABELS.items() if name == action.id for word in words
    ]
    terms = [action.id, action.id.replace("_", " "), action.label, title, *labels, action.help]
    return [term.lower() for term in (*terms, *synonyms.split()) if term]
