"""The only source of the interface's state: reads journal and git in a thread of its own, posts snapshots, leaves commands."""

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
from genopt_tui.session.person import Said, said
from genopt_tui.task.rollout import TraceStep
from genopt_tui.ui import fold
from genopt_tui.ui.asides import Asides
from genopt_tui.ui.doing import doing
from genopt_tui.ui.looking import Looking, banner
from genopt_tui.ui.messages import Answered, Failed, Fresh, Piece, Warned
from genopt_tui.ui.outside import Watch
from genopt_tui.ui.reader import Reader
from genopt_tui.ui.snapshot import (
    HistoryRow,
    PicturePiece,
    SessionInfo,
    Snapshot,
    TracePiece,
)

POLL, POLL_AT_REST, POLL_UNFOCUSED = 0.05, 0.15, 0.5
UNREAD_POLL = 0.005
"""Seconds between two pieces of a long history: time for the interface's own loop."""
RUNNER_EVERY = 0.5
STARTS_AGAIN_AFTER = 4.0
MOVES_HISTORY = {"scored", "committed", "rejected", "moved", "step_ended", "run_started"}
MAY_MOVE_HISTORY = {"mode", "set", "branch", "tag", "note", "opened", "undo", "redo", "revive", "pick", "accept-edits"}
ASIDES = {"aside_started", "aside_finished", "rollout_finished"}
OUTSIDE_EVERY = 1.0
SAYS = {"hint", "prompted", "design_set", "design_undone", "design_committed", "examples_set"}
STATE_KINDS = ("run_started", "run_finished", "paused", "resumed", "budget", "error")
EXPECTED = (GenoptError, sqlite3.Error, OSError, KeyError, ValueError)


class Store(Thread):
    """Reads a session until closed. All methods may be called from the interface's thread; they return at once."""

    def __init__(self, session: Path, post: Callable[[Message], object], first: Snapshot) -> None:
        super().__init__(name="genopt-store", daemon=True)
        self.session = session
        self._post, self._published = post, first
        self._snapshot = first
        self._wishes: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock, self._waiting = Lock(), False
        self._poll = POLL
        self._fold = fold.StepFold()
        self._last_event = self._last_chunk = 0
        self._trees: dict[str, Mapping[str, str]] = {}
        self._lengths: dict[int, int] = {}
        self._sandbox = ""
        """The isolation in which the last rollout ran."""
        self._rows: tuple[HistoryRow, ...] = first.rows
        self._head_view = first.version
        self._commands: dict[int, tuple[str, float]] = {}
        self._runner_seen = self._outside_seen = -1.0
        self._asides, self._watch = Asides(), Watch(session)
        self._stale = True
        """Whether something was read that no snapshot shows yet."""
        self._posted = 0.0
        self._history_stale = self._said_stale = True
        self._said = Said()
        self._design: Mapping[str, Any] = {}
        self._gate_size = self._unread = 0
        self._ended_last = 0

    # from the interface's thread

    def take(self) -> Snapshot:
        """The newest snapshot."""
        with self._lock:
            self._waiting = False
            return self._published

    def command(self, kind: str, **data: Any) -> Flag:
        """Leave a command for the runner and see that one is alive. The flag is set once the command is kept."""
        kept = Flag()
        self._wishes.put(lambda: self._command(kind, data, kept))
        return kept

    def aside(self, kind: str, **data: Any) -> str:
        """Ask the runner for work beside the steps (fill, hunks); returns the token under which the snapshot tells of it."""
        token = token_hex(8)
        self._wishes.put(lambda: self._aside(kind, token, data))
        return token

    def want_trace(self, rollout: int, first: int, count: int) -> None:
        self._wishes.put(lambda: self._trace(rollout, first, count))

    def want_picture(self, rollout: int, step: int) -> None:
        self._wishes.put(lambda: self._picture(rollout, step))

    def look_at(self, commit: str) -> None:
        """Show an older version in all panes; an empty commit goes back to the present."""
        self._wishes.put(lambda: self._looking.at(commit, self._rows, self._head_view))

    def mark(self, commit: str) -> None:
        """Give the traces of this version beside those that are shown; an empty commit: of none."""
        self._wishes.put(lambda: self._looking.set_mark(commit))

    def want_blame(self, commit: str) -> None:
        """Say which version wrote each line of this one, where it is shown."""
        self._wishes.put(lambda: self._blame(commit))

    @property
    def last_event(self) -> int:
        """Id of the newest event that was read."""
        return self._last_event

    def steps_since(self, event: int) -> bool:
        """Whether a step has ended after the event with this id, as far as is known."""
        return self._ended_last > event

    def focused(self, focused: bool) -> None:
        """Poll less often while nobody looks."""
        self._poll = POLL if focused else POLL_UNFOCUSED

    def close(self) -> None:
        self._wishes.put(None)

    # in the store's own thread

    def run(self) -> None:
        try:
            self._journal = Journal(self.session, durable=False)
            self._reader = Reader(self.session)
            self._looking = Looking(self._journal, self._reader, self._asides.worth)
        except EXPECTED as error:
            self._post(Failed(str(error)))
            return
        try:
            self._begin()
            while self._take_wishes():
                self._turn()
        finally:
            self._reader.close()
            self._journal.close()

    def _take_wishes(self) -> bool:
        """Wait for the next turn, doing what is asked meanwhile; False when closed."""
        until = monotonic() + self._pause()
        while (left := until - monotonic()) > 0:
            try:
                wish = self._wishes.get(timeout=left)
            except Empty:
                break
            if wish is None:
                return False
            self._guarded(wish)
            self._stale = True
        return True

    def _pause(self) -> float:
        """Seconds until the next turn: longer where no runner is there to write anything and none is awaited."""
        if self._unread:
            return UNREAD_POLL
        return self._poll if self._snapshot.alive or self._commands else max(self._poll, POLL_AT_REST)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except EXPECTED as error:
            self._post(Failed(str(error) or type(error).__name__))

    def _begin(self) -> None:
        self._guarded(self._read_start)
        self._publish()
        self._guarded(self._reader.check_settings)
        self._guarded(self._read_history)

    def _turn(self) -> None:
        self._guarded(self._poll_journal)
        self._guarded(self._poll_runner)
        self._guarded(self._poll_outside)
        if self._history_stale or self._unread:
            self._guarded(self._read_history)
            self._stale = True
        watch, shown = self._watch, self._snapshot
        if self._stale or (watch.found, watch.task.rule) != (shown.outside, shown.session.rule):
            self._stale = False
            self._publish()

    def _read_start(self) -> None:
        """The newest step's events, and the newest of each kind that tells the state of the run."""
        batch = self._journal.last("batch_sampled")
        start = batch.id if batch else 0
        states = [e for kind in STATE_KINDS if (e := self._journal.last(kind)) and (not start or e.id < start)]
        for event in sorted(states, key=lambda e: e.id):
            self._fold.take(event)
        for event in self._journal.events(kinds=["aside_finished"]):
            self._asides.take(event)
        if ended := self._journal.last("step_ended"):
            self._ended_last = ended.id
        if gate := self._journal.last("gate_finished"):
            self._gate_size = int(gate.data.get("n") or 0)
        self._last_event = start - 1 if start else 0
        self._poll_journal()

    def _poll_journal(self) -> None:
        if not self._journal.changed():
            return
        self._stale = True
        if not self._snapshot.alive:
            self._runner_seen = -1.0  # whoever wrote may be a runner: it is not left without a question
        events, pieces = self._journal.news(self._last_event, self._last_chunk)
        for event in events:
            self._last_event = event.id
            self._fold.take(event)
            self._take_event(event)
        self._warn(events)
        for identity, step, candidate, attempt, text in pieces:
            self._last_chunk = identity
            self._fold.piece(step, candidate, attempt, text)
        if self._said_stale:
            progress = self._fold.progress
            self._said, self._said_stale = said(self._journal, progress.step + progress.proposed), False

    def _take_event(self, event: Event) -> None:
        if event.kind in MOVES_HISTORY:
            self._history_stale = True
        if event.kind in ASIDES:
            self._asides.take(event)
        if event.kind == "aside_finished" and "hunks" in event.data:
            self._looking.again(self._rows)
        if event.kind in SAYS or event.kind == "batch_sampled":
            self._said_stale = True
        if event.kind == "reply_finished":
            for reply in self._journal.replies(event.step):
                if reply.id == event.data["reply"]:
                    self._fold.reply(reply.step, reply.candidate, reply.attempt, reply.text)
        elif event.kind == "gate_finished":
            self._gate_size = int(event.data.get("n") or 0)
        elif event.kind == "rollout_finished" and event.data.get("split") == "train":
            self._measure(int(event.data["rollout"]))
        elif event.kind == "command_done":
            self._command_done(event)

    def _warn(self, events: Sequence[Event]) -> None:
        """Pass on the latest warning of the step that was last under way; older ones are in the log."""
        said = [e for e in events if e.kind == "notice" and e.data.get("level") == "warning"]
        if said and said[-1].step >= self._fold.progress.step - 1:
            self._post(Warned(str(said[-1].data["text"])))

    def _measure(self, rollout: int) -> None:
        if rollout not in self._lengths and (row := self._journal.rollout(rollout)):
            self._lengths[rollout] = row.result.steps if row.traced else 0
            self._sandbox = row.result.sandbox or self._sandbox

    def _command_done(self, event: Event) -> None:
        kind, _ = self._commands.pop(int(event.data["id"]), ("", 0.0))
        if event.data.get("command") in MAY_MOVE_HISTORY:
            self._history_stale = True
            self._outside_seen = -1.0  # what was said of the work tree and of plain git may be over
        if kind:
            self._post(Answered(kind, bool(event.data["ok"]), str(event.data.get("why") or "")))

    def _poll_runner(self) -> None:
        now = monotonic()
        if now - self._runner_seen < RUNNER_EVERY:
            return
        self._runner_seen = now
        alive = runner_pid(self.session) is not None
        if alive != self._snapshot.alive:
            self._snapshot = replace(self._snapshot, alive=alive)
            self._stale = True
        if not alive and any(now - at > STARTS_AGAIN_AFTER for _, at in self._commands.values()):
            self._commands = {i: (kind, now) for i, (kind, _) in self._commands.items()}
            ensure_runner(self.session)

    def _poll_outside(self) -> None:
        """Notice what an editor or plain git did to the session's folder."""
        now = monotonic()
        if now - self._outside_seen < OUTSIDE_EVERY:
            return
        self._outside_seen = now
        if self._watch.refs_moved():
            self._history_stale = True
        self._watch.look(self._reader.repository)

    def _read_history(self) -> None:
        """Take in what git has now; a long history piece by piece, one each turn."""
        past = self._reader.past
        if self._history_stale:
            self._history_stale = False
            past.look()
            self._read_head()
        if past.missing:
            past.read()
            if past.missing or not self._snapshot.loaded:
                gc.freeze()  # else every full collection goes through the whole history, and the interface waits for it
        self._unread = past.missing
        if not self._unread or past.count >= 2 * len(self._rows):
            self._rows = _same(self._rows, past.rows(self._scores()))
        view, head = self._head_view, next((row for row in self._rows if row.head), None)
        if view is not None and (not view.start or (head is not None and view.label != head.label)):
            self._head_view = self._reader.version(view.commit, self._rows)
        self._snapshot = replace(self._snapshot, loaded=True, unread=self._unread)

    def _read_head(self) -> None:
        head = self._reader.head_commit()
        self._design = self._reader.design(head)
        if self._head_view is None or self._head_view.commit != head or self._head_view.scope is None:
            self._head_view = self._reader.version(head, self._rows)
        info = self._reader.info(self._snapshot.session)
        self._snapshot = replace(self._snapshot, best=self._reader.best(), session=info, opened=self._reader.opened())

    def _scores(self) -> Mapping[str, Mapping[str, Any]]:
        """A version that no step made (a start) has its score from when a run began from it."""
        told = self._journal.events(kinds=["scored"])
        return {str(e.data.get("version")): e.data for e in told if e.data.get("complete")}

    def _command(self, kind: str, data: dict[str, Any], kept: Flag) -> None:
        try:
            self._commands[self._journal.command(kind, **data)] = (kind, monotonic())
        finally:
            kept.set()
        ensure_runner(self.session)

    def _aside(self, kind: str, token: str, data: dict[str, Any]) -> None:
        self._asides.asked(token, kind)
        self._command(kind, {**data, "token": token}, Flag())

    def _trace(self, rollout: int, first: int, count: int) -> None:
        from genopt_tui.task.trace import decode

        steps: list[TraceStep] = []
        try:
            steps = [step for chunk in self._journal.trace_chunks(rollout, first, count) for step in decode(chunk)]
        finally:  # whoever asked hears that there is nothing, also where the trace is damaged
            self._post(Piece(TracePiece(rollout, steps[0].index if steps else first, steps)))

    def _blame(self, commit: str) -> None:
        if self._head_view is not None and self._head_view.commit == commit:
            self._head_view = replace(self._head_view, blame=self._reader.blame(self._head_view, self._rows))
        self._looking.blame(commit, self._rows)

    def _picture(self, rollout: int, step: int) -> None:
        self._post(Piece(PicturePiece(rollout, step, self._journal.picture(rollout, step))))

    # snapshots

    def _publish(self) -> None:
        snapshot = self._compose()
        if snapshot == self._published and self._posted:
            return
        self._snapshot = replace(snapshot, number=snapshot.number + 1)
        with self._lock:
            self._published = self._snapshot
            waiting, self._waiting = self._waiting, True
        self._posted = monotonic()
        if not waiting:
            self._post(Fresh())

    def _compose(self) -> Snapshot:
        progress = self._fold.progress
        self._read_trees()
        now, branch = self._snapshot, self._reader.branch
        version, looking = self._head_view, False
        proposals = self._fold.proposals(self._trees, self._gate_size or now.session.gate_size, self._asides.worth)
        evidence = self._fold.evidence(self._said, self._design)
        traces = fold.sources(evidence.rollouts, self._lengths, progress.evidence)
        if back := self._looking.back:
            version, proposal, evidence, traces = back.version, back.proposal, back.evidence, back.traces
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
            live=_same(now.live, self._fold.live_row()),
            version=version,
            looking_back=looking,
            proposals=_same(now.proposals, proposals),
            evidence=_same(now.evidence, evidence),
            traces=_same(now.traces, traces),
            beside=_same(now.beside, self._looking.beside(traces)),
            mark_label=next((row.label for row in self._rows if row.commit == self._looking.marked), ""),
            budget=_same(now.budget, fold.budget(progress.budget)),
            session=self._session_info(now.session),
            banner=banner(
                version if looking else None,
                self._watch.found,
                self._asides.scored(head.commit if head else "", self._watch.task.fingerprint),
            ),
            measuring=_same(now.measuring, self._fold.measuring(now.session.gate_size)),
            asked=tuple(kind for kind, _ in self._commands.values()),
            outside=self._watch.found,
            asides=self._asides.found,
        )
        return replace(whole, doing=doing(whole))

    def _read_trees(self) -> None:
        """Files of the artifact trees that the step in flight names."""
        progress = self._fold.progress
        wanted = {str((progress.batch or {}).get("tree", ""))}
        wanted |= {str(c.edit["tree"]) for c in progress.candidates.values() if c.edit}
        for tree in wanted - self._trees.keys() - {""}:
            self._trees[tree] = self._reader.artifact(tree)
        self._trees = {tree: files for tree, files in self._trees.items() if tree in wanted}

    def _session_info(self, info: SessionInfo) -> SessionInfo:
        run = self._fold.progress.run or {}
        return replace(
            info,
            model=str(run.get("model") or info.model),
            sandbox=self._sandbox or str(run.get("sandbox") or info.sandbox),
            rule=self._watch.task.rule,
        )


def _same(old: Any, new: Any) -> Any:
    """`old` where both are equal: panes compare by identity."""
    return old if old == new else new
