"""A pane around a view of lines; the view carries out the acts that the pane lacks."""

from genopt_tui.ui.messages import PaneChanged
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.line_view import LineView


class LinePane(Pane):
    """`view` is the view that takes the keys."""

    view: LineView

    def act(self, name: str) -> None:
        method = self.acts.get(name)
        (method or self.view.acts[name])()

    def why_not(self, name: str) -> str:
        if name == "search":
            return ""
        if name in {"find_next", "find_prev"} and not self.view.needle:
            return "search for something first (/)"
        if name in {"shorter", "longer"}:
            return ""
        return "" if name in self.view.acts else super().why_not(name)

    @property
    def acts(self) -> Acts:
        return {
            "shorter": self.act_shorter,
            "longer": self.act_longer,
        }

    def act_shorter(self) -> None:
        self.view.act_top()

    def act_longer(self) -> None:
        self.view.act_bottom()

    def search(self, text: str) -> None:
        """Highlight `text` and go to the next match."""
        self.view.search(text)

    def leave_mode(self) -> bool:
        if self.view.needle:
            self.view.search("")
            return True
        return False

    def focus_inside(self) -> None:
        self.view.focus()

    def on_line_view_pressed(self, event: LineView.Pressed) -> None:
        """Toggle the line on a click on its check box, open it on a double click."""
        act = "toggle" if event.on_box else "open" if event.times == 2 else ""
        if act and not self.why_not(act):
            self.act(act)
            self.post_message(PaneChanged())

    def on_line_view_no_match(self, event: LineView.NoMatch) -> None:
        self.app.notify(f"'{event.needle}' not found", markup=False, timeout=3)


def pluralize(number: int, noun: str) -> str:
    """`1 hunk`, `2 hunks`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
