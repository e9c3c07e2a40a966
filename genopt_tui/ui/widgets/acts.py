"""The methods that views and panes offer to the table of actions."""

from collections.abc import Callable, Mapping

Acts = Mapping[str, Callable[[], None]]
"""The method for each name of an action (`pane_act` in the table)."""
