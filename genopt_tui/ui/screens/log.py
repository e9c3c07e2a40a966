"""`@`: what was done in this session: model calls, git, commands, each with what came of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genopt_tui.session.journal import Event, Journal
from genopt_tui.ui import words
from genopt_tui.ui.screens.sheet import Page, Sheet
from genopt_tui.ui.snapshot import Snapshot
from genopt_tui.ui.widgets.lines import Line

Data = Mapping[str, Any]
MODEL = ("prompt_built", "reply_finished", "agent_call")
GIT = ("committed", "rejected", "moved", "design_committed")
ASKED = ("command_done", "run_started", "run_finished", "paused", "resumed", "notice", "error")


class LogScreen(Sheet):
    """Newest last, as a log is read."""

    KEYS = "Tab model, git, commands  j k move  / search  y copy  Esc back"

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(f"Log of {snapshot.session.name}")
        self._session = Path(snapshot.session.path)

    def read(self) -> tuple[str, Sequence[Page]]:
        journal = Journal(self._session, durable=False)
        try:
            events = journal.events(kinds=[*MODEL, *GIT, *ASKED])
        finally:
            journal.close()
        pages = [Page("all", lines(events))]
        for name, kinds in (("model calls", MODEL), ("git", GIT), ("commands", ASKED)):
            pages.append(Page(name, lines([e for e in events if e.kind in kinds])))
        return "", pages

    def show(self, about: str, pages: Sequence[Page]) -> None:
        super().show(about, pages)
        self.view.act_bottom()


def lines(events: Sequence[Event]) -> list[Line]:
    """A line for each event."""
    return [line(event) for event in events] or [(("nothing yet", "dim"),)]


def line(event: Event) -> Line:
    step = str(event.step) if event.step else ""
    text, look = TOLD[event.kind](event.data)
    return ((f"{event.at[5:19].replace('T', ' ')} ", "dim"), (f"{step:>4}  ", "gutter"), (text, look))


def _asked(d: Data) -> tuple[str, str]:
    return f"model   asked for candidate {d['candidate']}: {words.tokens(d['tokens'])} tokens in", ""


def _reply(d: Data) -> tuple[str, str]:
    usage = d.get("usage") or {}
    cost = "$?" if d.get("cost") is None else f"${d['cost']:.4f}"
    if not d.get("complete", True):
        return f"model   reply broke off: {d.get('error')}", "bad"
    return f"model   reply: {usage.get('output', '?')} tokens out, {d.get('seconds') or 0:.1f} s, {cost}", "strong"


def _agent(d: Data) -> tuple[str, str]:
    cost = "$?" if d.get("cost") is None else f"${d['cost']:.4f}"
    return f"agent   {d.get('calls')} calls, {cost}", ""


def _committed(d: Data) -> tuple[str, str]:
    return f"git     commit {str(d['version'])[:7]} on {d.get('branch', '')}: {d['decision']}, {d['subject']}", "good"


def _rejected(d: Data) -> tuple[str, str]:
    return f"git     keep {str(d['version'])[:7]} as {d.get('ref', '')}: {d['decision']} {d.get('reason') or ''}", ""


def _moved(d: Data) -> tuple[str, str]:
    return f"git     {d['act']}: {d['branch']} {str(d['old'])[:7]} -> {str(d['new'])[:7]}", "warn"


def _design(d: Data) -> tuple[str, str]:
    return f"git     commit of design choices: {' '.join(map(str, d['pairs']))}", "good"


def _command(d: Data) -> tuple[str, str]:
    why = f": {d['why']}" if d.get("why") else ""
    return f"command {d.get('command')} {'done' if d['ok'] else 'refused'}{why}", "" if d["ok"] else "bad"


TOLD: dict[str, Callable[[Data], tuple[str, str]]] = {
    "prompt_built": _asked,
    "reply_finished": _reply,
    "agent_call": _agent,
    "committed": _committed,
    "rejected": _rejected,
    "moved": _moved,
    "design_committed": _design,
    "command_done": _command,
    "run_started": lambda d: (
        f"run     started: mode {d['mode']}, {d.get('model')}, {d.get('steps') or 'no'} steps",
        "",
    ),
    "run_finished": lambda d: (f"run     over: {d['reason']}", ""),
    "paused": lambda d: (f"run     paused: {d['why']}", "warn"),
    "resumed": lambda d: ("run     resumed", ""),
    "notice": lambda d: (f"notice  {d['text']}", "warn" if d.get("level") == "warning" else ""),
    "error": lambda d: (f"error   {d['message']} {d.get('advice') or ''}", "bad"),
}
