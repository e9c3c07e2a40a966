"""Acts on history carried out: refs moved together by compare-and-swap, written down, followed by the work tree.

An announced act is finished even if its writer is killed; what plain git moved meanwhile is written down, never fought.
"""

import time
from collections.abc import Callable, Mapping

from genopt_tui.errors import SessionError
from genopt_tui.session.actlog import Act
from genopt_tui.session.history import Version
from genopt_tui.session.naming import Names
from genopt_tui.session.refs import ABANDONED, ACTS, HEADS, HeadMoved, remove_locks
from genopt_tui.session.worktree import Followed, WorkTree

PATIENCE = 50  # looks, 20 ms apart, at refs that another process is writing


class Mover(Names):
    """Moves the refs and the work tree of a session. Only for the holder of the session's lock."""

    _work: WorkTree | None = None
    _tried: list[Version] | None = None

    @property
    def work(self) -> WorkTree:
        """The work tree; what a killed writer left half done is finished first. Only for the holder of the lock."""
        if self._work is None:
            self._work = WorkTree(self.path, self.objects)
            self.recover()
        return self._work

    def recover(self) -> Act | None:
        """Finish what a killed writer began, then write down as an act what plain git moved meanwhile; returns that act."""
        work = self._work = self._work or WorkTree(self.path, self.objects)
        if work.followed.act:
            remove_locks(self.path, ["HEAD", "index"])
            self._perform(self.acts.read(work.followed.act))
        now, commit = self.at()
        if (work.followed.ref, work.followed.at) == (now, commit):
            return None
        self._tried = None
        refs = self._moved_by_others(work.followed, now, commit)
        act = self.acts.stage(self._value(ACTS), "external", refs, (work.followed.ref, now))
        self.objects.flush()
        kept = {ref: pair for ref, pair in refs.items() if ref != now}
        self.refs.update({**kept, ACTS: (self._value(ACTS), act.commit)})
        work.adopt(commit, now)
        return act

    def move(
        self,
        kind: str,
        changes: Mapping[str, tuple[str | None, str | None]],
        *,
        head: str = "",
        step: int = 0,
        inverts: Act | None = None,
        ready: Callable[[], None] = lambda: None,
    ) -> Act:
        """One act on history: move refs together (and HEAD to the ref `head`), write it down, let the work tree follow.

        All that it needs is durable first; then `ready` is called, and nothing has moved yet.
        """
        work, now = self.work, self.refs.head()
        if self.recover() is not None and HEADS + self.branch() in changes:
            raise HeadMoved("plain git moved the head meanwhile", advice="Look at it and decide again")
        for ref, (old, _) in changes.items():
            if self._value(ref) != old:
                raise HeadMoved(
                    "the session's history moved meanwhile", f"{ref} is not what it was", "Look at it and decide again"
                )
        to = head or now
        last = self._value(ACTS)
        act = self.acts.stage(last, kind, changes, (now, to), step=step, inverts=inverts)
        commit = changes[to][1] if to in changes else self._value(to)
        logged = {ACTS: (last, act.commit)}
        self.objects.flush([*work.announce(act.commit, commit or "", to), *self.refs.prepare({**changes, **logged})])
        ready()
        work.announced(act.commit)
        if not self._perform(act):
            raise HeadMoved("plain git moved the head meanwhile", advice="Look at it and decide again")
        self._tried = None
        return act

    def tried(self) -> list[Version]:
        """All versions that a step made, the newest first, as the writer knows them: read once, then kept in memory.

        What plain git names or commits meanwhile is not among them before `recover` has noticed it.
        """
        if self._tried is None:
            versions = [version for version in self.log(all=True) if version.step]
            self._tried = sorted(versions, key=lambda v: (v.step or 0, -v.candidate))
        return self._tried[::-1]

    def next_abandoned(self) -> str:
        """The ref under which the next act keeps a tip that it leaves behind."""
        last = self._value(ACTS)
        return f"{ABANDONED}{self.acts.read(last).number + 1 if last else 1}"

    # inside

    def _perform(self, act: Act) -> bool:
        """Do an announced act; done again after a kill, it does what is missing. False where plain git was faster.

        A ref that another git process is writing is waited for; a lock that stays is a killed writer's.
        """
        for patience in range(PATIENCE, -1, -1):
            changes = self._missing(act)
            if changes is None:
                self.work.forget()
                return False
            try:
                if changes:
                    self.refs.update(changes)
                break
            except SessionError:
                if not patience:
                    raise
            if patience == PATIENCE // 2:
                remove_locks(self.path, [*act.refs, ACTS, "packed-refs"])
            time.sleep(0.02)
        if self.refs.head() != act.head[1]:
            self.refs.set_head(act.head[1])
        self.work.follow(self.head(), act.head[1])
        return True

    def _missing(self, act: Act) -> dict[str, tuple[str | None, str | None]] | None:
        """What of an act's changes is still to be made; None where a ref is neither what it was nor what it should become."""
        last = self._value(ACTS)
        missing: dict[str, tuple[str | None, str | None]] = {}
        if last != act.commit:
            missing[ACTS] = (last, act.commit)
        for ref, (old, new) in act.refs.items():
            value = self._value(ref)
            if value != new:
                if value != old:
                    return None
                missing[ref] = (old, new)
        return missing

    def _moved_by_others(self, followed: Followed, ref: str, commit: str) -> dict[str, tuple[str | None, str | None]]:
        """What plain git did to the branch that is followed; a tip that it left behind is kept as abandoned."""
        if ref != followed.ref or not followed.at:
            return {}
        moved: dict[str, tuple[str | None, str | None]] = {ref: (followed.at, commit)}
        if not self.is_ancestor(followed.at, commit):
            moved[self.next_abandoned()] = (None, followed.at)
        return moved
