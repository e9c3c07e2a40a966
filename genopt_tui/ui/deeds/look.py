"""Moving about, and what belongs to the application rather than to the loop."""

from genopt_tui.ui.deeds.base import Deeds
from genopt_tui.ui.screens import dialogs


class LookDeeds(Deeds):
    """Panes, zoom, search, palette, theme, help, log, settings, Esc."""

    def do_next_pane(self) -> None:
        self.screen.go_to_pane(self.screen.active % 5 + 1)

    def do_previous_pane(self) -> None:
        self.screen.go_to_pane((self.screen.active - 2) % 5 + 1)

    def do_zoom(self) -> None:
        self.screen.zoom()

    def do_search(self) -> None:
        pane = self.screen.focused_pane

        def find(text: str | None) -> None:
            if text and pane is not None:
                pane.search(text)

        keys = "Enter searches  n N next, previous  Esc leaves"
        self.screen.app.push_screen(dialogs.AskText("Search in this pane", keys), find)

    def do_palette(self) -> None:
        from textual.command import CommandPalette

        self.screen.app.push_screen(CommandPalette())

    def do_theme(self) -> None:
        self.screen.app.action_change_theme()

    def do_help(self) -> None:
        from genopt_tui.ui.screens.help import HelpScreen

        self.screen.app.push_screen(HelpScreen(self.screen.context()))

    def do_log(self) -> None:
        from genopt_tui.ui.screens.log import LogScreen

        self.screen.app.push_screen(LogScreen(self.snapshot))

    def do_design(self) -> None:
        from genopt_tui.ui.screens.design import DesignScreen

        self.screen.app.push_screen(DesignScreen(self.snapshot, self.screen.store))

    def do_settings(self) -> None:
        from genopt_tui.ui.screens.design import SettingsScreen

        self.screen.app.push_screen(SettingsScreen(self.snapshot, self.screen.store))

    def do_put_aside(self) -> None:
        self.screen.app.action_suspend_process()

    def do_back(self) -> None:
        """Leave the innermost passing state: the pane's own, the look at an older version, the zoom, work beside the steps."""
        pane = self.screen.focused_pane
        if pane is not None and pane.leave():
            return
        if self.snapshot.looking_back:
            self.screen.store.look_at("")
        elif self.screen.zoomed:
            self.screen.zoom()
        elif (aside := self.snapshot.aside) is not None:
            what = "What has run is kept: asked for again, it goes on from there."
            self.ask(dialogs.confirm("End what is under way?", what, "end it"), "drop", token=aside.token)
