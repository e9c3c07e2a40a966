"""The only source of the interface's state: a thread that polls a session, publishes snapshots and
leaves commands."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic

from textual.message import Message

from genopt_tui.session.commands import Command, SideJob
from genopt_tui.ui.background import EXPECTED_ERRORS
from genopt_tui.ui.messages import SnapshotReady, StoreFailed
from genopt_tui.ui.state import reducer
from genopt_tui.ui.state.activity import describe_activity, format_banner
from genopt_tui.ui.state.poller import SessionPoller
from genopt_tui.ui.state.snapshot import SessionInfo, Snapshot, keep_if_equal

POLL_INTERVAL, IDLE_POLL_INTERVAL, UNFOCUSED_POLL_INTERVAL = 0.05, 0.15, 0.5
HISTORY_POLL_INTERVAL = 0.005
"""Seconds between two chunks of a long history: time for the interface's own loop."""


class Store(Thread):
    """Reads a session until closed. All methods may be called from the interface's thread; they
    return at once."""

    def __init__(self, session: Path, post: Callable[[Message], object], first: Snapshot) -> None:
        super().__init__(name="genopt-store", daemon=True)
        self.session = session
        self._post, self._published = post, first
        self._poller: SessionPoller
        """Made by the thread itself: sqlite connections belong to one thread."""
        self._requests: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._lock, self._snapshot_announced = Lock(), False
        self._poll_interval = POLL_INTERVAL
        self._has_published = False

    # from the interface's thread

    def take_snapshot(self) -> Snapshot:
        """The newest snapshot."""
        with self._lock:
            self._snapshot_announced = False
            return self._published

    def send_command(self, command: Command) -> Flag:
        """Leave a command for the runner, and start one where none is alive. The flag is set once
        the command is in the journal."""
        written = Flag()
        self._requests.put(lambda: self._poller.write_command(command, written))
        return written

    def request_side_job(self, job: SideJob) -> str:
        """Ask the runner for a side job; returns the token by which snapshots name it."""
        self._requests.put(lambda: self._poller.start_side_job(job))
        return job.token

    def request_trace(self, rollout: int, first: int, count: int) -> None:
        self._requests.put(lambda: self._poller.read_trace(rollout, first, count))

    def request_picture(self, rollout: int, step: int) -> None:
        self._requests.put(lambda: self._poller.read_picture(rollout, step))

    def show_version(self, commit: str) -> None:
        """Show an older version in all panes; an empty commit goes back to the present."""
        self._requests.put(lambda: self._poller.show_version(commit))

    def mark_version(self, commit: str) -> None:
        """Show the traces of this version beside the others; an empty commit: of none."""
        self._requests.put(lambda: self._poller.historical_view.set_mark(commit))

    def request_blame(self, commit: str) -> None:
        """Find out which version wrote each line of this one, where it is shown."""
        self._requests.put(lambda: self._poller.read_blame(commit))

    @property
    def last_event_id(self) -> int:
        """Id of the newest event that was read; 0 before the first."""
        return self._poller.last_event_id if hasattr(self, "_poller") else 0

    def has_step_ended_since(self, event: int) -> bool:
        """Whether a step has ended after the event with this id, as far as was read."""
        return hasattr(self, "_poller") and self._poller.last_step_end > event

    def set_focused(self, focused: bool) -> None:
        """Poll less often while the terminal is not focused."""
        self._poll_interval = POLL_INTERVAL if focused else UNFOCUSED_POLL_INTERVAL

    def close(self) -> None:
        self._requests.put(None)

    # in the store's own thread

    def run(self) -> None:
        try:
            self._poller = SessionPoller(self.session, self._post, self._published)
        except EXPECTED_ERRORS as error:
            self._post(StoreFailed(str(error)))
            return
        try:
            self._read_session()
            while self._handle_requests():
                self._poll_once()
        finally:
            self._poller.close()

    def _handle_requests(self) -> bool:
        """Carry out requests until the next turn; False when closed."""
        until = monotonic() + self._choose_poll_interval()
        while (left := until - monotonic()) > 0:
            try:
                request = self._requests.get(timeout=left)
            except Empty:
                break
            if request is None:
                return False
            self._run_guarded(request)
            self._poller.stale = True
        return True

    def _choose_poll_interval(self) -> float:
        """Seconds until the next turn: longer where no runner writes and none is awaited."""
        poller = self._poller
        if poller.unread_versions:
            return HISTORY_POLL_INTERVAL
        if poller.current.alive or poller.commands:
            return self._poll_interval
        return max(self._poll_interval, IDLE_POLL_INTERVAL)

    def _run_guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except EXPECTED_ERRORS as error:
            self._post(StoreFailed(str(error) or type(error).__name__))

    def _read_session(self) -> None:
        poller = self._poller
        self._run_guarded(poller.read_start)
        self._publish()
        self._run_guarded(poller.reader.check_settings)
        self._run_guarded(poller.read_history)

    def _poll_once(self) -> None:
        poller = self._poller
        self._run_guarded(poller.poll_journal)
        self._run_guarded(poller.poll_runner)
        self._run_guarded(poller.poll_external_changes)
        if poller.has_unread_history:
            self._run_guarded(poller.read_history)
            poller.stale = True
        if poller.stale or poller.has_external_changes:
            poller.stale = False
            self._publish()

    # snapshots

    def _publish(self) -> None:
        poller = self._poller
        snapshot = build_snapshot(poller)
        if snapshot == self._published and self._has_published:
            return
        poller.current = replace(snapshot, number=snapshot.number + 1)
        with self._lock:
            self._published = poller.current
            announced, self._snapshot_announced = self._snapshot_announced, True
        self._has_published = True
        if not announced:
            self._post(SnapshotReady())


def build_snapshot(poller: SessionPoller) -> Snapshot:
    """All that was read, as the panes show it. Parts that did not change stay the same objects."""
    progress = poller.reducer.progress
    poller.read_trees()
    now, branch = poller.current, poller.reader.branch
    version, shown = poller.head_view, poller.historical_view.shown
    proposals = poller.reducer.build_proposals(
        poller.trees, poller.gate_size or now.session.gate_size, poller.side_jobs.get_hunk_worth
    )
    evidence = poller.reducer.build_evidence(poller.pending_input, poller.design)
    traces = reducer.build_trace_sources(evidence.rollouts, poller.lengths, progress.evidence)
    if shown is not None:
        version, evidence, traces = shown.version, shown.evidence, shown.traces
        proposals = (shown.proposal,) if shown.proposal else ()
    head = next((row for row in poller.rows if row.head), None)
    marked = poller.historical_view.marked_commit
    rescored = poller.side_jobs.has_scored(
        head.commit if head else "", poller.watcher.task.fingerprint
    )
    whole = replace(
        now,
        branch=now.branch if branch is None else branch,
        head=head.commit if head else now.head,
        head_label=head.label if head else now.head_label,
        state=progress.state(now.alive),
        progress=progress,
        rows=poller.rows,
        live=keep_if_equal(now.live, poller.reducer.build_live_row()),
        version=version,
        is_historical=shown is not None,
        proposals=keep_if_equal(now.proposals, proposals),
        evidence=keep_if_equal(now.evidence, evidence),
        traces=keep_if_equal(now.traces, traces),
        marked_traces=keep_if_equal(
            now.marked_traces, poller.historical_view.find_marked_traces(traces)
        ),
        mark_label=next((row.label for row in poller.rows if row.commit == marked), ""),
        budget=keep_if_equal(now.budget, reducer.build_budget_view(progress.budget)),
        session=_build_session_info(poller),
        banner=format_banner(
            version if shown is not None else None, poller.watcher.changes, rescored
        ),
        baseline_progress=keep_if_equal(
            now.baseline_progress, poller.reducer.build_baseline_progress(now.session.gate_size)
        ),
        awaited_commands=tuple(kind for kind, _ in poller.commands.values()),
        external_changes=poller.watcher.changes,
        side_jobs=poller.side_jobs.jobs,
    )
    return replace(whole, activity=describe_activity(whole))


def _build_session_info(poller: SessionPoller) -> SessionInfo:
    info, run = poller.current.session, poller.reducer.progress.run or {}
    return replace(
        info,
        model=info.model or str(run.get("model") or ""),  # the settings are newer than the run
        sandbox=poller.sandbox or str(run.get("sandbox") or info.sandbox),
        rule=poller.watcher.task.rule,
    )
