"""Carries out acts on history: moves refs together by compare-and-swap, logs the act, and lets the
work tree follow.

An act that has begun is finished even if its writer is killed. What plain git moved in between is
logged as an act of its own and never reverted.
"""

import time
from collections.abc import Callable, Mapping

from genopt_tui.errors import SessionError
from genopt_tui.session.git.refs import ABANDONED, ACTS, HEADS, HeadMoved, remove_locks
from genopt_tui.session.git.worktree import WorkTree, WorkTreeState
from genopt_tui.session.history.act_log import Act
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.versions import Version, VersionKind, parse_version

REF_LOCK_ATTEMPTS = 8  # tries to write refs that another process is writing, 120 ms each


class HistoryWriter:
    """Moves the refs and the work tree of a session. Only for the holder of the session's lock."""

    def __init__(self, reader: HistoryReader) -> None:
        self._reader = reader
        self._worktree: WorkTree | None = None
        self.step_versions: list[Version] | None = None
        """Versions that a step made, oldest first, once they are read."""

    @property
    def worktree(self) -> WorkTree:
        """The work tree, after what a killed writer began is finished."""
        if self._worktree is None:
            self._worktree = self.open_worktree()
            self.recover()
        return self._worktree

    def open_worktree(self) -> WorkTree:
        """The work tree as it is; reading it needs no lock."""
        return self._worktree or WorkTree(self._reader.path, self._reader.objects)

    def recover(self) -> Act | None:
        """Finish what a killed writer began, then log as an act what plain git moved meanwhile;
        returns that act."""
        work = self._worktree = self.open_worktree()
        if work.state.act:
            remove_locks(self._reader.path, ["HEAD", "index"])
            self._perform(self._reader.acts.read(work.state.act))
        now, commit = self._reader.resolve_head()
        if (work.state.ref, work.state.at) == (now, commit):
            return None
        self.step_versions = None
        refs = self._find_external_changes(work.state, now, commit)
        act = self._reader.acts.stage(
            self._reader.refs.read(ACTS), "external", refs, (work.state.ref, now)
        )
        self._reader.objects.flush()
        kept = {ref: pair for ref, pair in refs.items() if ref != now}
        self._reader.refs.update({**kept, ACTS: (self._reader.refs.read(ACTS), act.commit)})
        work.adopt_head(commit, now)
        return act

    def move_refs(
        self,
        kind: str,
        changes: Mapping[str, tuple[str | None, str | None]],
        *,
        head: str = "",
        step: int = 0,
        inverts: Act | None = None,
        before_move: Callable[[], None] = lambda: None,
    ) -> Act:
        """Move refs together (and HEAD to the ref `head`) as one act, log it, and let the work tree
        follow.

        `before_move` is called when everything the act needs is durable and nothing has moved yet.
        Raises HeadMoved, with nothing changed, when a ref is not its old value any more.
        """
        work, now = self.worktree, self._reader.refs.read_head()
        if self.recover() is not None and HEADS + self._reader.current_branch() in changes:
            raise HeadMoved(
                "plain git moved the head meanwhile", advice="Look at it and decide again"
            )
        for ref, (old, _) in changes.items():
            if self._reader.refs.read(ref) != old:
                raise HeadMoved(
                    "the session's history moved meanwhile",
                    f"{ref} is not what it was",
                    "Look at it and decide again",
                )
        to = head or now
        last = self._reader.refs.read(ACTS)
        act = self._reader.acts.stage(last, kind, changes, (now, to), step=step, inverts=inverts)
        commit = changes[to][1] if to in changes else self._reader.refs.read(to)
        self._reader.objects.flush(work.prepare_act(act.commit, commit or "", to))
        before_move()
        work.begin_act(act.commit)
        if not self._perform(act):
            raise HeadMoved(
                "plain git moved the head meanwhile", advice="Look at it and decide again"
            )
        self.step_versions = None
        return act

    def read_step_versions(self) -> list[Version]:
        """All versions that a step made, newest first: read once, then kept in memory.

        What plain git commits meanwhile is missing until `recover` has noticed it.
        """
        if self.step_versions is None:
            versions = [
                version for version in self._reader.read_log(all_branches=True) if version.step
            ]
            self.step_versions = sorted(versions, key=lambda v: (v.step or 0, -v.candidate))
        return self.step_versions[::-1]

    def next_abandoned_ref(self) -> str:
        """The ref under which the next act keeps a tip that it leaves behind."""
        last = self._reader.refs.read(ACTS)
        return f"{ABANDONED}{self._reader.acts.read(last).number + 1 if last else 1}"

    def cache_version(self, versions: list[Version] | None, commit: str, kind: VersionKind) -> None:
        """Add a version that was just made to all versions that a step made, as they were before
        (None: not read yet)."""
        if versions is not None:
            versions.append(parse_version(self._reader.objects.read_commit(commit), kind))
        self.step_versions = versions

    def _perform(self, act: Act) -> bool:
        """Carry out an act that has begun; after a kill, what is missing of it. Returns False when
        plain git moved a ref first.

        Waits while another git process writes a ref. A lock that stays is a killed writer's.
        """
        for patience in range(REF_LOCK_ATTEMPTS, -1, -1):
            changes = self._find_missing_changes(act)
            if changes is None:
                self.worktree.cancel_act()
                return False
            try:
                if changes:
                    self._reader.refs.update(changes)
                break
            except (SessionError, HeadMoved):
                if not patience:
                    raise
            if patience == REF_LOCK_ATTEMPTS // 2:
                remove_locks(
                    self._reader.path,
                    ["HEAD", *act.refs, ACTS, "packed-refs", "reftable/tables.list"],
                )
            time.sleep(0.02)
        if self._reader.refs.read_head() != act.head[1]:
            self._reader.refs.set_head(act.head[1])
        self.worktree.checkout(self._reader.head(), act.head[1])
        return True

    def _find_missing_changes(self, act: Act) -> dict[str, tuple[str | None, str | None]] | None:
        """The changes of an act that are not made yet; None where a ref is neither its old nor its
        new value."""
        last = self._reader.refs.read(ACTS)
        missing: dict[str, tuple[str | None, str | None]] = {}
        if last != act.commit:
            missing[ACTS] = (last, act.commit)
        for ref, (old, new) in act.refs.items():
            value = self._reader.refs.read(ref)
            if value != new:
                if value != old:
                    return None
                missing[ref] = (old, new)
        return missing

    def _find_external_changes(
        self, followed: WorkTreeState, ref: str, commit: str
    ) -> dict[str, tuple[str | None, str | None]]:
        """What plain git did to the branch that the work tree follows. A tip that it left behind is
        kept as abandoned."""
        if ref != followed.ref or not followed.at:
            return {}
        moved: dict[str, tuple[str | None, str | None]] = {ref: (followed.at, commit)}
        if not self._reader.is_ancestor(followed.at, commit):
            moved[self.next_abandoned_ref()] = (None, followed.at)
        return moved
