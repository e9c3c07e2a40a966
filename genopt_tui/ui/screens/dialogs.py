"""Dialogs in the middle of the screen. Each returns a value; Escape returns None."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from genopt_tui.ui.widgets.bars import KeyHints
from genopt_tui.ui.widgets.safe_text import PlainText

Result = TypeVar("Result")
CONFIRM_KEYS = "Enter confirm  Esc cancel"


class Dialog(ModalScreen[Result], Generic[Result]):
    """A framed question; its last line shows the keys."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 50%; }
    Dialog > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 90%; padding: 0 1;
        border: round $accent; background: $surface;
    }
    Dialog .title { text-style: bold; }
    Dialog .keys { color: $text-muted; }
    Dialog Input, Dialog Input:focus { border: none; height: 1; padding: 0; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+q,ctrl+c", "cancel", "cancel", show=False, priority=True)
    ]

    def __init__(self, title: str, keys: str) -> None:
        super().__init__()
        self._title, self._keys = title, keys

    def compose(self) -> ComposeResult:
        with Vertical():
            yield PlainText(self._title, classes="title")
            yield from self.compose_body()
            yield KeyHints(self._keys, classes="keys")

    def compose_body(self) -> ComposeResult:
        raise NotImplementedError

    def action_cancel(self) -> None:
        self.dismiss(None)


class TextDialog(Dialog[str]):
    """Asks for one line of text."""

    def __init__(
        self,
        title: str,
        keys: str = CONFIRM_KEYS,
        placeholder: str = "",
        value: str = "",
    ) -> None:
        super().__init__(title, keys)
        self._placeholder, self._value = placeholder, value

    def compose_body(self) -> ComposeResult:
        yield Input(self._value, placeholder=self._placeholder)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint for the model: sent with every update (`always`) until removed, else with the next
    one."""

    text: str
    always: bool


class HintDialog(Dialog[Hint]):
    """Asks for a hint for the next update, or for a standing one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "switch", show=False, priority=True)]

    def __init__(self) -> None:
        super().__init__(
            "Hint for the model", "Enter send  Tab next update or every update  Esc cancel"
        )
        self._always = False

    def compose_body(self) -> ComposeResult:
        yield Input(placeholder="What should it know or try?")
        yield PlainText(self._format_when(), id="when")

    def _format_when(self) -> str:
        return (
            "[x] standing: sent with every update"
            if self._always
            else "[ ] standing: sent with the next update only"
        )

    def action_switch(self) -> None:
        self._always = not self._always
        self.query_one("#when", PlainText).show(self._format_when())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        self.dismiss(Hint(text, self._always) if text else None)


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice: its key, the value it returns, its label."""

    key: str
    value: str
    label: str


class ChoiceDialog(Dialog[str]):
    """Asks for one of a few choices, by its key, by moving and Enter, or by a click."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("enter", "take", show=False),
    ]

    def __init__(
        self, title: str, choices: Sequence[Choice], selected: str = "", intro: str = ""
    ) -> None:
        super().__init__(title, CONFIRM_KEYS)
        self.choices, self._intro = choices, intro
        self._selected_index = next(
            (i for i, choice in enumerate(choices) if choice.value == selected), 0
        )

    def compose_body(self) -> ComposeResult:
        if self._intro:
            yield PlainText(self._intro)
        for index in range(len(self.choices)):
            yield PlainText(self._format_choice(index), classes="choice", id=f"choice-{index}")

    def _format_choice(self, index: int) -> str:
        choice = self.choices[index]
        return f"{'>' if index == self._selected_index else ' '} {choice.key}  {choice.label}"

    def action_move(self, by: int) -> None:
        self._selected_index = (self._selected_index + by) % len(self.choices)
        for index in range(len(self.choices)):
            self.query_one(f"#choice-{index}", PlainText).show(self._format_choice(index))

    def action_take(self) -> None:
        self.dismiss(self.choices[self._selected_index].value)

    def on_key(self, event: events.Key) -> None:
        choice = next(
            (c for c in self.choices if event.character and c.key == event.character), None
        )
        if choice:
            event.stop()
            self.dismiss(choice.value)

    def on_click(self, event: events.Click) -> None:
        if event.widget is not None and (name := event.widget.id or "").startswith("choice-"):
            self.dismiss(self.choices[int(name.removeprefix("choice-"))].value)


MODES = (
    Choice("s", "step", "step  you decide before a prompt is sent, and on its edit"),
    Choice("a", "ask", "ask   you decide on every edit"),
    Choice("o", "auto", "auto  the gate decides; undecided edits are kept for you"),
)


def choose_mode(mode: str) -> ChoiceDialog:
    """The chooser of the mode. No key cycles through modes, so none is entered by accident."""
    return ChoiceDialog("Who decides?", MODES, mode)


def ask_leave(mode: str, waits: str = "", *, paused: bool = False) -> ChoiceDialog:
    """Ask what the run does after the application is closed.

    `waits` names what waits for a decision that only the user makes.
    """
    until = "" if mode == "auto" else " until the next decision"
    keep = f"keep {waits} waiting for you" if waits else f"keep running{until}"
    auto = f"once you have decided on {waits}" if waits else "until the budget is spent"
    again = "go on, " if paused else ""
    return ChoiceDialog(
        "Leave?",
        (
            Choice("p", "pause", "leave it paused" if paused else "pause after the current phase"),
            Choice("r", "keep", again + keep),
            Choice("o", "auto", f"{again or 'on '}in mode auto {auto}"),
        ),
    )


def confirm(title: str, effect: str, yes: str) -> ChoiceDialog:
    """Ask for confirmation; `effect` says what will happen."""
    return ChoiceDialog(title, (Choice("y", "yes", yes), Choice("n", "", "no")), intro=effect)


def ask_exclusion_reason(app: App[None], example: str, exclude: Callable[[str], None]) -> None:
    """Ask for the reason to exclude an example for good, then exclude it; nothing without a
    reason."""

    def answer(reason: str | None) -> None:
        if reason:
            exclude(reason)
        elif reason is not None:
            app.notify(
                f"{example} stays: excluding it for good takes a reason", markup=False, timeout=4
            )

    app.push_screen(TextDialog(f"Why exclude {example} for good? The reason is recorded"), answer)
