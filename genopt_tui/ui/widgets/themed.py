"""Views with looks of their own for the parts of a line, worked out once for a theme."""

from textual.scroll_view import ScrollView
from textual.theme import Theme


class ThemedView(ScrollView):
    """A view whose component classes look the same whatever has the keyboard.

    Textual works the looks of all of them out anew at each change of focus in their pane: that took 25 ms.
    """

    _theme: Theme | None = None

    def _get_component_classes(self) -> frozenset[str]:  # type: ignore[override]
        """Those whose looks are to be worked out now: all where the theme is another one, else none."""
        if self._component_styles and self._theme is self.app.current_theme:
            return frozenset()
        self._theme = self.app.current_theme
        return super()._get_component_classes()
