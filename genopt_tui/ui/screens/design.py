"""`d` and F3: design choices and session settings as forms, whose changes are applied together."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from genopt_tui.errors import GenoptError
from genopt_tui.session.commands import SetOptions
from genopt_tui.ui.screens.dialogs import Choice, ChoiceDialog, TextDialog
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.settings_form import SettingField, format_value, list_fields
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.widgets.line_source import Line

if TYPE_CHECKING:
    from genopt_tui.ui.state.store import Store

NARROW_WIDTH = 110


class FormScreen(TabbedScreen):
    """A form; subclasses read and check its fields."""

    KEYS = "Enter change  s apply changes  x undo change  / search  Esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "apply", show=False),
        Binding("x", "forget", show=False),
    ]

    def __init__(self, title: str, snapshot: Snapshot, store: "Store") -> None:
        super().__init__(title)
        self._session, self._store = Path(snapshot.session.path), store
        self.fields: list[SettingField] = []
        self.staged: dict[str, str] = {}

    def read(self) -> tuple[str, Sequence[Page]]:
        self.fields = self.read_fields()
        return self._format_status(), [self._build_page()]

    def read_fields(self) -> list[SettingField]:
        raise NotImplementedError

    def check(self, key: str, value: str) -> str:
        """Why `value` is invalid; empty if it is valid."""
        raise NotImplementedError

    def _build_page(self) -> Page:
        lines: list[Line] = []
        opens: dict[int, object] = {}
        narrow, group = self.app.size.width < NARROW_WIDTH, None
        for field in self.fields:
            if field.group != group and lines:
                lines.append(())
            group = field.group
            opens[len(lines)] = field
            lines.append(self._format_field(field, narrow))
        return Page("all", lines, opens)

    def _format_field(self, field: SettingField, narrow: bool) -> Line:
        staged = self.staged.get(field.key)
        value = field.value if staged is None else f"{field.value or '-'} -> {staged or '-'}"
        style = (
            "changed" if staged is not None else "strong" if field.value != field.default else ""
        )
        description = "" if narrow else field.help
        return (
            (f"{field.key:<24} ", "gutter"),
            (f"{value or '-':<24} ", style),
            (description, "dim"),
        )

    def _format_status(self) -> str:
        if self.staged:
            return f"{len(self.staged)} changed: s applies all, Esc discards all"
        return "Enter changes a value"

    def _redraw(self) -> None:
        cursor = self.view.cursor
        self.show(self._format_status(), [self._build_page()])
        self.view.go_to_line(cursor)

    @property
    def field(self) -> SettingField | None:
        """The field under the cursor."""
        target = self.pages[self.page].targets.get(self.view.cursor) if self.pages else None
        return target if isinstance(target, SettingField) else None

    def open_target(self, thing: object) -> None:
        """Ask for another value of a field."""
        if not isinstance(thing, SettingField):
            return

        def take(value: str | None) -> None:
            if value is not None:
                self.stage(thing, value)

        current = self.staged.get(thing.key, thing.value)
        title = f"{thing.key}: {thing.help}" if thing.help else thing.key
        if thing.choices:
            lines = [Choice(str(i), value, value) for i, value in enumerate(thing.choices, 1)]
            self.app.push_screen(ChoiceDialog(title, lines, current), take)
        else:
            self.app.push_screen(TextDialog(title, "Enter stage  Esc cancel", value=current), take)

    def stage(self, field: SettingField, value: str) -> None:
        """Stage a value, or show why it is invalid."""
        if value == field.value:
            self.staged.pop(field.key, None)
        elif why := self.check(field.key, value):
            self.app.notify(why, severity="error", markup=False)
        else:
            self.staged[field.key] = value
        self._redraw()

    def action_forget(self) -> None:
        if self.field is not None:
            self.staged.pop(self.field.key, None)
            self._redraw()

    def action_apply(self) -> None:
        """Send all staged changes as one command."""
        if not self.staged:
            self.app.notify("nothing was changed", markup=False)
            return
        pairs = tuple(f"{key}={value}" for key, value in self.staged.items())
        self._store.send_command(SetOptions(pairs=pairs))
        self.dismiss(None)


class DesignScreen(FormScreen):
    """Choices that shape learning; changes become one commit with the next step."""

    def __init__(self, snapshot: Snapshot, store: "Store") -> None:
        super().__init__(
            f"Design choices of {snapshot.session.name}: what shapes learning", snapshot, store
        )
        self._choices: object = None

    def read_fields(self) -> list[SettingField]:
        from genopt_tui.session.history.repository import Repository
        from genopt_tui.session.travel import load_session_task

        with Repository.open(self._session) as repository:
            choices = repository.read_choices(repository.head())
        self._choices = choices
        task = load_session_task(self._session, str(choices.task["name"])).task
        resolved = task.resolve_settings(choices.task)
        task_fields = [
            SettingField(
                f"task.{name}",
                format_value(resolved.get(name, setting.default)),
                setting.help,
                tuple(format_value(c) for c in setting.choices)
                or (("true", "false") if setting.type == "bool" else ()),
                "task",
                format_value(setting.default),
            )
            for name, setting in task.settings.items()
        ]
        self._task_model = task
        return [field for field in list_fields(choices) if field.key != "start"] + task_fields

    def check(self, key: str, value: str) -> str:
        from genopt_tui.config import DesignChoices, SessionSettings, assign

        assert isinstance(self._choices, DesignChoices)
        changed = self._choices.model_copy(deep=True)
        try:
            assign(changed, SessionSettings(), [f"{key}={value}"], self._task_model.settings)
            self._task_model.resolve_settings(changed.task)
        except GenoptError as error:
            return str(error)
        return ""


class SettingsScreen(FormScreen):
    """Settings of the session that are not part of its history."""

    def __init__(self, snapshot: Snapshot, store: "Store") -> None:
        super().__init__(
            f"Settings of {snapshot.session.name}: outside its history", snapshot, store
        )

    def read_fields(self) -> list[SettingField]:
        from genopt_tui.config import SessionSettings

        self._settings = SessionSettings.load(self._session)
        return list_fields(self._settings)

    def check(self, key: str, value: str) -> str:
        from genopt_tui.config import DesignChoices, assign

        try:
            assign(DesignChoices(), self._settings.model_copy(deep=True), [f"{key}={value}"])
        except GenoptError as error:
            return str(error)
        return ""
