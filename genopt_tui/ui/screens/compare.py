"""`c`: two versions: verdict, diff of artifact and design choices, examples, traces, cost. What is
missing is run on demand."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from genopt_tui.session.commands import FillScores, RunTraced, new_token
from genopt_tui.session.places import quote_session
from genopt_tui.ui.actions.table import ACTIONS_BY_ID
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_thread
from genopt_tui.ui.screens import compare_reader, compare_traces
from genopt_tui.ui.screens.compare_reader import RolloutKey, Side, VersionComparison
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.widgets.bars import KeyHints
from genopt_tui.ui.widgets.diff_view import DiffView
from genopt_tui.ui.widgets.line_source import Line
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.safe_text import PlainText

if TYPE_CHECKING:
    from genopt_tui.ui.state.store import Store

DIFF, EXAMPLES, TRACES, COST = range(4)


class CompareScreen(TabbedScreen):
    """Version `b`, of this session or a `Side` of another one, against `a`.

    `place` is the example whose traces a person came for, `page` the tab that is shown first.
    Another session is only read.
    """

    KEYS = "Tab diff, examples, traces, cost  [ ] hunk or example  v side by side  Enter traces  x scores what is missing  Esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "evaluate", show=False),
        Binding(ACTIONS_BY_ID["whole_prompt"].keys, "turn_sides", show=False),
    ]
    DEFAULT_CSS = """
    CompareScreen #diff { height: 1fr; padding: 0 1; }
    CompareScreen #about { max-height: 6; }
    """

    def __init__(
        self,
        snapshot: Snapshot,
        store: "Store",
        a: str,
        b: str | Side,
        rollout_key: RolloutKey | None = None,
        page: int = 0,
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
        self.comparison: VersionComparison | None = None
        self.rollout_key = rollout_key
        """The example whose traces are shown."""
        self.page = page
        self.line_view, self.diff = self.view, DiffView(id="diff")
        self.diff.can_choose = False

    def compose(self) -> ComposeResult:
        with Vertical():
            yield PlainText(self._title, id="title")
            yield self.about
            yield self.tabs
            yield self.line_view
            yield self.diff
            yield KeyHints(self.KEYS, id="keys")

    def on_mount(self) -> None:
        self.diff.display = False
        self.start_polling()

    # content

    def read(self) -> tuple[str, Sequence[Page]]:
        found = compare_reader.read_comparison(self.sides)
        self.comparison, self.waiting_text = found, found.verdict
        if self.rollout_key is None:
            self.rollout_key = next(iter(found.traced), None)
        pages = [
            Page("diff", ()),
            Page("examples", found.examples, dict(found.targets)),
            Page("traces", self._explain_no_traces()),
            Page("cost", found.cost),
        ]
        return self._format_verdict(found), pages

    def show(self, about: str, pages: Sequence[Page]) -> None:
        if self.comparison is not None and pages:
            self.diff.show(self.comparison.old, self.comparison.new)
        super().show(about, pages)

    def _is_own_session(self, side: Side) -> bool:
        """Whether the runner of this session can run what a side lacks."""
        return side.session == self.sides[0].session

    def _format_verdict(self, found: VersionComparison) -> str:
        """The verdict, and what each session lacks: ours is run by a key, another one is left
        alone."""
        said = [found.verdict]
        ours = [side for side in found.missing if self._is_own_session(side)]
        if ours:
            names = " and ".join(side.name for side in ours)
            lacking = sum(found.missing[side] for side in ours)
            how = f"{lacking} rollouts" if lacking else "the gate's rollouts"
            said.append(f"{names} lack{'' if len(ours) > 1 else 's'} scores: x runs {how}")
        for side in found.missing.keys() - ours:
            how = (
                f"{found.missing[side]} rollouts" if found.missing[side] else "the gate's rollouts"
            )
            said.append(
                f"{side.name} lacks scores: `genopt compare {self.sides[0].name} {side.name}` runs {how}"
            )
        return "\n".join(said)

    def _explain_no_traces(self) -> list[Line]:
        how = "choose one in examples with Enter, it is run again then"
        if not self._is_own_session(self.sides[1]):
            how = "choose one in examples with Enter"
        return [((f"no example was traced for both: {how}", "dim"),)]

    def turn_to(self, page: int) -> None:
        wanted = self.diff if page == DIFF and self.pages else self.line_view
        if wanted is not self.view:
            self.view.display, wanted.display = False, True
            self.view: LineView = wanted
            wanted.focus()
        super().turn_to(page)
        if self.page == TRACES and self.rollout_key is not None:
            self.run_worker(self._show_traces(self.rollout_key), group="traces", exclusive=True)

    async def _show_traces(self, place: RolloutKey) -> None:
        """Both traces of an example; where one of this session is missing, that example is run
        again first."""
        width = max(40, self.app.size.width - 8)
        try:
            lines, lacking = await run_in_thread(lambda: self._read_traces(place, width))
        except EXPECTED_ERRORS as error:
            lines, lacking = [((str(error), "bad"),)], ()
        if self.page != TRACES or place != self.rollout_key:
            return
        if lacking:
            self._request_traces(place, [self.sides[side] for side in lacking])
            return
        self._show_lines(
            [compare_traces.build_titles([side.name for side in self.sides], width), *lines]
        )

    def _read_traces(self, place: RolloutKey, width: int) -> tuple[list[Line], tuple[int, ...]]:
        assert self.comparison is not None
        return compare_traces.read_trace_lines(self.sides, self.comparison.trees, place, width)

    def _show_lines(self, lines: Sequence[Line]) -> None:
        self.pages = [*self.pages[:TRACES], Page("traces", lines), *self.pages[TRACES + 1 :]]
        self.line_view.set_source(self.pages[TRACES].source)

    # running what is missing

    def _request_traces(self, place: RolloutKey, lacking: Sequence[Side]) -> None:
        """Run the example again where no other session is asked to; else say whose trace is
        missing."""
        split, example, repeat = place
        if other := next((side for side in lacking if not self._is_own_session(side)), None):
            what = f"{other.name} has no trace of {example}, and another session is only read"
            how = f"there (genopt open {quote_session(other.session)}), c and Enter on the example run it again"
            self._show_lines([((what, "warn"),), ((how, "dim"),)])
            return
        self._show_lines([((f"{example} has no trace of both: it is run again ...", "dim"),)])
        if not self.awaited_job:
            job = RunTraced(
                token=new_token(),
                versions=tuple(side.commit for side in lacking),
                split=split,
                example=example,
                repeat=repeat,
            )
            self.awaited_job = self._store.request_side_job(job)

    def action_evaluate(self) -> None:
        """Have the runner score what is missing of this session, and tell its progress."""
        ours = [side.commit for side in self.sides if self._is_own_session(side)]
        if (
            self.comparison is not None
            and any(map(self._is_own_session, self.comparison.missing))
            and not self.awaited_job
        ):
            job = FillScores(token=new_token(), versions=tuple(ours))
            self.awaited_job = self._store.request_side_job(job)

    # acts

    def open_target(self, thing: object) -> None:
        """The traces of the example under the cursor."""
        self.rollout_key = cast(RolloutKey, thing)
        self.turn_to(TRACES)

    def action_act(self, name: str) -> None:
        if name in {"next", "prev"} and self.view is self.diff:
            self.diff.acts[name]()
        elif name in {"next", "prev"} and self.page == TRACES:
            self._show_other_example(1 if name == "next" else -1)
        else:
            super().action_act(name)

    def _show_other_example(self, by: int) -> None:
        """The traces of the next example in the order of change, then of those that only the
        batches ran."""
        if self.comparison is None:
            return
        gate = list(self.comparison.targets.values())
        places = [*gate, *(place for place in self.comparison.traced if place not in gate)]
        if places:
            at = places.index(self.rollout_key) if self.rollout_key in places else -by
            self.rollout_key = places[(at + by) % len(places)]
            self.turn_to(TRACES)

    def action_turn_sides(self) -> None:
        """The diff in one column, or old and new side by side."""
        self.diff.toggle_side_by_side()
