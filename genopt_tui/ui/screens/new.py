"""`n`: a new session in five steps: task or own files, start, model, design choices, check. Enter goes on, Esc goes back."""

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType

from genopt_tui.errors import GenoptError
from genopt_tui.ui import newsession
from genopt_tui.ui.background import apart
from genopt_tui.ui.newsession import Offer, Wish
from genopt_tui.ui.screens.dialogs import AskText
from genopt_tui.ui.screens.sheet import Page, Sheet
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.offload import EXPECTED

if TYPE_CHECKING:
    from genopt_tui.ui.app import GenoptApp

STEPS = ("task", "start", "model", "design choices", "check")
ABOUT = (
    "What is to be optimized? A task that comes with genopt, or (Tab) files of your own",
    "Where does it begin?",
    "Who proposes the edits? t asks the model under the cursor one short question",
    "What shapes learning? All of it can be changed later, too",
    "What it will take, and what the loop doctor finds",
)
NOBODY = (
    "No key, no agent and no local server was found here: choose one of these. search costs nothing and is no model"
)
CHECKING = "measuring what a step takes, and asking the loop doctor: some seconds to a minute; Enter goes on without"
BUDGET = "20"
"""Steps that a run of a new session may take before it is asked for more."""
ONLY_MAKE = "make it only"


class NewScreen(Sheet):
    """One step at a time; nothing is made before the last Enter."""

    KEYS = "Enter takes the line and goes on  Esc one step back  t test call (model)  / search"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", show=False),
        Binding("escape,q,ctrl+q,ctrl+c", "close", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__("New session")
        self.wish = Wish(pairs={"mode": "ask", "budget.steps": BUDGET})
        self.step = 0
        self.named: list[str] = []
        """Models that a person named for a test call."""

    def read(self) -> tuple[str, Sequence[Page]]:
        name = STEPS[self.step]
        if name == "task":
            return self._about(), [self._page(name, newsession.tasks()), self._page("my files", newsession.OWN)]
        if name == "start":
            return self._about(), [self._page(name, newsession.starts(self.wish))]
        if name == "model":
            offers = newsession.models()
            nobody = all(offer.ask or offer.value in {"manual", "search"} for offer in offers)
            named = [Offer(model, model, "as you named it") for model in self.named]
            return self._about(NOBODY if nobody and not named else ""), [self._page(name, [*named, *offers])]
        if name == "design choices":
            return self._about(), [self._page(name, newsession.choices(self.wish))]
        return self._about(), [self._page(name, [*self._last(), *self._checked()])]

    def _page(self, name: str, offers: Sequence[Offer]) -> Page:
        return Page(name, *rows_of(offers, self.room))

    def on_resize(self) -> None:
        """Break the notes anew."""
        if self.ready and self.pages:
            at = self.pages[self.page].opens.get(self.view.cursor)
            self.pages = [self._page(p.name, [o for o in p.opens.values() if isinstance(o, Offer)]) for p in self.pages]
            self.turn_to(self.page)
            self.view.go(next((y for y, o in self.pages[self.page].opens.items() if o is at), 0))

    def _about(self, instead: str = "") -> str:
        steps = "  ".join(f"[{name}]" if i == self.step else name for i, name in enumerate(STEPS))
        chosen = [self.wish.task or " ".join(self.wish.own.values()), self.wish.start, self.wish.model]
        so_far = " · ".join(part for part in chosen[: self.step] if part)
        return "\n".join(part for part in (f"{steps}   {so_far}".rstrip(), instead or ABOUT[self.step]) if part)

    def _last(self) -> list[Offer]:
        most = newsession.given(self.wish).get("budget.steps", BUDGET)
        return [
            Offer("run", "make it and run", f"mode ask: you decide on every edit; at most {most} steps a run"),
            Offer("make", ONLY_MAKE, "nothing runs before you press s (one step) or p"),
        ]

    def _checked(self) -> list[Offer]:
        try:
            return newsession.check(self.wish)
        except GenoptError as error:
            return [Offer("", "error", str(error))]

    def opened(self, thing: object) -> None:
        if not isinstance(thing, Offer):
            return
        if thing.form:
            self._fill(thing.form, {})
        elif self.step == STEPS.index("design choices") and thing.ask:
            self._ask(thing, lambda text: self.wish.pairs.__setitem__(thing.ask, text), on=0)
        elif thing.ask:
            self._ask(thing, lambda text: self._take(newsession.model_of(thing, text)), on=1)
        elif thing.value.startswith(newsession.PRESET):
            self._choose(thing.value.removeprefix(newsession.PRESET))
        elif thing.value:
            self._take(thing.value)
            self._go(1)
        else:
            self.app.notify("this line only tells something: choose another one", markup=False)

    def _choose(self, preset: str) -> None:
        """Take a preset, with its own budget; the one in force is taken back."""
        self.wish.preset = "" if self.wish.preset == preset else preset
        if self.wish.preset:
            self.wish.pairs.pop("budget.steps", None)
        else:
            self.wish.pairs.setdefault("budget.steps", BUDGET)
        self._go(0)

    def _ask(self, offer: Offer, take: Callable[[str], object], on: int) -> None:
        def answered(text: str | None) -> None:
            if text:
                take(text)
                self._go(on)

        self.app.push_screen(AskText(f"{offer.words}: {offer.ask}"), answered)

    def _fill(self, form: Sequence[tuple[str, str]], given: dict[str, str]) -> None:
        """Ask for one option after another, then go on with files of one's own."""
        if not form:
            self.wish.task, self.wish.own = "", {option: text for option, text in given.items() if text}
            self._go(1)
            return
        (option, question), *rest = form

        def answered(text: str | None) -> None:
            if text or (text == "" and question.endswith("(optional)")):
                self._fill(rest, {**given, option: text})

        self.app.push_screen(
            AskText(question, "Enter goes on  Esc leaves", value=self.wish.own.get(option, "")), answered
        )

    def _take(self, value: str) -> None:
        name = STEPS[self.step]
        if name == "task":
            self.wish.own = {}
        if name in {"task", "start", "model"}:
            setattr(self.wish, name, "" if name == "start" and self.wish.own else value)
        if name == "check":
            self._runs = value == "run"

    def _go(self, by: int) -> None:
        self.step += by
        self.page = 0
        if self.step == len(STEPS):
            self.step -= 1
            self.about.show("making it ...")
            self.run_worker(self._make(), exclusive=True)
            return
        if STEPS[self.step] == "check":
            self.show(f"{self._about()}\n{CHECKING}", [self._page("check", self._last())])
        else:
            self.about.show("reading ...")
        self.run_worker(self.load(), exclusive=True)

    async def _make(self) -> None:
        try:
            path = await apart(lambda: newsession.make(self.wish))
        except EXPECTED as error:
            self.about.show(f"{error}\nEsc goes back")
            return
        self.dismiss(None)
        cast("GenoptApp", self.app).open_session(path, first="run" if self._runs else "")

    def action_test(self) -> None:
        """One short question to the model under the cursor; where it is still to be named, its name first."""
        offer = self.pages[0].opens.get(self.view.cursor) if self.pages else None
        if STEPS[self.step] != "model" or not isinstance(offer, Offer):
            self.app.notify("t asks a model: it works in the step where one is chosen", markup=False)
        elif offer.ask:
            self._ask_name(offer)
        else:
            self.run_worker(self._test(offer.value), exclusive=True)

    def _ask_name(self, offer: Offer) -> None:
        """Take a model's name into the list, and ask it."""

        def answered(text: str | None) -> None:
            if text:
                model = newsession.model_of(offer, text)
                self.named = [model, *(name for name in self.named if name != model)]
                self.run_worker(self._test(model), exclusive=True)

        self.app.push_screen(AskText(f"{offer.words}: {offer.ask}", "Enter asks it  Esc leaves"), answered)

    async def _test(self, model: str) -> None:
        await self.load()
        self.about.show(f"asking {model} ...")
        try:
            said = await apart(lambda: newsession.test_call(model))
        except EXPECTED as error:
            said = str(error)
        self.about.show(f"{self._about()}\n{said}")

    def action_close(self) -> None:
        if self.step:
            self._go(-1)
        else:
            self.dismiss(None)


def rows_of(offers: Sequence[Offer], width: int) -> tuple[list[Line], dict[int, object]]:
    """The lines of offers, their notes broken to `width` cells, and which line opens which offer."""
    label = min(32, max(20, width // 3))
    lines: list[Line] = []
    opens: dict[int, object] = {}
    for o in offers:
        opens[len(lines)] = o
        look = "strong" if o.value or o.ask or o.form else "dim"
        first, *rest = wrap(o.note, max(20, width - label - 1)) or [""]
        lines.append(((f"{o.words:<{label}} ", look), (first, "dim")))
        lines += [((" " * (label + 1), ""), (part, "dim")) for part in rest]
    return lines, opens
