"""`@`: log of the session: model calls, git and commands with their results."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genopt_tui.session.journal import Event, Journal
from genopt_tui.ui import formatters
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.widgets.line_source import Line

EventData = Mapping[str, Any]
MODEL_EVENTS = ("prompt_built", "reply_finished", "agent_call")
GIT_EVENTS = ("committed", "rejected", "moved", "design_committed")
COMMAND_EVENTS = (
    "command_done",
    "run_started",
    "run_finished",
    "paused",
    "resumed",
    "notice",
    "error",
)


class LogScreen(TabbedScreen):
    """The log, newest event last."""

    KEYS = "Tab model, git, commands  j k move  / search  y copy  Esc back"

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(f"Log of {snapshot.session.name}")
        self._session = Path(snapshot.session.path)

    def read(self) -> tuple[str, Sequence[Page]]:
        journal = Journal(self._session, durable=False)
        try:
            events = journal.read_events(kinds=[*MODEL_EVENTS, *GIT_EVENTS, *COMMAND_EVENTS])
        finally:
            journal.close()
        pages = [Page("all", format_events(events))]
        for name, kinds in (
            ("model calls", MODEL_EVENTS),
            ("git", GIT_EVENTS),
            ("commands", COMMAND_EVENTS),
        ):
            pages.append(Page(name, format_events([e for e in events if e.kind in kinds])))
        return "", pages

    def show(self, about: str, pages: Sequence[Page]) -> None:
        super().show(about, pages)
        self.view.act_bottom()


def format_events(events: Sequence[Event]) -> list[Line]:
    """A line for each event."""
    return [format_event(event) for event in events] or [(("nothing yet", "dim"),)]


def format_event(event: Event) -> Line:
    step = str(event.step) if event.step else ""
    text, style = FORMATTERS[event.kind](event.data)
    return (
        (f"{event.at[5:19].replace('T', ' ')} ", "dim"),
        (f"{step:>4}  ", "gutter"),
        (text, style),
    )


def _format_prompt_built(d: EventData) -> tuple[str, str]:
    tokens = formatters.format_tokens(d["tokens"])
    return f"model   asked for candidate {d['candidate']}: {tokens} tokens in", ""


def _format_reply_finished(d: EventData) -> tuple[str, str]:
    usage = d.get("usage") or {}
    cost = "$?" if d.get("cost") is None else f"${d['cost']:.4f}"
    if not d.get("complete", True):
        return f"model   reply broke off: {d.get('error')}", "bad"
    tokens, seconds = usage.get("output", "?"), d.get("seconds") or 0
    return f"model   reply: {tokens} tokens out, {seconds:.1f} s, {cost}", "strong"


def _format_agent_call(d: EventData) -> tuple[str, str]:
    cost = "$?" if d.get("cost") is None else f"${d['cost']:.4f}"
    return f"agent   {d.get('calls')} calls, {cost}", ""


def _format_committed(d: EventData) -> tuple[str, str]:
    version, branch = str(d["version"])[:7], d.get("branch", "")
    return f"git     commit {version} on {branch}: {d['decision']}, {d['subject']}", "good"


def _format_rejected(d: EventData) -> tuple[str, str]:
    version, reason = str(d["version"])[:7], d.get("reason") or ""
    return f"git     keep {version} as {d.get('ref', '')}: {d['decision']} {reason}", ""


def _format_moved(d: EventData) -> tuple[str, str]:
    return f"git     {d['act']}: {d['branch']} {str(d['old'])[:7]} -> {str(d['new'])[:7]}", "warn"


def _format_design_committed(d: EventData) -> tuple[str, str]:
    return f"git     commit of design choices: {' '.join(map(str, d['pairs']))}", "good"


def _format_command_done(d: EventData) -> tuple[str, str]:
    why = f": {d['why']}" if d.get("why") else ""
    return f"command {d.get('command')} {'done' if d['ok'] else 'refused'}{why}", "" if d[
        "ok"
    ] else "bad"


FORMATTERS: dict[str, Callable[[EventData], tuple[str, str]]] = {
    "prompt_built": _format_prompt_built,
    "reply_finished": _format_reply_finished,
    "agent_call": _format_agent_call,
    "committed": _format_committed,
    "rejected": _format_rejected,
    "moved": _format_moved,
    "design_committed": _format_design_committed,
    "command_done": _format_command_done,
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
