"""`n`: a new session in five steps: task, start, model, design choices, check. Enter goes on, Esc goes back."""

from collections.abc import Sequence
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
BUDGET = "20"
"""Steps that a run of a new session may take before it is asked for more."""


class NewScreen(Sheet):
    """One step at a time; nothing is made before the last Enter."""

    KEYS = "Enter takes the line and goes on  Esc one step back  t test call (model)  / search"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", show=False),
        Binding("escape,q,ctrl+q,ctrl+c", "close", show=False, priority=True),
        Binding("tab,shift+tab", "nothing", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__("New session")
        self.wish = Wish(pairs={"mode": "ask", "budget.steps": BUDGET})
        self.step = 0

    def read(self) -> tuple[str, Sequence[Page]]:
        offers = (self._tasks, self._starts, newsession.models, self._choices, self._check)[self.step]()
        lines: list[Line] = [((f"{o.words:<32.32} ", "strong"), (o.note, "dim")) for o in offers]
        return self._about(), [Page(STEPS[self.step], lines, dict(enumerate(offers)))]

    def _about(self) -> str:
        steps = "  ".join(f"[{name}]" if i == self.step else name for i, name in enumerate(STEPS))
        chosen = [self.wish.task, self.wish.start, self.wish.model]
        return f"{steps}\n{' · '.join(part for part in chosen if part)}"

    def _tasks(self) -> list[Offer]:
        return newsession.tasks()

    def _starts(self) -> list[Offer]:
        return newsession.starts(self.wish.task)

    def _choices(self) -> list[Offer]:
        from genopt_tui.config import DesignChoices
        from genopt_tui.task import loader
        from genopt_tui.ui.form import fields_of

        own = loader.find(self.wish.task).task.choices
        go_on = Offer("go on", "go on with these", "Enter on a line below changes it; d on the main screen does later")
        fields = [f for f in fields_of(DesignChoices()) if f.key not in {"start", "scope"}]
        rest = [
            Offer(f.key, f"{f.key} = {self.wish.pairs.get(f.key, own.get(f.key, f.value))}", f.help, f.key)
            for f in fields
        ]
        return [go_on, *rest]

    def _check(self) -> list[Offer]:
        try:
            found = newsession.check(self.wish)
        except GenoptError as error:
            found = [f"error {error}"]
        go = Offer("make", "make it and open it", f"mode ask, at most {BUDGET} steps a run; s runs the first")
        return [go, *(Offer("", line.partition(" ")[0], line.partition(" ")[2].strip()) for line in found)]

    def opened(self, thing: object) -> None:
        if not isinstance(thing, Offer):
            return
        if self.step == STEPS.index("design choices") and thing.ask:
            self._ask(thing, lambda text: self.wish.pairs.__setitem__(thing.ask, text), on=0)
        elif thing.ask:
            self._ask(thing, self._take, on=1)
        elif thing.value:
            self._take(thing.value)
            self._go(1)
        else:
            self.app.notify("choose another line", markup=False)

    def _ask(self, offer: Offer, take: object, on: int) -> None:
        def answered(text: str | None) -> None:
            if text and callable(take):
                take(text)
                self._go(on)

        self.app.push_screen(AskText(f"{offer.words}: {offer.ask}"), answered)

    def _take(self, value: str) -> None:
        name = STEPS[self.step]
        if name in {"task", "start", "model"}:
            setattr(self.wish, name, value)

    def _go(self, by: int) -> None:
        self.step += by
        if self.step == len(STEPS):
            self.step -= 1
            self.about.show("making it ...")
            self.run_worker(self._make(), exclusive=True)
        else:
            self.about.show("reading ...")
            self.run_worker(self.load(), exclusive=True)

    async def _make(self) -> None:
        try:
            path = await apart(lambda: newsession.make(self.wish))
        except EXPECTED as error:
            self.about.show(str(error))
            return
        self.dismiss(None)
        cast("GenoptApp", self.app).open_session(path)

    async def action_test(self) -> None:
        """One short question to the model under the cursor."""
        offer = self.pages[0].opens.get(self.view.cursor) if self.pages else None
        if STEPS[self.step] != "model" or not isinstance(offer, Offer) or not offer.value:
            self.app.notify("t asks a model that stands in the list", markup=False)
            return
        self.about.show(f"asking {offer.value} ...")
        try:
            said = await apart(lambda: newsession.test_call(offer.value))
        except EXPECTED as error:
            said = str(error)
        self.about.show(said)

    def action_nothing(self) -> None:
        """The steps are walked with Enter and Esc alone."""

    def action_close(self) -> None:
        if self.step:
            self._go(-1)
        else:
            self.dismiss(None)
