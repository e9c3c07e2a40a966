"""Where a live run stood when a person left it, so that coming back can tell what it did alone."""

from datetime import datetime
from typing import Any

from genopt_tui.ui.preferences import Preferences
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.state.store import Store


def remember_departure(preferences: Preferences, snapshot: Snapshot, store: Store) -> None:
    """Note time, newest event and mode; nothing where no run goes on."""
    departures, path = preferences.left, snapshot.session.path
    departures.pop(path, None)
    if snapshot.alive:
        departures[path] = {
            "at": datetime.now().astimezone().isoformat(timespec="seconds"),
            "event": store.last_event_id,
            "mode": snapshot.session.mode,
        }


def take_departure(
    preferences: Preferences, snapshot: Snapshot, store: Store
) -> dict[str, Any] | None:
    """What was noted, once; None where no step has ended since."""
    departure = preferences.left.pop(snapshot.session.path, None)
    if departure is None or not store.has_step_ended_since(int(departure["event"])):
        return None
    return departure
