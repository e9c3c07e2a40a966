"""`c`: two versions: verdict, diff of artifact and design choices, examples, traces, cost. What is missing is run on demand."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from genopt_tui.ui.actions import BY_ID
from genopt_tui.ui.background import apart
from genopt_tui.ui.screens import compare_read, compare_traces
from genopt_tui.ui.screens.compare_read import Compared, Place
from genopt_tui.ui.screens.sheet import Page, Sheet
from genopt_tui.ui.snapshot import Snapshot
from genopt_tui.ui.widgets.diff import DiffView
from genopt_tui.ui.widgets.keys import Keys
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.offload import EXPECTED
from genopt_tui.ui.widgets.text import Plain
from genopt_tui.ui.widgets.view import LineView

if TYPE_CHECKING:
    from genopt_tui.ui.store import Store

DIFF, EXAMPLES, TRACES, COST = range(4)


class CompareScreen(Sheet):
    """Version `b` against `a`; `place` is the example whose traces a person came for, `page` the tab that is shown first."""

    KEYS = "Tab diff, examples, traces, cost  [ ] hunk or example  v side by side  Enter traces  x scores what is missing  Esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "evaluate", show=False),
        Binding(BY_ID["whole_prompt"].keys, "turn_sides", show=False),
    ]
    DEFAULT_CSS = """
    CompareScreen #diff { height: 1fr; padding: 0 1; }
    """

    def __init__(
        self, snapshot: Snapshot, store: "Store", a: str, b: str, place: Place | None = None, page: int = 0
    ) -> None:
        names = {row.commit: row.label for row in snapshot.rows if row.commit}
        super().__init__(f"Compare {names.get(a, a[:7])} -> {names.get(b, b[:7])}  {snapshot.session.name}")
        self._session, self._store = Path(snapshot.session.path), store
        self.a, self.b, self._names = a, b, names
        self.compared: Compared | None = None
        self.place = place
        """The example whose traces are shown."""
        self._trees = ("", "")
        self.page = page
        self.lines, self.diff = self.view, DiffView(id="diff")
        self.diff.choosing = False

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(self._title, id="title")
            yield self.about
            yield self.tabs
            yield self.lines
            yield self.diff
            yield Keys(self.KEYS, id="keys")

    def on_mount(self) -> None:
        self.diff.display = False
        self.await_rollouts()

    # content

    def read(self) -> tuple[str, Sequence[Page]]:
        from genopt_tui.session.repository import Repository

        found = compare_read.read(self._session, self.a, self.b, self._names)
        with Repository.open(self._session) as repository:
            self._trees = (repository.tree(self.a), repository.tree(self.b))
        self.compared, self.said = found, found.said
        if self.place is None:
            self.place = next(iter(found.traced), None)
        pages = [
            Page("diff", ()),
            Page("examples", found.examples, dict(found.opens)),
            Page("traces", self._no_traces()),
            Page("cost", found.cost),
        ]
        return self._said(found), pages

    def show(self, about: str, pages: Sequence[Page]) -> None:
        if self.compared is not None and pages:
            self.diff.show(self.compared.old, self.compared.new)
        super().show(about, pages)

    def _said(self, found: Compared) -> str:
        if not found.missing:
            return found.said
        names = " and ".join(self._names.get(c, c[:7]) for c in found.missing)
        how = f"{found.lacking} rollouts" if found.lacking else "the gate's rollouts"
        return f"{found.said}\n{names} lack{'' if len(found.missing) > 1 else 's'} scores: x runs {how}"

    def _no_traces(self) -> list[Line]:
        return [(("no example was traced for both: choose one in examples with Enter, it is run again then", "dim"),)]

    def turn_to(self, page: int) -> None:
        wanted = self.diff if page == DIFF and self.pages else self.lines
        if wanted is not self.view:
            self.view.display, wanted.display = False, True
            self.view: LineView = wanted
            wanted.focus()
        super().turn_to(page)
        if self.page == TRACES and self.place is not None:
            self.run_worker(self._show_traces(self.place), group="traces", exclusive=True)

    async def _show_traces(self, place: Place) -> None:
        """Both traces of an example; where one is missing, that example is run again first."""
        width = max(40, self.app.size.width - 8)
        try:
            lines, lacking = await apart(lambda: compare_traces.read(self._session, self._trees, place, width))
        except EXPECTED as error:
            lines, lacking = [((str(error), "bad"),)], ()
        if self.page != TRACES or place != self.place:
            return
        if lacking:
            self._run_again(place, [(self.a, self.b)[side] for side in lacking])
            return
        names = [self._names.get(commit, commit[:7]) for commit in (self.a, self.b)]
        self._show_lines([compare_traces.titles(names, width), *lines])

    def _show_lines(self, lines: Sequence[Line]) -> None:
        self.pages = [*self.pages[:TRACES], Page("traces", lines), *self.pages[TRACES + 1 :]]
        self.lines.set_source(self.pages[TRACES].source)

    # running what is missing

    def _run_again(self, place: Place, versions: list[str]) -> None:
        split, example, repeat = place
        self._show_lines([((f"{example} has no trace of both: it is run again ...", "dim"),)])
        if not self.awaited:
            told = {"split": split, "example": example, "repeat": repeat}
            self.awaited = self._store.aside("trace", versions=versions, **told)

    def action_evaluate(self) -> None:
        """Have the runner score what is missing, and tell its progress."""
        if self.compared is not None and self.compared.missing and not self.awaited:
            self.awaited = self._store.aside("fill", versions=[self.a, self.b])

    # acts

    def opened(self, thing: object) -> None:
        """The traces of the example under the cursor."""
        self.place = cast(Place, thing)
        self.turn_to(TRACES)

    def action_act(self, name: str) -> None:
        if name in {"next", "prev"} and self.view is self.diff:
            getattr(self.diff, f"act_{name}")()
        elif name in {"next", "prev"} and self.page == TRACES:
            self._other_example(1 if name == "next" else -1)
        else:
            super().action_act(name)

    def _other_example(self, by: int) -> None:
        """The traces of the next example in the order of change, then of those that only the batches ran."""
        if self.compared is None:
            return
        gate = list(self.compared.opens.values())
        places = [*gate, *(place for place in self.compared.traced if place not in gate)]
        if places:
            at = places.index(self.place) if self.place in places else -by
            self.place = places[(at + by) % len(places)]
            self.turn_to(TRACES)

    def action_turn_sides(self) -> None:
        """The diff in one column, or old and new side by side."""
        self.diff.turn_sides()
