"""The lines around the panes: status above, gate, and the footer with the keys of this state. Parts
can be clicked."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from genopt_tui.errors import single_line
from genopt_tui.ui import formatters
from genopt_tui.ui.actions.footer import PERMANENT_ACTIONS, choose_label, select_footer_actions
from genopt_tui.ui.actions.table import Action, ActionContext
from genopt_tui.ui.state.snapshot import BudgetView, ProposalView, Snapshot
from genopt_tui.ui.widgets.safe_text import clean_line

NARROW_WIDTH = 120
SELF_REPORTED = "score: self-reported"
SANDBOX_LABELS = {"auto": "", "none": "no sandbox"}
"""Words for an isolation: which one `auto` is, is known once a rollout has run."""


@dataclass(frozen=True, slots=True)
class LinePart:
    """A piece of a line; a click on it runs `action` (where it has one)."""

    to_json: str
    style: str = ""
    action: str = ""


class ClickableLine(Widget):
    """One line of parts, cut at the right. Its text is never markup."""

    DEFAULT_CSS = "ClickableLine { height: 1; width: 100%; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.parts: tuple[LinePart, ...] = ()

    def show(self, parts: Sequence[LinePart]) -> None:
        """Replace the line; nothing happens when it is the same."""
        parts = tuple(
            LinePart(clean_line(flatten_line(p.to_json)), p.style, p.action)
            for p in parts
            if p.to_json
        )
        if parts != self.parts:
            self.parts = parts
            self.refresh()

    def render(self) -> Content:
        return Content.assemble(
            *((p.to_json, p.style) if p.style else p.to_json for p in self.parts)
        )

    @property
    def text(self) -> str:
        """The line as plain text."""
        return "".join(p.to_json for p in self.parts)

    async def on_click(self, event: events.Click) -> None:
        place = 0
        for part in self.parts:
            place += Content(part.to_json).cell_length
            if event.x < place:
                if part.action:
                    await self.run_action(f"screen.act('{part.action}')")
                return


def flatten_line(text: str) -> str:
    """`text` on one line, its blanks kept."""
    return text if text.isprintable() else single_line(text)


def format_state(snapshot: Snapshot) -> tuple[str, str]:
    """What the loop is doing, and the style to say it in."""
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
    """Spend against limits: $0.42/5.00 · 31k tok · 12/60m · 3/20 steps; `>=` where some cost is
    unknown."""
    spent, limits = budget.spent, budget.limits
    parts = []
    if spent.get("cost") or "cost" in limits:
        of = f"/{limits['cost']:.2f}" if "cost" in limits else ""
        parts.append(f"{'>=' if budget.estimated else ''}${spent.get('cost', 0):.2f}{of}")
    elif budget.estimated:
        parts.append("$?")
    if spent.get("tokens"):
        of = f"/{formatters.format_tokens(limits['tokens'])}" if "tokens" in limits else ""
        parts.append(f"{formatters.format_tokens(spent['tokens'])}{of} tok")
    if "minutes" in spent:
        of = f"/{limits['minutes']:.0f}" if "minutes" in limits else ""
        parts.append(f"{spent['minutes']:.0f}{of}m")
    if "steps" in limits:
        parts.append(f"{spent.get('steps', 0):.0f}/{limits['steps']:.0f} steps")
    return " · ".join(parts)


class StatusLine(ClickableLine):
    """Session, branch and version, state, spend, isolation."""

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
        room = self.app.size.width - sum(cell_len(part.to_json) for part in parts)
        self.show(
            [
                *parts,
                LinePart(
                    _join_fitting(separator, room, *list_score_conditions(snapshot)), "$text-muted"
                ),
            ]
        )


def list_score_conditions(snapshot: Snapshot) -> tuple[str, ...]:
    """What the scores rest on, most wanted first: who reports them, in which isolation, the sealed
    split, the rule, who proposes."""
    session = snapshot.session
    reported = SELF_REPORTED if session.rule.endswith(SELF_REPORTED) else ""
    rule = session.rule.removesuffix(SELF_REPORTED).rstrip("; ")
    sandbox = SANDBOX_LABELS.get(session.sandbox, session.sandbox)
    sealed = f"test: {formatters.format_test_openings(snapshot.test_openings)}"
    return reported, sandbox, sealed, rule and f"scores: {rule}", shorten_model(session.model)


def _join_fitting(separator: str, room: int, *wanted: str) -> str:
    """As many of the things wanted, most wanted first, as there is room for; none is cut."""
    told = ""
    for text in filter(None, wanted):
        longer = f"{told} · {text}" if told else f"{separator}{text}"
        told = longer if cell_len(longer) <= room else told
    return told


def shorten_model(model: str) -> str:
    """How a model is named in little room: a replay says that its replies are recorded, a program
    is its file's name."""
    if model.startswith("replay:"):
        return "recorded replies"
    kind, _, command = model.partition(":")
    program = command.split()[0] if kind == "command" and command.strip() else ""
    return f"command:{program.rpartition('/')[2]}" if program else model


class GateLine(ClickableLine):
    """The gate of the proposal that is shown, running or with its result; without one, what the
    loop is doing."""

    def feed(self, snapshot: Snapshot, kept: set[int] | None = None) -> None:
        proposal = snapshot.proposal
        told = proposal is not None and (snapshot.is_historical or not proposal.decision)
        gate = (
            build_gate_parts(proposal, self.app.size.width < NARROW_WIDTH, kept)
            if proposal and told
            else []
        )
        self.show(
            take_fitting(gate, self.app.size.width)
            or [LinePart(f" {snapshot.activity}", "$text-muted")]
        )


def build_gate_parts(proposal: ProposalView, narrow: bool, kept: set[int] | None) -> list[LinePart]:
    """The gate line: a score stands only for exactly what is shown."""
    if proposal.edited:
        return [
            LinePart(" gate: not run for your edit", "$text-warning"),
            LinePart("   "),
            LinePart("a gate, then commit", "", "approve"),
            LinePart("   "),
            LinePart("A commit unmeasured", "", "approve_unmeasured"),
        ]
    if kept is not None and proposal.files is not None:
        hunks = proposal.candidate.edit.get("hunks", "?") if proposal.candidate.edit else "?"
        return [
            LinePart(f" gate: not run for {len(kept)} of {hunks} hunks", "$text-warning"),
            LinePart("   "),
            LinePart("a gate, then commit", "", "approve"),
            LinePart("   "),
            LinePart("A commit unmeasured", "", "approve_unmeasured"),
        ]
    if proposal.gate:
        verdict = str(proposal.gate.get("verdict", ""))
        style = {"better": "$text-success", "worse": "$text-error"}.get(verdict, "")
        text = formatters.format_gate(proposal.gate, narrow=narrow)
        return [
            LinePart(f" {text}", style),
            LinePart("  whole edit", "$text-muted"),
            LinePart(format_promises(proposal), "$text-muted"),
        ]
    if proposal.files is not None and not proposal.decision:
        done = [float(r["score"]) for r in proposal.gate_scores if r.get("score") is not None]
        mean = sum(done) / len(done) if done else None
        return [
            LinePart(
                f" {formatters.format_running_gate(len(proposal.gate_scores), proposal.gate_size, mean)}",
                "$text-muted",
            )
        ]
    return []


def format_promises(proposal: ProposalView) -> str:
    """How many of the expected changes came true, and the same of the whole session; empty where
    none could be judged."""
    gate = proposal.gate or {}
    if not (told := gate.get("promises")):
        return ""
    kept, made = gate.get("session_promises") or (0, 0)
    session = f" (session {kept} of {made})" if made > told else ""
    return f"  promised {told}, kept {gate.get('promises_kept') or 0}{session}"


def take_fitting(parts: Sequence[LinePart], room: int) -> list[LinePart]:
    """The first of these parts, and of the rest those for which there is room: none of them is
    cut."""
    chosen: list[LinePart] = []
    for part in parts:
        if not chosen or count_cells([*chosen, part]) <= room:
            chosen.append(part)
    return chosen


class FooterLine(ClickableLine):
    """The keys that matter in this state, as many as fit; leaving and help always."""

    def feed(self, context: ActionContext) -> None:
        groups = [self._build_parts(group, context) for group in select_footer_actions(context)]
        always = groups[-len(PERMANENT_ACTIONS) :]
        room = self.app.size.width - 1 - sum(map(count_cells, always))
        chosen = []
        for parts in groups[: -len(PERMANENT_ACTIONS)]:
            room -= count_cells(parts)
            if room < 0:
                break
            chosen.append(parts)
        self.show([LinePart(" "), *(part for parts in [*chosen, *always] for part in parts)])

    def _build_parts(self, group: tuple[Action, ...], context: ActionContext) -> list[LinePart]:
        """The keys of a group, then the word that they share."""
        off = all(action.why_not(context) for action in group)
        keys = [
            LinePart(f"{a.display_key} ", "$text-muted" if off else "bold $accent", a.id)
            for a in group
        ]
        return [
            *keys,
            LinePart(
                f"{choose_label(group[-1], context)}  ", "$text-muted" if off else "", group[-1].id
            ),
        ]


def count_cells(parts: Sequence[LinePart]) -> int:
    """Cells of a piece of the line."""
    return sum(cell_len(part.to_json) for part in parts)


class TabLine(ClickableLine):
    """The panes as tabs, where only one is shown. A star marks the pane that wants a decision."""

    def feed(self, names: Sequence[str], active: int, wanted: int) -> None:
        parts = [LinePart(" ")]
        for number, name in enumerate(names, 1):
            star = "*" if number == wanted else ""
            style = (
                "bold reverse" if number == active else "$text-warning" if star else "$text-muted"
            )
            parts += [LinePart(f"{number} {name}{star}", style, f"pane_{number}"), LinePart("  ")]
        self.show(parts)
