"""The journal as the loop writes it: events become durable in order, and the progress follows them.

What is said within HOLD seconds is one transaction. `flush` ends it sooner: before anything is committed to git, after a
reply has come, and before a command is answered. Nobody sees an event that is not durable, nor one that names an
artifact before that is: `before` sees to it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from genopt_tui.session.journal import Event, Journal
from genopt_tui.session.progress import Progress, advance, latest

HOLD = 0.05  # seconds; faces look as often
TOLD = {"decision_wanted", "run_finished"}


class Book:
    """A journal and the progress folded from it. The progress is never changed but by an event."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.tell: Callable[[Event], None] = lambda event: None
        """Called with every event once all that was said up to it is durable and the progress holds it; only for kinds in `TOLD`."""
        self.before: Callable[[], None] = lambda: None
        """Called before anything becomes durable here."""
        self._group: AbstractContextManager[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.progress, _ = latest(journal)
        self._fresh: list[Event] = []
        journal.listener = self._fresh.append

    @property
    def p(self) -> Progress:
        return self.progress

    @property
    def step(self) -> int:
        return self.progress.step

    def say(self, kind: str, /, *, step: int | None = None, **data: Any) -> Event:
        """Append an event of the step in flight (or of `step`; 0 belongs to none)."""
        self.together()
        event = self.journal.event(self.progress.step if step is None else step, kind, **data)
        self.sync()
        return event

    def together(self) -> None:
        """Let what is written from now on become durable in one go, soon."""
        if self._group is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self.before()  # nobody waits in plain code: each event is a transaction
        self._group = self.journal.together()
        self._group.__enter__()
        self._timer = loop.call_later(HOLD, self.flush)

    def flush(self) -> None:
        """Make durable what was said so far."""
        if self._timer is not None:
            self._timer.cancel()  # else it would cut short the group after this one
            self._timer = None
        if self._group is not None:
            self.before()
            group, self._group = self._group, None
            group.__exit__(None, None, None)

    def close(self) -> None:
        """End the journal's connection; all that was said is durable then."""
        self.flush()
        self.journal.close()

    def sync(self) -> None:
        """Take in what was written since: events also come along with replies and rollouts. Nobody else writes any."""
        while self._fresh:
            event = self._fresh.pop(0)
            self.progress = advance(self.progress, event)
            if event.kind in TOLD:
                self.flush()
                self.tell(event)

    def ended_steps(self, since: int) -> int:
        """How many steps ended after the event `since`."""
        return self.journal.count("step_ended", since)
