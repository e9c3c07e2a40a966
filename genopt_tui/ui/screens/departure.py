"""Where a live run was when the user left, so that the next visit can show what it did since."""

from datetime import datetime
from typing import Any

from genopt_tui.ui.preferences import Preferences
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.state.store import Store


def remember_departure(preferences: Preferences, snapshot: Snapshot, store: Store) -> None:
    """Remember time, newest event and mode, if a run is going on."""
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
    """What was remembered, once; None if no step has ended since."""
    departure = preferences.left.pop(snapshot.session.path, None)
    if departure is None or not store.has_step_ended_since(int(departure["event"])):
        return None
    return departure
