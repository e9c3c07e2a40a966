"""Horizon and batch size that the user stages in the Evidence pane before applying them."""

from genopt_tui.session.commands import SetOptions, StageChoices
from genopt_tui.ui.state.snapshot import EvidenceView
from genopt_tui.ui.widgets.update_plan import UpdatePlan, build_plan, move_horizon, resize_batch

DEFAULT_TRACE_STEPS = 1000
"""Steps of the longest trace while no trace is known."""


class StagedPlan:
    """Changes of the current plan that are not applied yet."""

    def __init__(self) -> None:
        self.plan: UpdatePlan | None = None
        """The plan with its changes; None without any."""
        self._evidence = EvidenceView(0)

    def feed(self, evidence: EvidenceView) -> None:
        self._evidence = evidence

    def move_horizon(self, by: int) -> None:
        """Stage the next longer (`by` 1) or shorter (-1) horizon."""
        self._stage(move_horizon(self.plan or self._current, by, self._measure_longest_trace()))

    def resize_batch(self, by: int) -> None:
        """Stage a batch with one rollout more or less."""
        self._stage(resize_batch(self.plan or self._current, by))

    def drop(self) -> None:
        self.plan = None

    def build_command(self) -> StageChoices | SetOptions:
        """The command that applies the changes: to the waiting prompt, else to later steps."""
        assert self.plan is not None
        pairs = tuple(self.plan.list_pairs(self._current))
        if self._evidence.editable:
            return StageChoices(step=self._evidence.step, pairs=pairs)
        return SetOptions(pairs=pairs)

    @property
    def _current(self) -> UpdatePlan:
        return build_plan(self._evidence.design, self._evidence.staged)

    def _stage(self, plan: UpdatePlan) -> None:
        self.plan = None if plan == self._current else plan

    def _measure_longest_trace(self) -> int:
        rollouts = (*(self._evidence.sent or {}).get("parts", ()), *self._evidence.rollouts)
        longest = max((int(rollout.get("steps") or 0) for rollout in rollouts), default=0)
        return longest or DEFAULT_TRACE_STEPS
