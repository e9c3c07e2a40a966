"""`n`: a new session in five steps: task or own files, start, model, design choices, check.

Enter goes on, Esc goes back.
"""

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import ClassVar

from textual.binding import Binding, BindingType

from genopt_tui.errors import GenoptError
from genopt_tui.ui import new_session
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_thread
from genopt_tui.ui.new_session import SessionDraft, SetupOption
from genopt_tui.ui.screens.dialogs import TextDialog
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.services import get_services
from genopt_tui.ui.widgets.line_source import Line

STEPS = ("task", "start", "model", "design choices", "check")
STEP_HELP = (
    "What is to be optimized? A task that comes with genopt, or (Tab) files of your own",
    "Where does it begin?",
    "Who proposes the edits? t asks the model under the cursor one short question",
    "What shapes learning? All of it can be changed later, too",
    "What it will take, and what the loop doctor finds",
)
NO_MODEL_HELP = (
    "No key, no agent and no local server was found here: choose one of these. "
    "search costs nothing and is no model"
)
CHECK_HELP = "measuring a step and asking the loop doctor: up to a minute; Enter goes on without"
DEFAULT_STEPS = "20"
"""Steps that a run of a new session may take unless its budget is changed."""
MAKE_ONLY = "make it only"


class NewSessionScreen(TabbedScreen):
    """Asks step by step; nothing is created before the last Enter."""

    KEYS = "Enter confirm  Esc back  t test call (model)  / search"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", show=False),
        Binding("escape,q,ctrl+q,ctrl+c", "close", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__("New session")
        self.draft = SessionDraft(pairs={"mode": "ask", "budget.steps": DEFAULT_STEPS})
        self.step = 0
        self.named_models: list[str] = []
        """Models that the user named for a test call."""

    def read(self) -> tuple[str, Sequence[Page]]:
        name = STEPS[self.step]
        if name == "task":
            return self._format_about(), [
                self._build_page(name, new_session.list_tasks()),
                self._build_page("my files", new_session.OWN_FILES_OPTIONS),
            ]
        if name == "start":
            return self._format_about(), [
                self._build_page(name, new_session.list_starts(self.draft))
            ]
        if name == "model":
            offers = new_session.list_models()
            nobody = all(offer.question or offer.value in {"manual", "search"} for offer in offers)
            named = [SetupOption(model, model, "as you named it") for model in self.named_models]
            return self._format_about(NO_MODEL_HELP if nobody and not named else ""), [
                self._build_page(name, [*named, *offers])
            ]
        if name == "design choices":
            return self._format_about(), [
                self._build_page(name, new_session.list_design_choices(self.draft))
            ]
        return self._format_about(), [
            self._build_page(name, [*self._list_final_options(), *self._list_check_options()])
        ]

    def _build_page(self, name: str, offers: Sequence[SetupOption]) -> Page:
        return Page(name, *build_option_rows(offers, self.line_width))

    def on_resize(self) -> None:
        """Wrap the notes again."""
        if self.ready and self.pages:
            option = self.pages[self.page].targets.get(self.view.cursor)
            self.pages = [
                self._build_page(
                    p.name, [o for o in p.targets.values() if isinstance(o, SetupOption)]
                )
                for p in self.pages
            ]
            self.turn_to(self.page)
            self.view.go_to_line(
                next((y for y, o in self.pages[self.page].targets.items() if o is option), 0)
            )

    def _format_about(self, instead: str = "") -> str:
        steps = "  ".join(f"[{name}]" if i == self.step else name for i, name in enumerate(STEPS))
        chosen = [
            self.draft.task or " ".join(self.draft.file_options.values()),
            self.draft.start,
            self.draft.model,
        ]
        so_far = " · ".join(part for part in chosen[: self.step] if part)
        return "\n".join(
            part
            for part in (f"{steps}   {so_far}".rstrip(), instead or STEP_HELP[self.step])
            if part
        )

    def _list_final_options(self) -> list[SetupOption]:
        max_steps = new_session.resolve_settings(self.draft).get("budget.steps", DEFAULT_STEPS)
        return [
            SetupOption(
                "run",
                "make it and run",
                f"mode ask: you decide on every edit; at most {max_steps} steps a run",
            ),
            SetupOption("make", MAKE_ONLY, "nothing runs before you press s (one step) or p"),
        ]

    def _list_check_options(self) -> list[SetupOption]:
        try:
            return new_session.check_draft(self.draft)
        except GenoptError as error:
            return [SetupOption("", "error", str(error))]

    def open_target(self, thing: object) -> None:
        if not isinstance(thing, SetupOption):
            return
        if thing.questions:
            self._ask_form(thing.questions, {})
        elif self.step == STEPS.index("design choices") and thing.question:
            self._ask_value(
                thing, lambda text: self.draft.pairs.__setitem__(thing.question, text), on=0
            )
        elif thing.question:
            self._ask_value(
                thing, lambda text: self._set_choice(new_session.resolve_model(thing, text)), on=1
            )
        elif thing.value.startswith(new_session.PRESET_PREFIX):
            self._toggle_preset(thing.value.removeprefix(new_session.PRESET_PREFIX))
        elif thing.value:
            self._set_choice(thing.value)
            self._advance(1)
        else:
            self.app.notify("this line is only information: choose another one", markup=False)

    def _toggle_preset(self, preset: str) -> None:
        """Choose a preset, which has its own budget; choosing it again undoes that."""
        self.draft.preset = "" if self.draft.preset == preset else preset
        if self.draft.preset:
            self.draft.pairs.pop("budget.steps", None)
        else:
            self.draft.pairs.setdefault("budget.steps", DEFAULT_STEPS)
        self._advance(0)

    def _ask_value(self, offer: SetupOption, take: Callable[[str], object], on: int) -> None:
        def answered(text: str | None) -> None:
            if text:
                take(text)
                self._advance(on)

        self.app.push_screen(TextDialog(f"{offer.label}: {offer.question}"), answered)

    def _ask_form(self, form: Sequence[tuple[str, str]], answers: dict[str, str]) -> None:
        """Ask for one option after another, then go on with the user's own files."""
        if not form:
            self.draft.task, self.draft.file_options = (
                "",
                {option: text for option, text in answers.items() if text},
            )
            self._advance(1)
            return
        (option, question), *rest = form

        def answered(text: str | None) -> None:
            if text or (text == "" and question.endswith("(optional)")):
                self._ask_form(rest, {**answers, option: text})

        self.app.push_screen(
            TextDialog(
                question, "Enter confirm  Esc cancel", value=self.draft.file_options.get(option, "")
            ),
            answered,
        )

    def _set_choice(self, value: str) -> None:
        name = STEPS[self.step]
        if name == "task":
            self.draft.file_options = {}
        if name in {"task", "start", "model"}:
            setattr(self.draft, name, "" if name == "start" and self.draft.file_options else value)
        if name == "check":
            self._run_after = value == "run"

    def _advance(self, by: int) -> None:
        self.step += by
        self.page = 0
        if self.step == len(STEPS):
            self.step -= 1
            self.about.show("creating the session ...")
            self.run_worker(self._create_session(), exclusive=True)
            return
        if STEPS[self.step] == "check":
            self.show(
                f"{self._format_about()}\n{CHECK_HELP}",
                [self._build_page("check", self._list_final_options())],
            )
        else:
            self.about.show("reading ...")
        self.run_worker(self.load(), exclusive=True)

    async def _create_session(self) -> None:
        try:
            path = await run_in_thread(lambda: new_session.create_session(self.draft))
        except EXPECTED_ERRORS as error:
            self.about.show(f"{error}\nEsc goes back")
            return
        self.dismiss(None)
        get_services(self).open_session(path, initial_action="run" if self._run_after else "")

    def action_test(self) -> None:
        """Send one short question to the model under the cursor, after asking for its name if it
        has none."""
        offer = self.pages[0].targets.get(self.view.cursor) if self.pages else None
        if STEPS[self.step] != "model" or not isinstance(offer, SetupOption):
            self.app.notify("t tests a model: it works in the step that chooses one", markup=False)
        elif offer.question:
            self._ask_model_name(offer)
        else:
            self.run_worker(self._test_model(offer.value), exclusive=True)

    def _ask_model_name(self, offer: SetupOption) -> None:
        """Ask for a model's name, add it to the list, and test it."""

        def answered(text: str | None) -> None:
            if text:
                model = new_session.resolve_model(offer, text)
                self.named_models = [model, *(name for name in self.named_models if name != model)]
                self.run_worker(self._test_model(model), exclusive=True)

        self.app.push_screen(
            TextDialog(f"{offer.label}: {offer.question}", "Enter send  Esc cancel"), answered
        )

    async def _test_model(self, model: str) -> None:
        await self.load()
        self.about.show(f"asking {model} ...")
        try:
            answer = await run_in_thread(lambda: new_session.try_model(model))
        except EXPECTED_ERRORS as error:
            answer = str(error)
        self.about.show(f"{self._format_about()}\n{answer}")

    def action_close(self) -> None:
        if self.step:
            self._advance(-1)
        else:
            self.dismiss(None)


def build_option_rows(
    offers: Sequence[SetupOption], width: int
) -> tuple[list[Line], dict[int, object]]:
    """Lines of options with notes wrapped to `width` cells, and the option that each line opens."""
    label = min(32, max(20, width // 3))
    lines: list[Line] = []
    targets: dict[int, object] = {}
    for o in offers:
        targets[len(lines)] = o
        style = "strong" if o.value or o.question or o.questions else "dim"
        first, *others = wrap(o.note, max(20, width - label - 1)) or [""]
        lines.append(((f"{o.label:<{label}} ", style), (first, "dim")))
        lines += [((" " * (label + 1), ""), (part, "dim")) for part in others]
    return lines, targets
