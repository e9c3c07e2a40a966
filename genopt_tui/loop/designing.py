"""Changed design choices become a version of their own, committed once when the next step begins."""

from genopt_tui.config import DesignChoices, to_toml
from genopt_tui.loop.changes import changed
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.records import figures
from genopt_tui.session.journal import now
from genopt_tui.session.person import said
from genopt_tui.session.record import Decided, Record


def commit_design(desk: Desk, step: int) -> None:
    """Commit the design choices that were changed since the last step, once, as of step `step`."""
    staged = said(desk.book.journal, step).staged
    if not staged:
        return
    base = desk.repository.head()
    old = desk.choices(base)
    new = changed(old, staged, desk)
    if new != old:
        _commit_choices(desk, base, step, new, staged)
    desk.book.say("design_committed", step=0, pairs=staged)


def _commit_choices(desk: Desk, base: str, step: int, new: DesignChoices, pairs: list[str]) -> None:
    subject = f"design: {', '.join(pairs)}"
    record = Record(
        step=step,
        at=now(),
        base=base,
        branch=desk.repository.active(),
        task=str(new.task.get("name", "")),
        direction=desk.task(new).task.direction,
        decision=Decided(decision="design", by="person"),
    )
    tree = desk.repository.tree(base)
    version = desk.repository.commit(
        base=base, tree=tree, record=record, subject=subject, body="", model="", choices_text=to_toml(new)
    )
    desk.book.say(
        "committed",
        step=step,
        candidate=0,
        version=version,
        tree=tree,
        branch=desk.repository.active(),
        subject=f"step {step}: {subject}",
        **figures(record),
    )
