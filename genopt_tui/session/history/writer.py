"""Versions by what a person calls them.

Acts on history carried out: refs moved together by compare-and-swap, written down, followed by the
work tree.

An announced act is finished even if its writer is killed; what plain git moved meanwhile is written
down, never fought.
"""

import time
from collections.abc import Callable, Mapping

from genopt_tui.errors import SessionError
from genopt_tui.session.git.refs import ABANDONED, ACTS, HEADS, HeadMoved, remove_locks
from genopt_tui.session.git.worktree import WorkTree, WorkTreeState
from genopt_tui.session.history.act_log import Act
from genopt_tui.session.history.best import find_best
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.resolve import resolve_version
from genopt_tui.session.history.versions import Version


class VersionFinder(HistoryReader):
    """Finds versions by name and by rank."""

    def find_best(self, direction: str = "higher") -> Version:
        """The best version by the lower confidence bound among those scored as head's line was;
        head when none is scored."""
        return find_best(self, direction) or self.read_version(self.head())

    def resolve(self, text: str) -> str:
        """The commit that a person means: head, start, best, a step (`7`, `7b`, `7.1`), branch, tag
        or commit id.

        Raises SessionError with the nearest name.
        """
        return resolve_version(self, text)


REF_LOCK_ATTEMPTS = 8  # tries, each some 120 ms, to write refs that another process is writing


class HistoryWriter(VersionFinder):
    """Moves the refs and the work tree of a session. Only for the holder of the session's lock."""

    _worktree: WorkTree | None = None
    _step_versions: list[Version] | None = None

    @property
    def worktree(self) -> WorkTree:
        """The work tree; what a killed writer left half done is finished first. Only for the holder
        of the lock."""
        if self._worktree is None:
            self._worktree = WorkTree(self.path, self.objects)
            self.recover()
        return self._worktree

    def recover(self) -> Act | None:
        """Finish what a killed writer began, then write down as an act what plain git moved
        meanwhile; returns that act."""
        work = self._worktree = self._worktree or WorkTree(self.path, self.objects)
        if work.state.act:
            remove_locks(self.path, ["HEAD", "index"])
            self._perform(self.acts.read(work.state.act))
        now, commit = self.resolve_head()
        if (work.state.ref, work.state.at) == (now, commit):
            return None
        self._step_versions = None
        refs = self._find_external_changes(work.state, now, commit)
        act = self.acts.stage(self._read_ref(ACTS), "external", refs, (work.state.ref, now))
        self.objects.flush()
        kept = {ref: pair for ref, pair in refs.items() if ref != now}
        self.refs.update({**kept, ACTS: (self._read_ref(ACTS), act.commit)})
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
        """One act on history: move refs together (and HEAD to the ref `head`), write it down, let
        the work tree follow.

        All that it needs is durable first; then `ready` is called, and nothing has moved yet.
        """
        work, now = self.worktree, self.refs.read_head()
        if self.recover() is not None and HEADS + self.current_branch() in changes:
            raise HeadMoved(
                "plain git moved the head meanwhile", advice="Look at it and decide again"
            )
        for ref, (old, _) in changes.items():
            if self._read_ref(ref) != old:
                raise HeadMoved(
                    "the session's history moved meanwhile",
                    f"{ref} is not what it was",
                    "Look at it and decide again",
                )
        to = head or now
        last = self._read_ref(ACTS)
        act = self.acts.stage(last, kind, changes, (now, to), step=step, inverts=inverts)
        commit = changes[to][1] if to in changes else self._read_ref(to)
        self.objects.flush(work.prepare_act(act.commit, commit or "", to))
        before_move()
        work.begin_act(act.commit)
        if not self._perform(act):
            raise HeadMoved(
                "plain git moved the head meanwhile", advice="Look at it and decide again"
            )
        self._step_versions = None
        return act

    def read_step_versions(self) -> list[Version]:
        """All versions that a step made, the newest first, as the writer knows them: read once,
        then kept in memory.

        What plain git names or commits meanwhile is not among them before `recover` has noticed it.
        """
        if self._step_versions is None:
            versions = [version for version in self.read_log(all_branches=True) if version.step]
            self._step_versions = sorted(versions, key=lambda v: (v.step or 0, -v.candidate))
        return self._step_versions[::-1]

    def next_abandoned_ref(self) -> str:
        """The ref under which the next act keeps a tip that it leaves behind."""
        last = self._read_ref(ACTS)
        return f"{ABANDONED}{self.acts.read(last).number + 1 if last else 1}"

    # inside

    def _perform(self, act: Act) -> bool:
        """Do an announced act; done again after a kill, it does what is missing. False where plain
        git was faster.

        A ref that another git process is writing is waited for; a lock that stays is a killed
        writer's.
        """
        for patience in range(REF_LOCK_ATTEMPTS, -1, -1):
            changes = self._find_missing_changes(act)
            if changes is None:
                self.worktree.cancel_act()
                return False
            try:
                if changes:
                    self.refs.update(changes)
                break
            except SessionError:
                if not patience:
                    raise
            if patience == REF_LOCK_ATTEMPTS // 2:
                remove_locks(
                    self.path, ["HEAD", *act.refs, ACTS, "packed-refs", "reftable/tables.list"]
                )
            time.sleep(0.02)
        if self.refs.read_head() != act.head[1]:
            self.refs.set_head(act.head[1])
        self.worktree.checkout(self.head(), act.head[1])
        return True

    def _find_missing_changes(self, act: Act) -> dict[str, tuple[str | None, str | None]] | None:
        """What of an act's changes is still to be made; None where a ref is neither what it was nor
        what it should become."""
        last = self._read_ref(ACTS)
        missing: dict[str, tuple[str | None, str | None]] = {}
        if last != act.commit:
            missing[ACTS] = (last, act.commit)
        for ref, (old, new) in act.refs.items():
            value = self._read_ref(ref)
            if value != new:
                if value != old:
                    return None
                missing[ref] = (old, new)
        return missing

    def _find_external_changes(
        self, followed: WorkTreeState, ref: str, commit: str
    ) -> dict[str, tuple[str | None, str | None]]:
        """What plain git did to the branch that is followed; a tip that it left behind is kept as
        abandoned."""
        if ref != followed.ref or not followed.at:
            return {}
        moved: dict[str, tuple[str | None, str | None]] = {ref: (followed.at, commit)}
        if not self.is_ancestor(followed.at, commit):
            moved[self.next_abandoned_ref()] = (None, followed.at)
        return moved
