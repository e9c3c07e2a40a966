"""The status line above the panes, the tabs of a small screen, and the footer."""

from collections.abc import Sequence

from rich.cells import cell_len

from genopt_tui.ui import formatters
from genopt_tui.ui.actions.context import ActionContext
from genopt_tui.ui.actions.footer import PERMANENT_ACTIONS, choose_label, select_footer_actions
from genopt_tui.ui.actions.table import Action
from genopt_tui.ui.panes.clickable_line import (
    NARROW_WIDTH,
    ClickableLine,
    LinePart,
    count_cells,
)
from genopt_tui.ui.state.snapshot import BudgetView, Snapshot

SELF_REPORTED = "score: self-reported"
SANDBOX_LABELS = {"auto": "", "none": "no sandbox"}
"""Labels of sandboxes that differ from their names. `auto` has none: it is known only after a
rollout."""


def format_state(snapshot: Snapshot) -> tuple[str, str]:
    """State of the loop, and its style."""
    p, mode = snapshot.progress, snapshot.session.mode
    if snapshot.pending == "decide":
        return f"{mode}: DECIDE {p.step}", "bold $text-warning"
    if snapshot.pending == "propose":
        return f"{mode}: SEND {p.step}?", "bold $text-warning"
    if snapshot.state == "running":
        return (
            f"{mode}: {p.phase} {p.step}" if p.phase != "idle" else f"{mode}: running",
            "$text-success",
        )
    if snapshot.state == "paused":
        return f"{mode}: paused", "$text-warning"
    if snapshot.state in {"finished", "failed"}:
        reason = str((p.finished or {}).get("reason", ""))
        return (
            f"{mode}: {snapshot.state} {reason}".rstrip(),
            "$text-error" if snapshot.state == "failed" else "",
        )
    return f"{mode}: {snapshot.state}", ""


def format_budget(budget: BudgetView) -> str:
    """Spending against limits; `>=` if some cost is unknown: `$0.42/5.00 · 31k tok · 12/60m`."""
    spent, limits = budget.spent, budget.limits
    parts = []
    if spent.get("cost") or "cost" in limits:
        limit = f"/{limits['cost']:.2f}" if "cost" in limits else ""
        parts.append(f"{'>=' if budget.estimated else ''}${spent.get('cost', 0):.2f}{limit}")
    elif budget.estimated:
        parts.append("$?")
    if spent.get("tokens"):
        limit = f"/{formatters.format_tokens(limits['tokens'])}" if "tokens" in limits else ""
        parts.append(f"{formatters.format_tokens(spent['tokens'])}{limit} tok")
    if "minutes" in spent:
        limit = f"/{limits['minutes']:.0f}" if "minutes" in limits else ""
        parts.append(f"{spent['minutes']:.0f}{limit}m")
    if "steps" in limits:
        parts.append(f"{spent.get('steps', 0):.0f}/{limits['steps']:.0f} steps")
    return " · ".join(parts)


class StatusLine(ClickableLine):
    """Session, branch and version, state, spending, and conditions of the scores."""

    def feed(self, snapshot: Snapshot) -> None:
        narrow = self.app.size.width < NARROW_WIDTH
        session, separator = snapshot.session, " | " if narrow else "   "
        where = f"{snapshot.branch or 'detached'}@{snapshot.head_label}"
        state, style = format_state(snapshot)
        parts = [] if narrow else [LinePart(" genopt ", "bold $primary")]
        start = (
            f"/{session.start}"
            if session.start and session.name != session.task and not narrow
            else ""
        )
        parts += [
            LinePart(
                f" {session.name}{start} · {where}" if not narrow else f" {session.name} {where}",
                "bold",
            )
        ]
        parts += [LinePart(separator), LinePart(state, style, "mode")]
        if spent := format_budget(snapshot.budget):
            parts += [LinePart(separator), LinePart(spent)]
        room = self.app.size.width - sum(cell_len(part.text) for part in parts)
        self.show(
            [
                *parts,
                LinePart(
                    _join_fitting(separator, room, *list_score_conditions(snapshot)), "$text-muted"
                ),
            ]
        )


def list_score_conditions(snapshot: Snapshot) -> tuple[str, ...]:
    """Conditions of the scores, most important first: who reports them, sandbox, test split,
    scoring rule, proposer."""
    session = snapshot.session
    reported = SELF_REPORTED if session.rule.endswith(SELF_REPORTED) else ""
    rule = session.rule.removesuffix(SELF_REPORTED).rstrip("; ")
    sandbox = SANDBOX_LABELS.get(session.sandbox, session.sandbox)
    sealed = f"test: {formatters.format_test_openings(snapshot.test_openings)}"
    return reported, sandbox, sealed, rule and f"scores: {rule}", shorten_model(session.model)


def _join_fitting(separator: str, room: int, *texts: str) -> str:
    """The `texts` that fit whole into `room` cells, in order."""
    joined = ""
    for text in filter(None, texts):
        longer = f"{joined} · {text}" if joined else f"{separator}{text}"
        joined = longer if cell_len(longer) <= room else joined
    return joined


def shorten_model(model: str) -> str:
    """A short name of a model; for a program, the name of its file."""
    if model.startswith("replay:"):
        return "recorded replies"
    kind, _, command = model.partition(":")
    program = command.split()[0] if kind == "command" and command.strip() else ""
    return f"command:{program.rpartition('/')[2]}" if program else model


class FooterLine(ClickableLine):
    """The most useful keys, as many as fit; leave and help are always shown."""

    def feed(self, context: ActionContext) -> None:
        groups = [self._build_parts(group, context) for group in select_footer_actions(context)]
        permanent = groups[-len(PERMANENT_ACTIONS) :]
        room = self.app.size.width - 1 - sum(map(count_cells, permanent))
        chosen = []
        for parts in groups[: -len(PERMANENT_ACTIONS)]:
            room -= count_cells(parts)
            if room < 0:
                break
            chosen.append(parts)
        self.show([LinePart(" "), *(part for parts in [*chosen, *permanent] for part in parts)])

    def _build_parts(self, group: tuple[Action, ...], context: ActionContext) -> list[LinePart]:
        """The keys of a group and their common label."""
        keys = [LinePart(f"{a.display_key} ", "bold $accent", a.id) for a in group]
        return [*keys, LinePart(f"{choose_label(group[-1], context)}  ", "", group[-1].id)]


class TabLine(ClickableLine):
    """The panes as tabs, shown where only one fits. A star marks the pane with a waiting
    decision."""

    def feed(self, names: Sequence[str], active: int, waiting: int) -> None:
        parts = [LinePart(" ")]
        for number, name in enumerate(names, 1):
            star = "*" if number == waiting else ""
            style = (
                "bold reverse" if number == active else "$text-warning" if star else "$text-muted"
            )
            parts += [LinePart(f"{number} {name}{star}", style, f"pane_{number}"), LinePart("  ")]
        self.show(parts)
