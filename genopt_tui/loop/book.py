"""The journal as the loop writes it: every event is durable, and the progress follows it."""

from typing import Any

from genopt_tui.session.journal import Event, Journal
from genopt_tui.session.progress import Progress, advance, latest


class Book:
    """A journal and the progress folded from it. The progress is never changed but by an event."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.progress, self._last = latest(journal)

    @property
    def p(self) -> Progress:
        return self.progress

    @property
    def step(self) -> int:
        return self.progress.step

    def say(self, kind: str, /, *, step: int | None = None, **data: Any) -> Event:
        """Append an event of the step in flight (or of `step`; 0 belongs to none)."""
        event = self.journal.event(self.progress.step if step is None else step, kind, **data)
        self.sync()
        return event

    def sync(self) -> None:
        """Take in events that were written along with replies and rollouts."""
        for event in self.journal.events(self._last):
            self.progress = advance(self.progress, event)
            self._last = event.id

    def ended_steps(self, since: int) -> int:
        """How many steps ended after the event `since`."""
        return len(self.journal.events(since, kinds=["step_ended"]))
