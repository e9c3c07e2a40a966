"""The journal as the runner writes it: events become durable in order, and the progress follows
them.

Events within GROUP_SECONDS are one transaction. `flush` ends it sooner: before anything is
committed to git, after a reply has come, and before a command is answered. Nobody sees an event
that is not durable. An event that names an artifact becomes visible only after the artifact is
durable: `before_commit` writes it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from genopt_tui.session.journal import Event, Journal
from genopt_tui.session.journal.database import Transaction
from genopt_tui.session.progress import Progress, advance, load_progress

GROUP_SECONDS = 0.05  # seconds; faces look as often
NOTIFIED_KINDS = {"decision_wanted", "run_finished"}


class EventLog:
    """A journal and the progress folded from it. The progress is never changed but by an event."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.notify: Callable[[Event], None] = lambda event: None
        """Called with every event of NOTIFIED_KINDS once it is durable and applied to the progress."""
        self.before_commit: Callable[[], None] = lambda: None
        """Called before anything becomes durable here."""
        self._group: Transaction | None = None
        self._failure: BaseException | None = None
        """Why events of this log could not become durable: `progress` is then ahead of the
        journal, and nothing more is appended."""
        self._timer: asyncio.TimerHandle | None = None
        self.progress, _ = load_progress(journal)
        self._unapplied: list[Event] = []
        journal.events.listener = self._unapplied.append

    @property
    def p(self) -> Progress:
        return self.progress

    @property
    def step(self) -> int:
        return self.progress.step

    def append(self, kind: str, /, *, step: int | None = None, **data: Any) -> Event:
        """Append an event of the step in flight (or of `step`; 0 belongs to none)."""
        self.group_commit()
        event = self.journal.append_event(
            self.progress.step if step is None else step, kind, **data
        )
        self.sync()
        return event

    def group_commit(self) -> None:
        """Let what is written from now on become durable in one go, soon."""
        if self._failure is not None:
            raise self._failure
        if self._group is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self.before_commit()  # nobody waits in plain code: each event is a transaction
        self._group = self.journal.group_commit()
        self._group.__enter__()
        self._timer = loop.call_later(GROUP_SECONDS, self.flush)

    def flush(self) -> None:
        """Make durable what was appended so far.

        When `before_commit` raises, the events since the last flush are rolled back, so that
        clients can write, and this and every later call raises the same error: the runner ends, and
        the next one continues from what is durable.
        """
        if self._failure is not None:
            raise self._failure
        if self._timer is not None:
            self._timer.cancel()  # else it would cut short the group after this one
            self._timer = None
        if self._group is not None:
            group, self._group = self._group, None
            try:
                self.before_commit()
            except BaseException as error:
                self._failure = error
                group.roll_back()
                raise
            group.__exit__(None, None, None)

    def close(self) -> None:
        """End the journal's connection; all that was said is durable then."""
        try:
            self.flush()
        finally:
            self.journal.close()

    def sync(self) -> None:
        """Take in what was written since: events also come along with replies and rollouts. Nobody
        else writes any."""
        while self._unapplied:
            event = self._unapplied.pop(0)
            self.progress = advance(self.progress, event)
            if event.kind in NOTIFIED_KINDS:
                self.flush()
                self.notify(event)

    def count_ended_steps(self, since: int) -> int:
        """How many steps ended after the event `since`."""
        return self.journal.count_events("step_ended", since)
