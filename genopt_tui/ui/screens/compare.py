"""`c`: comparison of two versions: verdict, diff, examples, traces, cost.

Scores and traces that are missing are computed on request.
"""

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
    """Compares version `b`, of this session or a `Side` of another one, with version `a`.

    `rollout_key` is the example whose traces are to be shown, `page` the first tab. The other
    session is only read.
    """

    KEYS = (
        "Tab diff, examples, traces, cost  [ ] hunk or example  v side by side  Enter traces  "
        "x scores what is missing  Esc back"
    )
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
        session, path = snapshot.session.name, Path(snapshot.session.path)
        old = Side(path, a, names.get(a, a[:7]))
        if isinstance(b, Side):
            old, new = replace(old, name=f"{session}@{old.name}"), b
            title = f"Compare {old.name} -> {new.name}  under the task and gate of {session}"
        else:
            new = Side(path, b, names.get(b, b[:7]))
            title = f"Compare {old.name} -> {new.name}  {session}"
        super().__init__(title)
        self.sides, self._store = (old, new), store
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
        comparison = compare_reader.read_comparison(self.sides)
        self.comparison, self.waiting_text = comparison, comparison.verdict
        if self.rollout_key is None:
            self.rollout_key = next(iter(comparison.traced), None)
        pages = [
            Page("diff", ()),
            Page("examples", comparison.examples, dict(comparison.targets)),
            Page("traces", self._explain_no_traces()),
            Page("cost", comparison.cost),
        ]
        return self._format_verdict(comparison), pages

    def show(self, about: str, pages: Sequence[Page]) -> None:
        if self.comparison is not None and pages:
            self.diff.show(self.comparison.old, self.comparison.new)
        super().show(about, pages)

    def _is_own_session(self, side: Side) -> bool:
        """Whether the runner of this session can compute what `side` lacks."""
        return side.session == self.sides[0].session

    def _format_verdict(self, comparison: VersionComparison) -> str:
        """The verdict, and what each side lacks: a key for this session, a command for another
        one."""
        lines = [comparison.verdict]
        own_sides = [side for side in comparison.missing if self._is_own_session(side)]
        if own_sides:
            names = " and ".join(side.name for side in own_sides)
            count = sum(comparison.missing[side] for side in own_sides)
            how = f"{count} rollouts" if count else "the gate's rollouts"
            lines.append(f"{names} lack{'' if len(own_sides) > 1 else 's'} scores: x runs {how}")
        for side in comparison.missing.keys() - own_sides:
            how = (
                f"{comparison.missing[side]} rollouts"
                if comparison.missing[side]
                else "the gate's rollouts"
            )
            command = f"genopt compare {self.sides[0].name} {side.name}"
            lines.append(f"{side.name} lacks scores: `{command}` runs {how}")
        return "\n".join(lines)

    def _explain_no_traces(self) -> list[Line]:
        how = "choose one in examples with Enter to rerun it"
        if not self._is_own_session(self.sides[1]):
            how = "choose one in examples with Enter"
        return [((f"no example was traced for both: {how}", "dim"),)]

    def turn_to(self, page: int) -> None:
        view = self.diff if page == DIFF and self.pages else self.line_view
        if view is not self.view:
            self.view.display, view.display = False, True
            self.view: LineView = view
            view.focus()
        super().turn_to(page)
        if self.page == TRACES and self.rollout_key is not None:
            self.run_worker(self._show_traces(self.rollout_key), group="traces", exclusive=True)

    async def _show_traces(self, key: RolloutKey) -> None:
        """Show both traces of an example, rerunning it first if one of this session is missing."""
        width = max(40, self.app.size.width - 8)
        try:
            lines, missing = await run_in_thread(lambda: self._read_traces(key, width))
        except EXPECTED_ERRORS as error:
            lines, missing = [((str(error), "bad"),)], ()
        if self.page != TRACES or key != self.rollout_key:
            return
        if missing:
            self._request_traces(key, [self.sides[index] for index in missing])
            return
        self._show_lines(
            [compare_traces.build_titles([side.name for side in self.sides], width), *lines]
        )

    def _read_traces(self, key: RolloutKey, width: int) -> tuple[list[Line], tuple[int, ...]]:
        assert self.comparison is not None
        return compare_traces.read_trace_lines(self.sides, self.comparison.trees, key, width)

    def _show_lines(self, lines: Sequence[Line]) -> None:
        self.pages = [*self.pages[:TRACES], Page("traces", lines), *self.pages[TRACES + 1 :]]
        self.line_view.set_source(self.pages[TRACES].source)

    # rerunning

    def _request_traces(self, key: RolloutKey, missing: Sequence[Side]) -> None:
        """Rerun the example if that needs no other session; else show whose trace is missing."""
        split, example, repeat = key
        if other := next((side for side in missing if not self._is_own_session(side)), None):
            problem = f"{other.name} has no trace of {example}, and another session is only read"
            advice = (
                f"open it (genopt open {quote_session(other.session)}); "
                "there, c and Enter on the example rerun it"
            )
            self._show_lines([((problem, "warn"),), ((advice, "dim"),)])
            return
        self._show_lines([((f"{example} has no trace of both: rerunning it ...", "dim"),)])
        if not self.awaited_job:
            job = RunTraced(
                token=new_token(),
                versions=tuple(side.commit for side in missing),
                split=split,
                example=example,
                repeat=repeat,
            )
            self.awaited_job = self._store.request_side_job(job)

    def action_evaluate(self) -> None:
        """Have the runner compute the missing scores of this session, and show its progress."""
        own_commits = [side.commit for side in self.sides if self._is_own_session(side)]
        if (
            self.comparison is not None
            and any(map(self._is_own_session, self.comparison.missing))
            and not self.awaited_job
        ):
            job = FillScores(token=new_token(), versions=tuple(own_commits))
            self.awaited_job = self._store.request_side_job(job)

    # acts

    def open_target(self, thing: object) -> None:
        """Show the traces of the example under the cursor."""
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
        """Show the traces of the next example by size of change, then of those only in batches."""
        if self.comparison is None:
            return
        gate = list(self.comparison.targets.values())
        places = [*gate, *(place for place in self.comparison.traced if place not in gate)]
        if places:
            index = places.index(self.rollout_key) if self.rollout_key in places else -by
            self.rollout_key = places[(index + by) % len(places)]
            self.turn_to(TRACES)

    def action_turn_sides(self) -> None:
        """Switch the diff between one column and two."""
        self.diff.toggle_side_by_side()
