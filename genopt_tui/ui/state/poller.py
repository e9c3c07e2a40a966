"""Reads a session: journal, git, runner and what other programs change, whatever is new at each
turn."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from time import monotonic
from typing import Any

from textual.message import Message

from genopt_tui.session.client import ensure_runner
from genopt_tui.session.commands import Command
from genopt_tui.session.commands import SideJob as SideJobCommand
from genopt_tui.session.journal import Event, Journal
from genopt_tui.session.lock import runner_pid
from genopt_tui.session.progress import PendingInput, read_pending_input
from genopt_tui.task.rollout import TraceStep
from genopt_tui.ui.messages import CommandCompleted, DoctorWarned, TraceDataReady
from genopt_tui.ui.state.external_changes import SessionWatcher
from genopt_tui.ui.state.historical_view import HistoricalView
from genopt_tui.ui.state.reader import VersionReader
from genopt_tui.ui.state.reducer import StepReducer
from genopt_tui.ui.state.side_jobs import SideJobTracker
from genopt_tui.ui.state.snapshot import (
    HistoryRow,
    Snapshot,
    TracePicture,
    TraceSlice,
    keep_if_equal,
)

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


class SessionPoller:
    """What is known of a session. Made, used and closed by the store's thread."""

    def __init__(self, session: Path, post: Callable[[Message], object], first: Snapshot) -> None:
        """Raises GenoptError, OSError or sqlite3.Error when the session cannot be opened."""
        self.session = session
        self._post = post
        self.current = first
        """The newest snapshot, with what is read on the way to the next one."""
        self._journal = Journal(session, durable=False)
        self.reader = VersionReader(session)
        self.side_jobs, self.watcher = SideJobTracker(), SessionWatcher(session)
        self.historical_view = HistoricalView(
            self._journal, self.reader, self.side_jobs.get_hunk_worth
        )
        self.reducer = StepReducer()
        self.last_event_id = self._last_chunk_id = 0
        self.trees: dict[str, Mapping[str, str]] = {}
        """Files of the artifact trees that the step in flight names, by tree id."""
        self.lengths: dict[int, int] = {}
        """Steps of each recorded rollout."""
        self.sandbox = ""
        """The isolation in which the last rollout ran."""
        self.rows: tuple[HistoryRow, ...] = first.rows
        self.head_view = first.version
        self.commands: dict[int, tuple[str, float]] = {}
        """Kind and time of the commands that the runner has not answered yet, by id."""
        self._runner_polled_at = self._external_polled_at = -1.0
        self.stale = True
        """Whether something was read that no snapshot shows yet."""
        self._history_stale = self._input_stale = True
        self.pending_input = PendingInput()
        self.design: Mapping[str, Any] = {}
        self.gate_size = self.unread_versions = 0
        self.last_step_end = 0
        """Id of the last event that ended a step."""

    def close(self) -> None:
        self.reader.close()
        self._journal.close()

    @property
    def has_unread_history(self) -> bool:
        return self._history_stale or bool(self.unread_versions)

    @property
    def has_external_changes(self) -> bool:
        """Whether the watcher has noticed what no snapshot shows yet."""
        shown = (self.current.external_changes, self.current.session.rule)
        return (self.watcher.changes, self.watcher.task.rule) != shown

    def show_version(self, commit: str) -> None:
        """Show an older version in all panes; an empty commit goes back to the present."""
        self.historical_view.show_version(commit, self.rows, self.head_view)

    def read_start(self) -> None:
        """The newest step's events, and the newest of each kind that tells the state of the run."""
        batch = self._journal.find_last("batch_sampled")
        start = batch.id if batch else 0
        states = [
            e
            for kind in STATE_EVENTS
            if (e := self._journal.find_last(kind)) and (not start or e.id < start)
        ]
        for event in sorted(states, key=lambda e: e.id):
            self.reducer.apply(event)
        for event in self._journal.read_events(kinds=["aside_finished"]):
            self.side_jobs.apply(event)
        if ended := self._journal.find_last("step_ended"):
            self.last_step_end = ended.id
        if gate := self._journal.find_last("gate_finished"):
            self.gate_size = int(gate.data.get("n") or 0)
        self.last_event_id = start - 1 if start else 0
        self.poll_journal()

    def poll_journal(self) -> None:
        if not self._journal.has_changed():
            return
        self.stale = True
        if not self.current.alive:
            self._runner_polled_at = (
                -1.0
            )  # whoever wrote may be a runner: it is not left without a question
        events, pieces = self._journal.read_updates(self.last_event_id, self._last_chunk_id)
        for event in events:
            self.last_event_id = event.id
            self.reducer.apply(event)
            self._apply_event(event)
        self._post_warning(events)
        for identity, step, candidate, attempt, text in pieces:
            self._last_chunk_id = identity
            self.reducer.append_reply_text(step, candidate, attempt, text)
        if self._input_stale:
            progress = self.reducer.progress
            self.pending_input, self._input_stale = (
                read_pending_input(self._journal, progress.step + progress.proposed),
                False,
            )

    def _apply_event(self, event: Event) -> None:
        if event.kind in HISTORY_EVENTS:
            self._history_stale = True
        if event.kind in SIDE_JOB_EVENTS:
            self.side_jobs.apply(event)
        if event.kind == "aside_finished" and "hunks" in event.data:
            self.historical_view.refresh(self.rows)
        if event.kind in INPUT_EVENTS or event.kind == "batch_sampled":
            self._input_stale = True
        if event.kind == "reply_finished":
            for reply in self._journal.read_replies(event.step):
                if reply.id == event.data["reply"]:
                    self.reducer.set_reply_text(
                        reply.step, reply.candidate, reply.attempt, reply.text
                    )
        elif event.kind == "gate_finished":
            self.gate_size = int(event.data.get("n") or 0)
        elif event.kind == "rollout_finished" and event.data.get("split") == "train":
            self._record_rollout(int(event.data["rollout"]))
        elif event.kind == "command_done":
            self._finish_command(event)

    def _post_warning(self, events: Sequence[Event]) -> None:
        """Post the newest warning of the present or last step; older ones are in the log."""
        warnings = [e for e in events if e.kind == "notice" and e.data.get("level") == "warning"]
        if warnings and warnings[-1].step >= self.reducer.progress.step - 1:
            self._post(DoctorWarned(str(warnings[-1].data["text"])))

    def _record_rollout(self, rollout: int) -> None:
        if rollout not in self.lengths and (row := self._journal.read_rollout(rollout)):
            self.lengths[rollout] = row.result.steps if row.traced else 0
            self.sandbox = row.result.sandbox or self.sandbox

    def _finish_command(self, event: Event) -> None:
        kind, _ = self.commands.pop(int(event.data["id"]), ("", 0.0))
        if event.data.get("command") in HISTORY_COMMANDS:
            self._history_stale = True
            self._external_polled_at = (
                -1.0
            )  # what was said of the work tree and of plain git may be over
        if kind:
            self._post(
                CommandCompleted(kind, bool(event.data["ok"]), str(event.data.get("why") or ""))
            )

    def poll_runner(self) -> None:
        now = monotonic()
        if now - self._runner_polled_at < RUNNER_POLL_INTERVAL:
            return
        self._runner_polled_at = now
        alive = runner_pid(self.session) is not None
        if alive != self.current.alive:
            self.current = replace(self.current, alive=alive)
            self.stale = True
        if not alive and any(now - at > RUNNER_RESTART_DELAY for _, at in self.commands.values()):
            self.commands = {i: (kind, now) for i, (kind, _) in self.commands.items()}
            ensure_runner(self.session)

    def poll_external_changes(self) -> None:
        """Notice what an editor or plain git did to the session's folder."""
        now = monotonic()
        if now - self._external_polled_at < EXTERNAL_POLL_INTERVAL:
            return
        self._external_polled_at = now
        if self.watcher.have_refs_moved():
            self._history_stale = True
        self.watcher.scan(self.reader.repository)

    def read_history(self) -> None:
        """Read what git has now; a long history in chunks, one at each turn."""
        past = self.reader.history
        if self._history_stale:
            self._history_stale = False
            past.find_new_versions()
            self._read_head()
        if past.missing_count:
            past.read_next_chunk()
            if past.missing_count or not self.current.loaded:
                # else every full collection goes through the whole history, and the interface waits
                # for it
                gc.freeze()
        self.unread_versions = past.missing_count
        if not self.unread_versions or past.loaded_count >= 2 * len(self.rows):
            self.rows = keep_if_equal(self.rows, past.build_rows(self._read_baseline_scores()))
        view, head = self.head_view, next((row for row in self.rows if row.head), None)
        if view is not None and (not view.start or (head is not None and view.label != head.label)):
            self.head_view = self.reader.read_version(view.commit, self.rows)
        self.current = replace(self.current, loaded=True, unread_versions=self.unread_versions)

    def _read_head(self) -> None:
        head = self.reader.read_head_commit()
        self.design = self.reader.read_design(head)
        if self.head_view is None or self.head_view.commit != head or self.head_view.scope is None:
            self.head_view = self.reader.read_version(head, self.rows)
        info = self.reader.read_session_info(self.current.session)
        self.current = replace(
            self.current,
            best=self.reader.find_best(),
            session=info,
            test_openings=self.reader.count_test_openings(),
        )

    def _read_baseline_scores(self) -> Mapping[str, Mapping[str, Any]]:
        """Scores of versions that no step made (starts), measured when a run began from them."""
        events = self._journal.read_events(kinds=["scored"])
        return {str(e.data.get("version")): e.data for e in events if e.data.get("complete")}

    def write_command(self, command: Command, kept: Flag) -> None:
        try:
            self.commands[self._journal.add_command(command)] = (command.kind, monotonic())
        finally:
            kept.set()
        ensure_runner(self.session)

    def start_side_job(self, job: SideJobCommand) -> None:
        self.side_jobs.add(job.token, job.kind)
        self.write_command(job, Flag())

    def read_trace(self, rollout: int, first: int, count: int) -> None:
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

    def read_blame(self, commit: str) -> None:
        if self.head_view is not None and self.head_view.commit == commit:
            self.head_view = replace(
                self.head_view, blame=self.reader.read_blame(self.head_view, self.rows)
            )
        self.historical_view.load_blame(commit, self.rows)

    def read_picture(self, rollout: int, step: int) -> None:
        self._post(
            TraceDataReady(TracePicture(rollout, step, self._journal.read_picture(rollout, step)))
        )

    def read_trees(self) -> None:
        """Files of the artifact trees that the step in flight names."""
        progress = self.reducer.progress
        wanted = {str((progress.batch or {}).get("tree", ""))}
        wanted |= {str(c.edit["tree"]) for c in progress.candidates.values() if c.edit}
        for tree in wanted - self.trees.keys() - {""}:
            self.trees[tree] = self.reader.read_artifact(tree)
        self.trees = {tree: files for tree, files in self.trees.items() if tree in wanted}
