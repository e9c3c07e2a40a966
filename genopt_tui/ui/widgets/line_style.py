"""Styles of lines: the component classes of a view of lines, and their colours in each theme.

The colours of an ANSI theme cannot be mixed, so its rules use plain colours and reverse video
where the others tint the background.
"""

from rich.style import Style
from textual.scroll_view import ScrollView
from textual.theme import Theme

LINE_CSS = """
LineView {
    background: $surface; color: $foreground;
    overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
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
    """A view whose component styles depend on the theme alone.

    Textual works all of them out again at every change of focus in their pane, which took 25 ms.
    """

    _theme: Theme | None = None

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._style_cache: dict[str, Style] = {}

    def _get_component_classes(self) -> frozenset[str]:  # type: ignore[override]
        """Component classes to style now: all after a change of the theme, else none."""
        if self._component_styles and self._theme is self.app.current_theme:
            return frozenset()
        self._theme = self.app.current_theme
        return super()._get_component_classes()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._style_cache.clear()

    def get_line_style(self, names: str) -> Style:
        """The view's own style with those of the named parts of a line over it, in that order."""
        style = self._style_cache.get(names)
        if style is None:
            style = self.rich_style
            for name in names.split():
                style += self._get_own_style(f"line--{name}")
            self._style_cache[names] = style
        return style

    def _get_own_style(self, component: str) -> Style:
        """What a component class sets itself, without what it inherits."""
        full, rules = self.get_component_rich_style(component), self.get_component_styles(component)
        text = rules.text_style if rules.has_rule("text_style") else Style.null()
        color = full.color if rules.has_rule("color") else None
        background = full.bgcolor if rules.has_rule("background") else None
        return Style(color=color, bgcolor=background) + text
