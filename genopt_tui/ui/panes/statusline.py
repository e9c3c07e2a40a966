"""The lines around the panes: status above, gate, and the footer with the keys of this state. Parts can be clicked."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from genopt_tui.errors import single_line
from genopt_tui.ui import words
from genopt_tui.ui.actions import Action, Context
from genopt_tui.ui.footers import LAST, footer, label
from genopt_tui.ui.snapshot import BudgetView, ProposalView, Snapshot
from genopt_tui.ui.widgets.text import clean_line

NARROW = 120
REPORTED = "score: self-reported"
SANDBOXES = {"auto": "", "none": "no sandbox"}
"""Words for an isolation: which one `auto` is, is known once a rollout has run."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line; a click on it runs `action` (where it has one)."""

    text: str
    style: str = ""
    action: str = ""


class OneLine(Widget):
    """One line of parts, cut at the right. Its text is never markup."""

    DEFAULT_CSS = "OneLine { height: 1; width: 100%; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.parts: tuple[Part, ...] = ()

    def show(self, parts: Sequence[Part]) -> None:
        """Replace the line; nothing happens when it is the same."""
        parts = tuple(Part(clean_line(single_line_kept(p.text)), p.style, p.action) for p in parts if p.text)
        if parts != self.parts:
            self.parts = parts
            self.refresh()

    def render(self) -> Content:
        return Content.assemble(*((p.text, p.style) if p.style else p.text for p in self.parts))

    @property
    def text(self) -> str:
        """The line as plain text."""
        return "".join(p.text for p in self.parts)

    async def on_click(self, event: events.Click) -> None:
        place = 0
        for part in self.parts:
            place += Content(part.text).cell_length
            if event.x < place:
                if part.action:
                    await self.run_action(f"screen.act('{part.action}')")
                return


def single_line_kept(text: str) -> str:
    """`text` on one line, its blanks kept."""
    return text if text.isprintable() else single_line(text)


def state_words(snapshot: Snapshot) -> tuple[str, str]:
    """What the loop is doing, and the style to say it in."""
    p, mode = snapshot.progress, snapshot.session.mode
    if snapshot.pending == "decide":
        return f"{mode}: DECIDE {p.step}", "bold $text-warning"
    if snapshot.pending == "propose":
        return f"{mode}: SEND {p.step}?", "bold $text-warning"
    if snapshot.state == "running":
        return f"{mode}: {p.phase} {p.step}" if p.phase != "idle" else f"{mode}: running", "$text-success"
    if snapshot.state == "paused":
        return f"{mode}: paused", "$text-warning"
    if snapshot.state in {"finished", "failed"}:
        reason = str((p.finished or {}).get("reason", ""))
        return f"{mode}: {snapshot.state} {reason}".rstrip(), "$text-error" if snapshot.state == "failed" else ""
    return f"{mode}: {snapshot.state}", ""


def budget_words(budget: BudgetView) -> str:
    """Spend against limits: $0.42/5.00 · 31k tok · 12/60m · 3/20 steps; `>=` where some cost is unknown."""
    spent, limits = budget.spent, budget.limits
    parts = []
    if spent.get("cost") or "cost" in limits:
        of = f"/{limits['cost']:.2f}" if "cost" in limits else ""
        parts.append(f"{'>=' if budget.estimated else ''}${spent.get('cost', 0):.2f}{of}")
    elif budget.estimated:
        parts.append("$?")
    if spent.get("tokens"):
        of = f"/{words.tokens(limits['tokens'])}" if "tokens" in limits else ""
        parts.append(f"{words.tokens(spent['tokens'])}{of} tok")
    if "minutes" in spent:
        of = f"/{limits['minutes']:.0f}" if "minutes" in limits else ""
        parts.append(f"{spent['minutes']:.0f}{of}m")
    if "steps" in limits:
        parts.append(f"{spent.get('steps', 0):.0f}/{limits['steps']:.0f} steps")
    return " · ".join(parts)


class StatusLine(OneLine):
    """Session, branch and version, state, spend, isolation."""

    def feed(self, snapshot: Snapshot) -> None:
        narrow = self.app.size.width < NARROW
        session, separator = snapshot.session, " | " if narrow else "   "
        where = f"{snapshot.branch or 'detached'}@{snapshot.head_label}"
        state, style = state_words(snapshot)
        parts = [] if narrow else [Part(" genopt ", "bold $primary")]
        start = f"/{session.start}" if session.start and session.name != session.task and not narrow else ""
        parts += [Part(f" {session.name}{start} · {where}" if not narrow else f" {session.name} {where}", "bold")]
        parts += [Part(separator), Part(state, style, "mode")]
        if spent := budget_words(snapshot.budget):
            parts += [Part(separator), Part(spent)]
        room = self.app.size.width - sum(cell_len(part.text) for part in parts)
        self.show([*parts, Part(_tail(separator, room, *trusted(snapshot)), "$text-muted")])


def trusted(snapshot: Snapshot) -> tuple[str, ...]:
    """What the scores rest on, most wanted first: who reports them, in which isolation, the sealed split, the rule, who proposes."""
    session = snapshot.session
    reported = REPORTED if session.rule.endswith(REPORTED) else ""
    rule = session.rule.removesuffix(REPORTED).rstrip("; ")
    sandbox = SANDBOXES.get(session.sandbox, session.sandbox)
    sealed = f"test: {words.opened(snapshot.opened)}"
    return reported, sandbox, sealed, rule and f"scores: {rule}", recorded(session.model)


def _tail(separator: str, room: int, *wanted: str) -> str:
    """As many of the things wanted, most wanted first, as there is room for; none is cut."""
    told = ""
    for text in filter(None, wanted):
        longer = f"{told} · {text}" if told else f"{separator}{text}"
        told = longer if cell_len(longer) <= room else told
    return told


def recorded(model: str) -> str:
    """How a model is named in little room: a replay says that its replies are recorded, a program is its file's name."""
    if model.startswith("replay:"):
        return "recorded replies"
    kind, _, command = model.partition(":")
    program = command.split()[0] if kind == "command" and command.strip() else ""
    return f"command:{program.rpartition('/')[2]}" if program else model


class GateLine(OneLine):
    """The gate of the proposal that is shown, running or with its result; without one, what the loop is doing."""

    def feed(self, snapshot: Snapshot, kept: set[int] | None = None) -> None:
        proposal = snapshot.proposal
        told = proposal is not None and (snapshot.looking_back or not proposal.decided)
        gate = gate_parts(proposal, self.app.size.width < NARROW, kept) if proposal and told else []
        self.show(fitting(gate, self.app.size.width) or [Part(f" {snapshot.doing}", "$text-muted")])


def gate_parts(proposal: ProposalView, narrow: bool, kept: set[int] | None) -> list[Part]:
    """The gate line: a score stands only for exactly what is shown."""
    if proposal.edited:
        return [
            Part(" gate: not run for your edit", "$text-warning"),
            Part("   "),
            Part("a gate, then commit", "", "approve"),
            Part("   "),
            Part("A commit unmeasured", "", "approve_unmeasured"),
        ]
    if kept is not None and proposal.files is not None:
        hunks = proposal.candidate.edit.get("hunks", "?") if proposal.candidate.edit else "?"
        return [
            Part(f" gate: not run for {len(kept)} of {hunks} hunks", "$text-warning"),
            Part("   "),
            Part("a gate, then commit", "", "approve"),
            Part("   "),
            Part("A commit unmeasured", "", "approve_unmeasured"),
        ]
    if proposal.gate:
        verdict = str(proposal.gate.get("verdict", ""))
        style = {"better": "$text-success", "worse": "$text-error"}.get(verdict, "")
        text = words.gate_line(proposal.gate, narrow=narrow)
        return [Part(f" {text}", style), Part("  whole edit", "$text-muted"), Part(promises(proposal), "$text-muted")]
    if proposal.files is not None and not proposal.decided:
        done = [float(r["score"]) for r in proposal.gate_scores if r.get("score") is not None]
        mean = sum(done) / len(done) if done else None
        return [Part(f" {words.waiting_gate(len(proposal.gate_scores), proposal.gate_size, mean)}", "$text-muted")]
    return []


def promises(proposal: ProposalView) -> str:
    """How many of the expected changes came true, and the same of the whole session; empty where none could be judged."""
    gate = proposal.gate or {}
    if not (told := gate.get("promises")):
        return ""
    kept, made = gate.get("session_promises") or (0, 0)
    session = f" (session {kept} of {made})" if made > told else ""
    return f"  promised {told}, kept {gate.get('promises_kept') or 0}{session}"


def fitting(parts: Sequence[Part], room: int) -> list[Part]:
    """The first of these parts, and of the rest those for which there is room: none of them is cut."""
    chosen: list[Part] = []
    for part in parts:
        if not chosen or width([*chosen, part]) <= room:
            chosen.append(part)
    return chosen


class FooterLine(OneLine):
    """The keys that matter in this state, as many as fit; leaving and help always."""

    def feed(self, context: Context) -> None:
        groups = [self._parts(group, context) for group in footer(context)]
        always = groups[-len(LAST) :]
        room = self.app.size.width - 1 - sum(map(width, always))
        chosen = []
        for parts in groups[: -len(LAST)]:
            room -= width(parts)
            if room < 0:
                break
            chosen.append(parts)
        self.show([Part(" "), *(part for parts in [*chosen, *always] for part in parts)])

    def _parts(self, group: tuple[Action, ...], context: Context) -> list[Part]:
        """The keys of a group, then the word that they share."""
        off = all(action.why_not(context) for action in group)
        keys = [Part(f"{a.key} ", "$text-muted" if off else "bold $accent", a.id) for a in group]
        return [*keys, Part(f"{label(group[-1], context)}  ", "$text-muted" if off else "", group[-1].id)]


def width(parts: Sequence[Part]) -> int:
    """Cells of a piece of the line."""
    return sum(cell_len(part.text) for part in parts)


class TabLine(OneLine):
    """The panes as tabs, where only one is shown. A star marks the pane that wants a decision."""

    def feed(self, names: Sequence[str], active: int, wanted: int) -> None:
        parts = [Part(" ")]
        for number, name in enumerate(names, 1):
            star = "*" if number == wanted else ""
            style = "bold reverse" if number == active else "$text-warning" if star else "$text-muted"
            parts += [Part(f"{number} {name}{star}", style, f"pane_{number}"), Part("  ")]
        self.show(parts)
