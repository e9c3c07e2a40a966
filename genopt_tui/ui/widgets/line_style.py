"""The looks of lines: the component classes of a view of lines, and what the themes make of them.

The terminal's own colours cannot be mixed: where others are a tint of the background, those mark by
colour and reversal.

Views with looks of their own for the parts of a line, worked out once for a theme.
"""

from textual.scroll_view import ScrollView
from textual.theme import Theme

LINE_CSS = """
LineView {
    background: $surface; color: $foreground; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
    & > .line--match { background: $warning; color: $background; text-style: bold; }
    & > .line--gutter { color: $foreground 45%; }
    & > .line--dim { color: $foreground 50%; text-style: dim; }
    & > .line--strong { text-style: bold; }
    & > .line--title { color: $text-primary; text-style: bold; }
    & > .line--added { background: $success 15%; }
    & > .line--removed { background: $error 15%; }
    & > .line--added-word { background: $success 45%; text-style: bold; }
    & > .line--removed-word { background: $error 45%; text-style: bold; }
    & > .line--hunk { color: $text-accent; background: $panel; }
    & > .line--off { color: $foreground 40%; background: $surface; text-style: dim strike; }
    & > .line--scope { color: $text-accent; }
    & > .line--changed { color: $text-warning; text-style: bold; }
    & > .line--good { color: $text-success; text-style: bold; }
    & > .line--bad { color: $text-error; text-style: bold; }
    & > .line--warn { color: $text-warning; }
    & > .line--keyword { color: $text-accent; text-style: bold; }
    & > .line--string { color: $text-success; }
    & > .line--number { color: $text-warning; }
    & > .line--comment { color: $foreground 55%; text-style: italic; }
    & > .line--name { color: $text-primary; text-style: bold; }
    & > .line--builtin { color: $text-secondary; }
    & > .line--operator { color: $foreground 80%; }
    & > .line--code { color: $text-warning; }
    & > .line--self { text-style: italic; }
    & > .line--quote { color: $foreground 65%; text-style: italic; }
    & > .line--cursor { background: $primary 30%; }
}
LineView:ansi {
    & > .line--gutter, & > .line--comment { color: ansi_bright_black; }
    & > .line--added { background: ansi_default; color: $success; }
    & > .line--removed { background: ansi_default; color: $error; }
    & > .line--added-word { background: ansi_default; color: $success; text-style: bold underline; }
    & > .line--removed-word { background: ansi_default; color: $error; text-style: bold underline; }
    & > .line--match { background: $warning; color: ansi_black; }
    & > .line--cursor { background: ansi_default; text-style: reverse; }
}
"""


class ThemedView(ScrollView):
    """A view whose component classes look the same whatever has the keyboard.

    Textual works the looks of all of them out anew at each change of focus in their pane: that took
    25 ms.
    """

    _theme: Theme | None = None

    def _get_component_classes(self) -> frozenset[str]:  # type: ignore[override]
        """Those whose looks are to be worked out now: all where the theme is another one, else
        none."""
        if self._component_styles and self._theme is self.app.current_theme:
            return frozenset()
        self._theme = self.app.current_theme
        return super()._get_component_classes()
