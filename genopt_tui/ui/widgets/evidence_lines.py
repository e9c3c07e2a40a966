"""Evidence as rows: what the model was shown, and what it will be shown next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genopt_tui.ui import formatters
from genopt_tui.ui.state.snapshot import EvidenceView
from genopt_tui.ui.widgets.line_source import Line
from genopt_tui.ui.widgets.symbols import SYMBOLS
from genopt_tui.ui.widgets.text_layout import wrap_line
from genopt_tui.ui.widgets.update_plan import UpdatePlan, build_plan, format_horizon

Data = Mapping[str, Any]
EXAMPLE, EXCLUDED, STANDING = "example", "excluded", "standing"


@dataclass
class EvidenceRows:
    """Lines of at most `width` cells. `about` maps rows to what they show: a kind, and the example
    or text."""

    width: int
    lines: list[Line] = field(default_factory=list)
    about: dict[int, tuple[str, str]] = field(default_factory=dict)

    def add(self, line: Line, about: tuple[str, str] | None = None) -> None:
        """Add one row."""
        if about is not None:
            self.about[len(self.lines)] = about
        self.lines.append(line)

    def add_labelled(
        self, label: str, text: str, style: str = "", about: tuple[str, str] | None = None
    ) -> None:
        """Add a label and its text, wrapped."""
        for row in wrap_line(((f"{label:<9}", "gutter"), (text, style)), self.width, 9):
            self.add(row, about)

    def add_gap(self) -> None:
        """Add an empty row between two groups."""
        if self.lines and self.lines[-1]:
            self.lines.append(())


@dataclass(frozen=True)
class EvidenceChoices:
    """The user's choices in this pane: examples dropped from the waiting prompt, pins, and the plan
    staged for the next update.

    An older version (`is_historical`) offers no choices.
    """

    dropped: frozenset[str] = frozenset()
    pinned: tuple[str, ...] = ()
    plan: UpdatePlan | None = None
    is_historical: bool = False


def build_sent_rows(e: EvidenceView, width: int) -> EvidenceRows:
    """Rows for what the model was shown."""
    rows = EvidenceRows(width)
    sent = e.sent
    if sent is None or e.editable:
        rows.add((("nothing was sent for this step yet", "dim"),))
        return rows
    parts: Sequence[Data] = sent.get("parts", ())
    for part in parts:
        rows.add(
            format_part(part, "", longest=_measure_names(parts)), (EXAMPLE, str(part["example"]))
        )
    _add_sandbox_hints(rows, e.rollouts)
    rows.add_gap()
    _add_horizon(rows, sent)
    rows.add_gap()
    _add_sections(rows, sent)
    return rows


def build_next_rows(e: EvidenceView, chosen: EvidenceChoices, width: int) -> EvidenceRows:
    """Rows for what the next prompt will contain, and for what is staged after it."""
    rows = EvidenceRows(width)
    if chosen.is_historical:
        rows.add_labelled(
            "",
            "Esc returns to the current version, which shows what comes next",
            "dim",
        )
        return rows
    if e.editable and e.sent:
        _add_waiting(rows, e.sent, chosen)
    elif e.sent is None and e.batch:
        _add_rolling_out(rows, e, chosen.pinned)
    _add_sandbox_hints(rows, e.rollouts)
    rows.add_gap()
    _add_upcoming(rows, e, chosen)
    return rows


def _add_sandbox_hints(rows: EvidenceRows, rollouts: Sequence[Data]) -> None:
    """What in the sandbox made rollouts fail, each hint once. For the person: no prompt has it."""
    for hint in dict.fromkeys(str(r["hint"]) for r in rollouts if r.get("hint")):
        rows.add_labelled("sandbox", _join_lines(hint), "warn")


def _add_waiting(rows: EvidenceRows, sent: Data, chosen: EvidenceChoices) -> None:
    parts: Sequence[Data] = sent.get("parts", ())
    for part in parts:
        example = str(part["example"])
        off = example in chosen.dropped
        line = format_part(
            part,
            "[ ] " if off else "[x] ",
            off=off,
            pinned=example in chosen.pinned,
            longest=_measure_names(parts),
        )
        rows.add(line, (EXAMPLE, example))
    kept = [p for p in parts if str(p["example"]) not in chosen.dropped]
    rows.add(
        ((f"{len(kept)} of {len(parts)} rollouts will be shown; s sends the prompt", "strong"),)
    )
    rows.add_gap()
    _add_horizon(rows, sent)


def _add_rolling_out(rows: EvidenceRows, e: EvidenceView, pinned: Sequence[str]) -> None:
    """Add the batch while its rollouts run."""
    done = {(str(r["example"]), int(r.get("repeat", 0))): r for r in e.rollouts}
    rows.add(((f"rolling out {len(done)} of {len(e.batch)}", "strong"),))
    longest = max(len(example) for example, _ in e.batch)
    for example, repeat in e.batch:
        row = done.get((example, repeat))
        unknown: Line = ((f"{example:<{longest}} ", "dim"), (SYMBOLS.dots, "dim"))
        line = format_part(row, "", pinned=example in pinned, longest=longest) if row else unknown
        rows.add(line, (EXAMPLE, example))


def _add_upcoming(rows: EvidenceRows, e: EvidenceView, chosen: EvidenceChoices) -> None:
    """Add the update after this one: horizon, batch, pins, exclusions and standing hints."""
    begins = e.step if e.editable else e.step + 1
    rows.add(((f"from step {begins} on" if e.step else "from the first step on", "title"),))
    if e.design:
        _add_plans(rows, e, chosen)
    others = [
        pair
        for pair in e.staged
        if not pair.startswith(("horizon.kind=", "horizon.steps=", "batch.size=", "exclude."))
    ]
    for pair in others:
        rows.add_labelled("set", pair)
    for example in chosen.pinned:
        rows.add_labelled("pinned", f"{example} in every batch", about=(EXAMPLE, example))
    for example, reason in e.excluded.items():
        rows.add_labelled("left out", f"{example} for good: {reason}", about=(EXCLUDED, example))
    for hint in e.standing_hints:
        rows.add_labelled("standing", _join_lines(hint), about=(STANDING, hint))
    for hint in e.hints:
        rows.add_labelled("hint", _join_lines(hint))


def _add_plans(rows: EvidenceRows, e: EvidenceView, chosen: EvidenceChoices) -> None:
    """Add horizon and batch: their values now, staged values, and when those take effect."""
    current, pending = build_plan(e.design), build_plan(e.design, e.staged)
    plan = chosen.plan or pending
    _add_planned(rows, "horizon", current, plan, lambda p: format_horizon(p.kind, p.steps))
    sampling = (e.design.get("batch") or {}).get("sampling", "")
    how = f", {sampling}" if sampling else ""
    _add_planned(
        rows, "batch", current, plan, lambda p: f"{p.size} rollout{'' if p.size == 1 else 's'}{how}"
    )
    if chosen.plan is not None:
        where = " to this step alone" if e.editable else ""
        rows.add_labelled("", f"Enter applies this{where}, Esc drops it", "warn")
    elif plan != current:
        rows.add_labelled(
            "",
            "for this step alone" if e.editable else "waits for the next step, which commits it",
            "dim",
        )


def _add_planned(
    rows: EvidenceRows,
    label: str,
    plan_now: UpdatePlan,
    plan: UpdatePlan,
    describe: Callable[[UpdatePlan], str],
) -> None:
    current, planned = describe(plan_now), describe(plan)
    if current == planned:
        rows.add_labelled(label, current)
    else:
        rows.add_labelled(label, f"{planned}, until now {current}", "strong")


def _join_lines(text: str) -> str:
    return " ".join(text.split())


def _measure_names(parts: Sequence[Data]) -> int:
    return max((len(format_part_name(part)) for part in parts), default=0)


def format_part_name(part: Data) -> str:
    """The example, and its repeat unless that is the first."""
    return f"{part['example']}{'#' + str(part['repeat']) if part.get('repeat') else ''}"


def format_part(
    part: Data, box: str, off: bool = False, pinned: bool = False, longest: int = 0
) -> Line:
    """A rollout: score, tokens, steps shown, values cut."""
    status = str(part.get("status", "ok"))
    score = formatters.format_score(part.get("score")) if status == "ok" else status
    pieces: list[tuple[str, str]] = [
        (box, "strong"),
        (f"{format_part_name(part):<{min(longest, 24)}} ", "dim" if off else ""),
        (f"{score:>6}  ", "strong" if status == "ok" else "bad"),
    ]
    if part.get("tokens"):
        pieces.append((f"{formatters.format_tokens(part['tokens']):>5} tok  ", "number"))
    if part.get("steps"):
        pieces.append(
            (f"{format_shown_steps(part.get('shown') or (), int(part['steps']))}  ", "gutter")
        )
    if pinned:
        pieces.append(("pinned  ", "scope"))
    if part.get("cut"):
        pieces.append((f"{SYMBOLS.dots} {part['cut']} cut  ", "warn"))
    if part.get("cached"):
        pieces.append(("cached", "gutter"))
    return tuple((text, f"{look} dim") for text, look in pieces) if off else tuple(pieces)


def format_shown_steps(shown: Sequence[Sequence[int]], steps: int) -> str:
    """`steps 0-399 of 812`, `all 120 steps`, or `none of 812 steps`."""
    if not shown:
        return f"none of {steps} steps"
    if [list(r) for r in shown] == [[0, steps - 1]]:
        return f"all {steps} steps"
    some = ", ".join(f"{first}-{last}" for first, last in shown[:3])
    return f"steps {some}{f' and {len(shown) - 3} more' if len(shown) > 3 else ''} of {steps}"


def _add_horizon(rows: EvidenceRows, sent: Data) -> None:
    """Add the horizon; a warning marks scores of more steps than were shown."""
    horizon, covers = sent.get("horizon") or {}, sent.get("covers") or {}
    if kind := str(horizon.get("kind", "")):
        template = f", {sent['learning']}" if sent.get("learning") else ""
        rows.add_labelled(
            "horizon", format_horizon(kind, horizon.get("steps")) + template, "strong"
        )
    if covers:
        differ = covers.get("trace") != covers.get("score")
        rows.add_labelled("shown", _format_covered(covers.get("trace")))
        rows.add_labelled("scored", _format_covered(covers.get("score")), "warn" if differ else "")
    if sent.get("mean") is not None:
        rows.add_labelled("mean", formatters.format_score(sent["mean"]))
    if sent.get("dropped"):
        rows.add_labelled("without", ", ".join(str(name) for name in sent["dropped"]), "warn")


def _format_covered(value: Any) -> str:
    return (
        f"{value} steps"
        if isinstance(value, int)
        else str(value)
        if value is not None
        else "unknown"
    )


def _add_sections(rows: EvidenceRows, sent: Data) -> None:
    """Add the prompt's sections with their tokens; cuts are marked."""
    for section in sent.get("sections", ()):
        cut = section.get("cut") or section.get("cuts")
        name, tokens = (
            section.get("name", "?"),
            formatters.format_tokens(section.get("tokens") or 0),
        )
        mark: Line = ((f"  {SYMBOLS.dots} cut: {cut}", "warn"),) if cut else ()
        rows.add(((f"{name!s:<20} ", ""), (f"{tokens:>6} tok", "number"), *mark))
    if total := sent.get("whole") or sent.get("tokens"):
        budget = (
            f" of {formatters.format_tokens(sent['budget'])}"
            if sent.get("budget") and not sent.get("whole")
            else ""
        )
        about = "  (estimated)" if sent.get("estimated") else ""
        rows.add(
            (
                (f"{'all':<20} ", "strong"),
                (f"{formatters.format_tokens(total):>6} tok{budget}{about}", "number"),
            )
        )


def format_title(e: EvidenceView, is_next: bool) -> str:
    """State of the waiting prompt on the tab of what comes next, else tokens against the budget."""
    sent = e.sent or {}
    if is_next and e.editable:
        return "waits to be sent, edited by you" if e.edited else "waits to be sent"
    if not sent.get("tokens"):
        return f"step {e.step}" if e.step else ""
    about = "~" if sent.get("estimated") else ""
    budget = f"/{formatters.format_tokens(sent['budget'])}" if sent.get("budget") else ""
    return f"{about}{formatters.format_tokens(sent['tokens'])}{budget} tok"
