"""The only source of the interface's state: reads journal and git in a thread of its own, posts
snapshots, leaves commands."""

import gc
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from secrets import token_hex
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic
from typing import Any

from textual.message import Message

from genopt_tui.errors import GenoptError
from genopt_tui.session.client import ensure_runner, runner_pid
from genopt_tui.session.journal import Event, Journal
from genopt_tui.session.progress import PendingInput, read_pending_input
from genopt_tui.task.rollout import TraceStep
from genopt_tui.ui.messages import (
    CommandCompleted,
    DoctorWarned,
    SnapshotReady,
    StoreFailed,
    TraceDataReady,
)
from genopt_tui.ui.state import reducer
from genopt_tui.ui.state.activity import describe_activity
from genopt_tui.ui.state.external_changes import SessionWatcher
from genopt_tui.ui.state.historical_view import HistoricalView, format_banner
from genopt_tui.ui.state.reader import VersionReader
from genopt_tui.ui.state.side_jobs import SideJobTracker
from genopt_tui.ui.state.snapshot import (
    HistoryRow,
    SessionInfo,
    Snapshot,
    TracePicture,
    TraceSlice,
)

POLL_INTERVAL, IDLE_POLL_INTERVAL, UNFOCUSED_POLL_INTERVAL = 0.05, 0.15, 0.5
HISTORY_POLL_INTERVAL = 0.005
"""Seconds between two pieces of a long history: time for the interface's own loop."""
RUNNER_POLL_INTERVAL = 0.5
RUNNER_RESTART_DELAY = 4.0
HISTORY_EVENTS = {"scored", "committed", "rejected", "moved", "step_ended", "run_started"}
HISTORY_COMMANDS = {
    "mode",
    "set",
    "branch",
    "tag",
    "note",
    "opened",
    "undo",
    "redo",
    "revive",
    "pick",
    "accept-edits",
}
SIDE_JOB_EVENTS = {"aside_started", "aside_finished", "rollout_finished"}
EXTERNAL_POLL_INTERVAL = 1.0
INPUT_EVENTS = {
    "hint",
    "prompted",
    "design_set",
    "design_undone",
    "design_committed",
    "examples_set",
}
STATE_EVENTS = ("run_started", "run_finished", "paused", "resumed", "budget", "error")
EXPECTED_ERRORS = (GenoptError, sqlite3.Error, OSError, KeyError, ValueError)


class Store(Thread):
    """Reads a session until closed. All methods may be called from the interface's thread; they
    return at once."""

    def __init__(self, session: Path, post: Callable[[Message], object], first: Snapshot) -> None:
        super().__init__(name="genopt-store", daemon=True)
        self.session = session
        self._post, self._published = post, first
        self._snapshot = first
        self._requests: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock, self._snapshot_announced = Lock(), False
        self._poll_interval = POLL_INTERVAL
        self._reducer = reducer.StepReducer()
        self._last_event_id = self._last_chunk_id = 0
        self._trees: dict[str, Mapping[str, str]] = {}
        self._lengths: dict[int, int] = {}
        self._sandbox = ""
        """The isolation in which the last rollout ran."""
        self._rows: tuple[HistoryRow, ...] = first.rows
        self._head_view = first.version
        self._commands: dict[int, tuple[str, float]] = {}
        self._runner_polled_at = self._external_polled_at = -1.0
        self._side_jobs, self._watcher = SideJobTracker(), SessionWatcher(session)
        self._stale = True
        """Whether something was read that no snapshot shows yet."""
        self._posted_at = 0.0
        self._history_stale = self._input_stale = True
        self._pending_input = PendingInput()
        self._design: Mapping[str, Any] = {}
        self._gate_size = self._unread_versions = 0
        self._last_step_end = 0

    # from the interface's thread

    def take_snapshot(self) -> Snapshot:
        """The newest snapshot."""
        with self._lock:
            self._snapshot_announced = False
            return self._published

    def send_command(self, kind: str, **data: Any) -> Flag:
        """Leave a command for the runner and see that one is alive. The flag is set once the
        command is kept."""
        kept = Flag()
        self._requests.put(lambda: self._write_command(kind, data, kept))
        return kept

    def request_side_job(self, kind: str, **data: Any) -> str:
        """Ask the runner for work beside the steps (fill, hunks); returns the token under which the
        snapshot tells of it."""
        token = token_hex(8)
        self._requests.put(lambda: self._start_side_job(kind, token, data))
        return token

    def request_trace(self, rollout: int, first: int, count: int) -> None:
        self._requests.put(lambda: self._read_trace(rollout, first, count))

    def request_picture(self, rollout: int, step: int) -> None:
        self._requests.put(lambda: self._read_picture(rollout, step))

    def show_version(self, commit: str) -> None:
        """Show an older version in all panes; an empty commit goes back to the present."""
        self._requests.put(
            lambda: self._historical_view.show_version(commit, self._rows, self._head_view)
        )

    def mark_version(self, commit: str) -> None:
        """Give the traces of this version beside those that are shown; an empty commit: of none."""
        self._requests.put(lambda: self._historical_view.set_mark(commit))

    def request_blame(self, commit: str) -> None:
        """Say which version wrote each line of this one, where it is shown."""
        self._requests.put(lambda: self._read_blame(commit))

    @property
    def last_event_id(self) -> int:
        """Id of the newest event that was read."""
        return self._last_event_id

    def has_step_ended_since(self, event: int) -> bool:
        """Whether a step has ended after the event with this id, as far as is known."""
        return self._last_step_end > event

    def set_focused(self, focused: bool) -> None:
        """Poll less often while nobody looks."""
        self._poll_interval = POLL_INTERVAL if focused else UNFOCUSED_POLL_INTERVAL

    def close(self) -> None:
        self._requests.put(None)

    # in the store's own thread

    def run(self) -> None:
        try:
            self._journal = Journal(self.session, durable=False)
            self._reader = VersionReader(self.session)
            self._historical_view = HistoricalView(
                self._journal, self._reader, self._side_jobs.get_hunk_worth
            )
        except EXPECTED_ERRORS as error:
            self._post(StoreFailed(str(error)))
            return
        try:
            self._read_session()
            while self._handle_requests():
                self._poll_once()
        finally:
            self._reader.close()
            self._journal.close()

    def _handle_requests(self) -> bool:
        """Wait for the next turn, doing what is asked meanwhile; False when closed."""
        until = monotonic() + self._choose_poll_interval()
        while (left := until - monotonic()) > 0:
            try:
                wish = self._requests.get(timeout=left)
            except Empty:
                break
            if wish is None:
                return False
            self._run_guarded(wish)
            self._stale = True
        return True

    def _choose_poll_interval(self) -> float:
        """Seconds until the next turn: longer where no runner is there to write anything and none
        is awaited."""
        if self._unread_versions:
            return HISTORY_POLL_INTERVAL
        return (
            self._poll_interval
            if self._snapshot.alive or self._commands
            else max(self._poll_interval, IDLE_POLL_INTERVAL)
        )

    def _run_guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except EXPECTED_ERRORS as error:
            self._post(StoreFailed(str(error) or type(error).__name__))

    def _read_session(self) -> None:
        self._run_guarded(self._read_start)
        self._publish()
        self._run_guarded(self._reader.check_settings)
        self._run_guarded(self._read_history)

    def _poll_once(self) -> None:
        self._run_guarded(self._poll_journal)
        self._run_guarded(self._poll_runner)
        self._run_guarded(self._poll_external_changes)
        if self._history_stale or self._unread_versions:
            self._run_guarded(self._read_history)
            self._stale = True
        watch, shown = self._watcher, self._snapshot
        if self._stale or (watch.changes, watch.task.rule) != (
            shown.external_changes,
            shown.session.rule,
        ):
            self._stale = False
            self._publish()

    def _read_start(self) -> None:
        """The newest step's events, and the newest of each kind that tells the state of the run."""
        batch = self._journal.find_last("batch_sampled")
        start = batch.id if batch else 0
        states = [
            e
            for kind in STATE_EVENTS
            if (e := self._journal.find_last(kind)) and (not start or e.id < start)
        ]
        for event in sorted(states, key=lambda e: e.id):
            self._reducer.apply(event)
        for event in self._journal.read_events(kinds=["aside_finished"]):
            self._side_jobs.apply(event)
        if ended := self._journal.find_last("step_ended"):
            self._last_step_end = ended.id
        if gate := self._journal.find_last("gate_finished"):
            self._gate_size = int(gate.data.get("n") or 0)
        self._last_event_id = start - 1 if start else 0
        self._poll_journal()

    def _poll_journal(self) -> None:
        if not self._journal.has_changed():
            return
        self._stale = True
        if not self._snapshot.alive:
            self._runner_polled_at = (
                -1.0
            )  # whoever wrote may be a runner: it is not left without a question
        events, pieces = self._journal.read_updates(self._last_event_id, self._last_chunk_id)
        for event in events:
            self._last_event_id = event.id
            self._reducer.apply(event)
            self._apply_event(event)
        self._post_warning(events)
        for identity, step, candidate, attempt, text in pieces:
            self._last_chunk_id = identity
            self._reducer.append_reply_text(step, candidate, attempt, text)
        if self._input_stale:
            progress = self._reducer.progress
            self._pending_input, self._input_stale = (
                read_pending_input(self._journal, progress.step + progress.proposed),
                False,
            )

    def _apply_event(self, event: Event) -> None:
        if event.kind in HISTORY_EVENTS:
            self._history_stale = True
        if event.kind in SIDE_JOB_EVENTS:
            self._side_jobs.apply(event)
        if event.kind == "aside_finished" and "hunks" in event.data:
            self._historical_view.refresh(self._rows)
        if event.kind in INPUT_EVENTS or event.kind == "batch_sampled":
            self._input_stale = True
        if event.kind == "reply_finished":
            for reply in self._journal.read_replies(event.step):
                if reply.id == event.data["reply"]:
                    self._reducer.set_reply_text(
                        reply.step, reply.candidate, reply.attempt, reply.text
                    )
        elif event.kind == "gate_finished":
            self._gate_size = int(event.data.get("n") or 0)
        elif event.kind == "rollout_finished" and event.data.get("split") == "train":
            self._record_rollout(int(event.data["rollout"]))
        elif event.kind == "command_done":
            self._finish_command(event)

    def _post_warning(self, events: Sequence[Event]) -> None:
        """Pass on the latest warning of the step that was last under way; older ones are in the
        log."""
        said = [e for e in events if e.kind == "notice" and e.data.get("level") == "warning"]
        if said and said[-1].step >= self._reducer.progress.step - 1:
            self._post(DoctorWarned(str(said[-1].data["text"])))

    def _record_rollout(self, rollout: int) -> None:
        if rollout not in self._lengths and (row := self._journal.read_rollout(rollout)):
            self._lengths[rollout] = row.result.steps if row.traced else 0
            self._sandbox = row.result.sandbox or self._sandbox

    def _finish_command(self, event: Event) -> None:
        kind, _ = self._commands.pop(int(event.data["id"]), ("", 0.0))
        if event.data.get("command") in HISTORY_COMMANDS:
            self._history_stale = True
            self._external_polled_at = (
                -1.0
            )  # what was said of the work tree and of plain git may be over
        if kind:
            self._post(
                CommandCompleted(kind, bool(event.data["ok"]), str(event.data.get("why") or ""))
            )

    def _poll_runner(self) -> None:
        now = monotonic()
        if now - self._runner_polled_at < RUNNER_POLL_INTERVAL:
            return
        self._runner_polled_at = now
        alive = runner_pid(self.session) is not None
        if alive != self._snapshot.alive:
            self._snapshot = replace(self._snapshot, alive=alive)
            self._stale = True
        if not alive and any(now - at > RUNNER_RESTART_DELAY for _, at in self._commands.values()):
            self._commands = {i: (kind, now) for i, (kind, _) in self._commands.items()}
            ensure_runner(self.session)

    def _poll_external_changes(self) -> None:
        """Notice what an editor or plain git did to the session's folder."""
        now = monotonic()
        if now - self._external_polled_at < EXTERNAL_POLL_INTERVAL:
            return
        self._external_polled_at = now
        if self._watcher.have_refs_moved():
            self._history_stale = True
        self._watcher.scan(self._reader.repository)

    def _read_history(self) -> None:
        """Take in what git has now; a long history piece by piece, one each turn."""
        past = self._reader.history
        if self._history_stale:
            self._history_stale = False
            past.find_new_versions()
            self._read_head()
        if past.missing_count:
            past.read_next_chunk()
            if past.missing_count or not self._snapshot.loaded:
                # else every full collection goes through the whole history, and the interface waits
                # for it
                gc.freeze()
        self._unread_versions = past.missing_count
        if not self._unread_versions or past.loaded_count >= 2 * len(self._rows):
            self._rows = _keep_if_equal(self._rows, past.build_rows(self._read_baseline_scores()))
        view, head = self._head_view, next((row for row in self._rows if row.head), None)
        if view is not None and (not view.start or (head is not None and view.label != head.label)):
            self._head_view = self._reader.read_version(view.commit, self._rows)
        self._snapshot = replace(self._snapshot, loaded=True, unread_versions=self._unread_versions)

    def _read_head(self) -> None:
        head = self._reader.read_head_commit()
        self._design = self._reader.read_design(head)
        if (
            self._head_view is None
            or self._head_view.commit != head
            or self._head_view.scope is None
        ):
            self._head_view = self._reader.read_version(head, self._rows)
        info = self._reader.read_session_info(self._snapshot.session)
        self._snapshot = replace(
            self._snapshot,
            best=self._reader.find_best(),
            session=info,
            test_openings=self._reader.count_test_openings(),
        )

    def _read_baseline_scores(self) -> Mapping[str, Mapping[str, Any]]:
        """A version that no step made (a start) has its score from when a run began from it."""
        told = self._journal.read_events(kinds=["scored"])
        return {str(e.data.get("version")): e.data for e in told if e.data.get("complete")}

    def _write_command(self, kind: str, data: dict[str, Any], kept: Flag) -> None:
        try:
            self._commands[self._journal.add_command(kind, **data)] = (kind, monotonic())
        finally:
            kept.set()
        ensure_runner(self.session)

    def _start_side_job(self, kind: str, token: str, data: dict[str, Any]) -> None:
        self._side_jobs.add(token, kind)
        self._write_command(kind, {**data, "token": token}, Flag())

    def _read_trace(self, rollout: int, first: int, count: int) -> None:
        from genopt_tui.task.trace import decode

        steps: list[TraceStep] = []
        try:
            steps = [
                step
                for chunk in self._journal.read_trace_chunks(rollout, first, count)
                for step in decode(chunk)
            ]
        finally:  # whoever asked hears that there is nothing, also where the trace is damaged
            self._post(
                TraceDataReady(TraceSlice(rollout, steps[0].index if steps else first, steps))
            )

    def _read_blame(self, commit: str) -> None:
        if self._head_view is not None and self._head_view.commit == commit:
            self._head_view = replace(
                self._head_view, blame=self._reader.read_blame(self._head_view, self._rows)
            )
        self._historical_view.load_blame(commit, self._rows)

    def _read_picture(self, rollout: int, step: int) -> None:
        self._post(
            TraceDataReady(TracePicture(rollout, step, self._journal.read_picture(rollout, step)))
        )

    # snapshots

    def _publish(self) -> None:
        snapshot = self._build_snapshot()
        if snapshot == self._published and self._posted_at:
            return
        self._snapshot = replace(snapshot, number=snapshot.number + 1)
        with self._lock:
            self._published = self._snapshot
            waiting, self._snapshot_announced = self._snapshot_announced, True
        self._posted_at = monotonic()
        if not waiting:
            self._post(SnapshotReady())

    def _build_snapshot(self) -> Snapshot:
        progress = self._reducer.progress
        self._read_trees()
        now, branch = self._snapshot, self._reader.branch
        version, looking = self._head_view, False
        proposals = self._reducer.build_proposals(
            self._trees, self._gate_size or now.session.gate_size, self._side_jobs.get_hunk_worth
        )
        evidence = self._reducer.build_evidence(self._pending_input, self._design)
        traces = reducer.build_trace_sources(evidence.rollouts, self._lengths, progress.evidence)
        if back := self._historical_view.shown:
            version, proposal, evidence, traces = (
                back.version,
                back.proposal,
                back.evidence,
                back.traces,
            )
            proposals, looking = (proposal,) if proposal else (), True
        head = next((r for r in self._rows if r.head), None)
        whole = replace(
            now,
            branch=now.branch if branch is None else branch,
            head=head.commit if head else now.head,
            head_label=head.label if head else now.head_label,
            state=progress.state(now.alive),
            progress=progress,
            rows=self._rows,
            live=_keep_if_equal(now.live, self._reducer.build_live_row()),
            version=version,
            is_historical=looking,
            proposals=_keep_if_equal(now.proposals, proposals),
            evidence=_keep_if_equal(now.evidence, evidence),
            traces=_keep_if_equal(now.traces, traces),
            marked_traces=_keep_if_equal(
                now.marked_traces, self._historical_view.find_marked_traces(traces)
            ),
            mark_label=next(
                (
                    row.label
                    for row in self._rows
                    if row.commit == self._historical_view.marked_commit
                ),
                "",
            ),
            budget=_keep_if_equal(now.budget, reducer.build_budget_view(progress.budget)),
            session=self._update_session_info(now.session),
            banner=format_banner(
                version if looking else None,
                self._watcher.changes,
                self._side_jobs.has_scored(
                    head.commit if head else "", self._watcher.task.fingerprint
                ),
            ),
            baseline_progress=_keep_if_equal(
                now.baseline_progress, self._reducer.build_baseline_progress(now.session.gate_size)
            ),
            awaited_commands=tuple(kind for kind, _ in self._commands.values()),
            external_changes=self._watcher.changes,
            side_jobs=self._side_jobs.jobs,
        )
        return replace(whole, activity=describe_activity(whole))

    def _read_trees(self) -> None:
        """Files of the artifact trees that the step in flight names."""
        progress = self._reducer.progress
        wanted = {str((progress.batch or {}).get("tree", ""))}
        wanted |= {str(c.edit["tree"]) for c in progress.candidates.values() if c.edit}
        for tree in wanted - self._trees.keys() - {""}:
            self._trees[tree] = self._reader.read_artifact(tree)
        self._trees = {tree: files for tree, files in self._trees.items() if tree in wanted}

    def _update_session_info(self, info: SessionInfo) -> SessionInfo:
        run = self._reducer.progress.run or {}
        return replace(
            info,
            model=str(run.get("model") or info.model),
            sandbox=self._sandbox or str(run.get("sandbox") or info.sandbox),
            rule=self._watcher.task.rule,
        )


def _keep_if_equal(old: Any, new: Any) -> Any:
    """`old` where both are equal: panes compare by identity."""
    return old if old == new else new
