"""`c`: two versions: verdict, diff of artifact and design choices, examples, traces, cost. What is missing is run on demand."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from genopt_tui.session.places import word_for
from genopt_tui.ui.actions import BY_ID
from genopt_tui.ui.background import apart
from genopt_tui.ui.screens import compare_read, compare_traces
from genopt_tui.ui.screens.compare_read import Compared, Place, Side
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
    """Version `b`, of this session or a `Side` of another one, against `a`.

    `place` is the example whose traces a person came for, `page` the tab that is shown first. Another session is only read.
    """

    KEYS = "Tab diff, examples, traces, cost  [ ] hunk or example  v side by side  Enter traces  x scores what is missing  Esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "evaluate", show=False),
        Binding(BY_ID["whole_prompt"].keys, "turn_sides", show=False),
    ]
    DEFAULT_CSS = """
    CompareScreen #diff { height: 1fr; padding: 0 1; }
    CompareScreen #about { max-height: 6; }
    """

    def __init__(
        self, snapshot: Snapshot, store: "Store", a: str, b: str | Side, place: Place | None = None, page: int = 0
    ) -> None:
        names = {row.commit: row.label for row in snapshot.rows if row.commit}
        here, path = snapshot.session.name, Path(snapshot.session.path)
        one = Side(path, a, names.get(a, a[:7]))
        if isinstance(b, Side):
            one, two = replace(one, name=f"{here}@{one.name}"), b
            title = f"Compare {one.name} -> {two.name}  under the task and gate of {here}"
        else:
            two = Side(path, b, names.get(b, b[:7]))
            title = f"Compare {one.name} -> {two.name}  {here}"
        super().__init__(title)
        self.sides, self._store = (one, two), store
        self.compared: Compared | None = None
        self.place = place
        """The example whose traces are shown."""
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
        found = compare_read.read(self.sides)
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

    def _here(self, side: Side) -> bool:
        """Whether the runner of this session can run what a side lacks."""
        return side.session == self.sides[0].session

    def _said(self, found: Compared) -> str:
        """The verdict, and what each session lacks: ours is run by a key, another one is left alone."""
        said = [found.said]
        ours = [side for side in found.missing if self._here(side)]
        if ours:
            names = " and ".join(side.name for side in ours)
            lacking = sum(found.missing[side] for side in ours)
            how = f"{lacking} rollouts" if lacking else "the gate's rollouts"
            said.append(f"{names} lack{'' if len(ours) > 1 else 's'} scores: x runs {how}")
        for side in found.missing.keys() - ours:
            how = f"{found.missing[side]} rollouts" if found.missing[side] else "the gate's rollouts"
            said.append(f"{side.name} lacks scores: `genopt compare {self.sides[0].name} {side.name}` runs {how}")
        return "\n".join(said)

    def _no_traces(self) -> list[Line]:
        how = "choose one in examples with Enter, it is run again then"
        if not self._here(self.sides[1]):
            how = "choose one in examples with Enter"
        return [((f"no example was traced for both: {how}", "dim"),)]

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
        """Both traces of an example; where one of this session is missing, that example is run again first."""
        width = max(40, self.app.size.width - 8)
        try:
            lines, lacking = await apart(lambda: self._traces(place, width))
        except EXPECTED as error:
            lines, lacking = [((str(error), "bad"),)], ()
        if self.page != TRACES or place != self.place:
            return
        if lacking:
            self._lack_traces(place, [self.sides[side] for side in lacking])
            return
        self._show_lines([compare_traces.titles([side.name for side in self.sides], width), *lines])

    def _traces(self, place: Place, width: int) -> tuple[list[Line], tuple[int, ...]]:
        assert self.compared is not None
        return compare_traces.read(self.sides, self.compared.trees, place, width)

    def _show_lines(self, lines: Sequence[Line]) -> None:
        self.pages = [*self.pages[:TRACES], Page("traces", lines), *self.pages[TRACES + 1 :]]
        self.lines.set_source(self.pages[TRACES].source)

    # running what is missing

    def _lack_traces(self, place: Place, lacking: Sequence[Side]) -> None:
        """Run the example again where no other session is asked to; else say whose trace is missing."""
        split, example, repeat = place
        if other := next((side for side in lacking if not self._here(side)), None):
            what = f"{other.name} has no trace of {example}, and another session is only read"
            how = f"there (genopt open {word_for(other.session)}), c and Enter on the example run it again"
            self._show_lines([((what, "warn"),), ((how, "dim"),)])
            return
        self._show_lines([((f"{example} has no trace of both: it is run again ...", "dim"),)])
        if not self.awaited:
            told = {"split": split, "example": example, "repeat": repeat}
            self.awaited = self._store.aside("trace", versions=[side.commit for side in lacking], **told)

    def action_evaluate(self) -> None:
        """Have the runner score what is missing of this session, and tell its progress."""
        ours = [side.commit for side in self.sides if self._here(side)]
        if self.compared is not None and any(map(self._here, self.compared.missing)) and not self.awaited:
            self.awaited = self._store.aside("fill", versions=ours)

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
