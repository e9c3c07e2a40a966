"""One table from the id of an action to the method that carries it out."""

from collections.abc import Mapping
from functools import partial

from genopt_tui.ui.actions.handlers import DecisionHandlers, LoopHandlers, NavigationHandlers
from genopt_tui.ui.actions.history_handlers import HistoryHandlers
from genopt_tui.ui.actions.host import ActionHost, Handler
from genopt_tui.ui.pane_layout import PANE_NAMES


def build_handlers(host: ActionHost) -> Mapping[str, Handler]:
    """The handler of every action that no pane carries out, and of `search`."""
    loop, decision = LoopHandlers(host), DecisionHandlers(host)
    history, navigation = HistoryHandlers(host), NavigationHandlers(host)
    return {
        "run": loop.run,
        "step": loop.step,
        "hint": loop.hint,
        "mode": loop.mode,
        "leave": loop.leave,
        "approve": decision.approve,
        "approve_unmeasured": decision.approve_unmeasured,
        "reject": decision.reject,
        "again": decision.again,
        "edit": decision.edit,
        "whatif": decision.whatif,
        "which_hunk": decision.which_hunk,
        "next_pane": navigation.next_pane,
        "previous_pane": navigation.previous_pane,
        "zoom": navigation.zoom,
        "search": navigation.search,
        "palette": navigation.palette,
        "theme": navigation.theme,
        "help": navigation.help,
        "log": navigation.log,
        "design": navigation.design,
        "settings": navigation.settings,
        "put_aside": navigation.put_aside,
        "back": navigation.back,
        "undo": history.undo,
        "redo": history.redo,
        "rewind": history.rewind,
        "branch": history.branch,
        "switch": history.switch,
        "tag": history.tag,
        "note": history.note,
        "revive": history.revive,
        "pick": history.pick,
        "take_edits": history.take_edits,
        "rescore": history.rescore,
        "export": history.export,
        "mark": history.mark,
        "compare": history.compare,
        "compare_other": history.compare_other,
        "best": history.best,
        "plot": history.plot,
        "matrix": history.matrix,
        **{f"pane_{number}": partial(host.go_to_pane, number) for number in PANE_NAMES},
    }
