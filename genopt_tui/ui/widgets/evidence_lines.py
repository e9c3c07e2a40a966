"""Evidence in rows: what the model was shown, what it will be shown next, and which row is about what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genopt_tui.ui import words
from genopt_tui.ui.snapshot import EvidenceView
from genopt_tui.ui.widgets.fit import wrapped
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.staging import Plan, horizon_words, plan_of

Data = Mapping[str, Any]
EXAMPLE, EXCLUDED, STANDING = "example", "excluded", "standing"


@dataclass
class Rows:
    """Lines of at most `width` cells; `about` says what a row stands for: its kind and the example or text."""

    width: int
    lines: list[Line] = field(default_factory=list)
    about: dict[int, tuple[str, str]] = field(default_factory=dict)

    def add(self, line: Line, about: tuple[str, str] | None = None) -> None:
        """One row, as it is."""
        if about is not None:
            self.about[len(self.lines)] = about
        self.lines.append(line)

    def told(self, label: str, text: str, look: str = "", about: tuple[str, str] | None = None) -> None:
        """A label and what is said of it, in as many rows as it takes."""
        for row in wrapped(((f"{label:<9}", "gutter"), (text, look)), self.width, 9):
            self.add(row, about)

    def gap(self) -> None:
        """An empty row between two groups."""
        if self.lines and self.lines[-1]:
            self.lines.append(())


@dataclass(frozen=True)
class Choices:
    """What the person has chosen in this pane: left out of the prompt that waits, pinned, and staged for the next update.

    `back`: an older version is shown, so there is nothing to choose.
    """

    dropped: frozenset[str] = frozenset()
    pinned: tuple[str, ...] = ()
    plan: Plan | None = None
    back: bool = False


def sent_rows(e: EvidenceView, width: int) -> Rows:
    """What the model was shown."""
    rows = Rows(width)
    sent = e.sent
    if sent is None or e.editable:
        rows.add((("nothing was sent for this step yet", "dim"),))
        return rows
    parts: Sequence[Data] = sent.get("parts", ())
    for part in parts:
        rows.add(part_line(part, "", longest=_longest(parts)), (EXAMPLE, str(part["example"])))
    rows.gap()
    _horizon(rows, sent)
    rows.gap()
    _sections(rows, sent)
    return rows


def next_rows(e: EvidenceView, chosen: Choices, width: int) -> Rows:
    """What the next prompt will hold, as far as it is sampled, and what is staged for the update after it."""
    rows = Rows(width)
    if chosen.back:
        rows.told("", "what the next update will see is told of the present alone: Esc goes back to it", "dim")
        return rows
    if e.editable and e.sent:
        _waiting(rows, e.sent, chosen)
    elif e.sent is None and e.batch:
        _rolling(rows, e, chosen.pinned)
    rows.gap()
    _ahead(rows, e, chosen)
    return rows


def _waiting(rows: Rows, sent: Data, chosen: Choices) -> None:
    parts: Sequence[Data] = sent.get("parts", ())
    for part in parts:
        example = str(part["example"])
        off = example in chosen.dropped
        line = part_line(
            part, "[ ] " if off else "[x] ", off=off, pinned=example in chosen.pinned, longest=_longest(parts)
        )
        rows.add(line, (EXAMPLE, example))
    kept = [p for p in parts if str(p["example"]) not in chosen.dropped]
    rows.add(((f"{len(kept)} of {len(parts)} rollouts will be shown; s sends the prompt", "strong"),))
    rows.gap()
    _horizon(rows, sent)


def _rolling(rows: Rows, e: EvidenceView, pinned: Sequence[str]) -> None:
    """The batch while its rollouts run."""
    done = {(str(r["example"]), int(r.get("repeat", 0))): r for r in e.rollouts}
    rows.add(((f"rolling out {len(done)} of {len(e.batch)}", "strong"),))
    longest = max(len(example) for example, _ in e.batch)
    for example, repeat in e.batch:
        row = done.get((example, repeat))
        unknown: Line = ((f"{example:<{longest}} ", "dim"), (MARKS.dots, "dim"))
        line = part_line(row, "", pinned=example in pinned, longest=longest) if row else unknown
        rows.add(line, (EXAMPLE, example))


def _ahead(rows: Rows, e: EvidenceView, chosen: Choices) -> None:
    """The update after this one: horizon and batch as staged, pins, exclusions and hints that stand."""
    begins = e.step if e.editable else e.step + 1
    rows.add(((f"from step {begins} on" if e.step else "from the first step on", "title"),))
    if e.design:
        _plans(rows, e, chosen)
    others = [
        pair for pair in e.staged if not pair.startswith(("horizon.kind=", "horizon.steps=", "batch.size=", "exclude."))
    ]
    for pair in others:
        rows.told("set", pair)
    for example in chosen.pinned:
        rows.told("pinned", f"{example} in every batch", about=(EXAMPLE, example))
    for example, reason in e.excluded.items():
        rows.told("left out", f"{example} for good: {reason}", about=(EXCLUDED, example))
    for hint in e.standing:
        rows.told("standing", _one_line(hint), about=(STANDING, hint))
    for hint in e.hints:
        rows.told("hint", _one_line(hint))


def _plans(rows: Rows, e: EvidenceView, chosen: Choices) -> None:
    """Horizon and batch: as they are, as they will be, and whether that waits for Enter or for the next step."""
    now, kept = plan_of(e.design), plan_of(e.design, e.staged)
    plan = chosen.plan or kept
    _planned(rows, "horizon", now, plan, lambda p: horizon_words(p.kind, p.steps))
    sampling = (e.design.get("batch") or {}).get("sampling", "")
    how = f", {sampling}" if sampling else ""
    _planned(rows, "batch", now, plan, lambda p: f"{p.size} rollout{'' if p.size == 1 else 's'}{how}")
    if chosen.plan is not None:
        where = " to this step alone" if e.editable else ""
        rows.told("", f"Enter applies this{where}, Esc drops it", "warn")
    elif plan != now:
        rows.told("", "for this step alone" if e.editable else "waits for the next step, which commits it", "dim")


def _planned(rows: Rows, label: str, now: Plan, plan: Plan, tell: Callable[[Plan], str]) -> None:
    before, after = tell(now), tell(plan)
    if before == after:
        rows.told(label, before)
    else:
        rows.told(label, f"{after}, until now {before}", "strong")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _longest(parts: Sequence[Data]) -> int:
    return max((len(part_name(part)) for part in parts), default=0)


def part_name(part: Data) -> str:
    """The example, with its repeat where it is not the first."""
    return f"{part['example']}{'#' + str(part['repeat']) if part.get('repeat') else ''}"


def part_line(part: Data, box: str, off: bool = False, pinned: bool = False, longest: int = 0) -> Line:
    """One rollout: score, tokens, which steps are shown, what was cut."""
    status = str(part.get("status", "ok"))
    score = words.score(part.get("score")) if status == "ok" else status
    pieces: list[tuple[str, str]] = [
        (box, "strong"),
        (f"{part_name(part):<{min(longest, 24)}} ", "dim" if off else ""),
        (f"{score:>6}  ", "strong" if status == "ok" else "bad"),
    ]
    if part.get("tokens"):
        pieces.append((f"{words.tokens(part['tokens']):>5} tok  ", "number"))
    if part.get("steps"):
        pieces.append((f"{shown_words(part.get('shown') or (), int(part['steps']))}  ", "gutter"))
    if pinned:
        pieces.append(("pinned  ", "scope"))
    if part.get("cut"):
        pieces.append((f"{MARKS.dots} {part['cut']} cut  ", "warn"))
    if part.get("cached"):
        pieces.append(("cached", "gutter"))
    return tuple((text, f"{look} dim") for text, look in pieces) if off else tuple(pieces)


def shown_words(shown: Sequence[Sequence[int]], steps: int) -> str:
    """`steps 0-399 of 812`, `all 120 steps`, or `none of 812 steps`."""
    if not shown:
        return f"none of {steps} steps"
    if [list(r) for r in shown] == [[0, steps - 1]]:
        return f"all {steps} steps"
    some = ", ".join(f"{first}-{last}" for first, last in shown[:3])
    return f"steps {some}{f' and {len(shown) - 3} more' if len(shown) > 3 else ''} of {steps}"


def _horizon(rows: Rows, sent: Data) -> None:
    """The horizon, and that the score covers more than what is shown."""
    horizon, covers = sent.get("horizon") or {}, sent.get("covers") or {}
    if kind := str(horizon.get("kind", "")):
        learning = f", {sent['learning']}" if sent.get("learning") else ""  # the learning template in force
        rows.told("horizon", horizon_words(kind, horizon.get("steps")) + learning, "strong")
    if covers:
        differ = covers.get("trace") != covers.get("score")
        rows.told("shown", _covered(covers.get("trace")))
        rows.told("scored", _covered(covers.get("score")), "warn" if differ else "")
    if sent.get("mean") is not None:
        rows.told("mean", words.score(sent["mean"]))
    if sent.get("dropped"):
        rows.told("without", ", ".join(str(name) for name in sent["dropped"]), "warn")


def _covered(value: Any) -> str:
    return f"{value} steps" if isinstance(value, int) else str(value) if value is not None else "not told"


def _sections(rows: Rows, sent: Data) -> None:
    """The prompt's sections with their tokens; cuts are marked."""
    for section in sent.get("sections", ()):
        cut = section.get("cut") or section.get("cuts")
        name, tokens = section.get("name", "?"), words.tokens(section.get("tokens") or 0)
        mark: Line = ((f"  {MARKS.dots} cut: {cut}", "warn"),) if cut else ()
        rows.add(((f"{name!s:<20} ", ""), (f"{tokens:>6} tok", "number"), *mark))
    if total := sent.get("whole") or sent.get("tokens"):
        of = f" of {words.tokens(sent['budget'])}" if sent.get("budget") and not sent.get("whole") else ""
        about = "  (estimated)" if sent.get("estimated") else ""
        rows.add(((f"{'all':<20} ", "strong"), (f"{words.tokens(total):>6} tok{of}{about}", "number")))
