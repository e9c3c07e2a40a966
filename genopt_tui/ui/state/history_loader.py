"""The versions of a session as rows of the history.

They are read in chunks, the newest first. Later calls read only new versions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from sys import intern
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import single_line
from genopt_tui.session.git.refs import ABANDONED, HEADS, NOTES, REJECTED, TAGS
from genopt_tui.ui.state.reducer import DECIDERS
from genopt_tui.ui.state.snapshot import HistoryRow

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.history.versions import Version, VersionKind


CHUNK_SIZE = 400
"""Versions read at once, in about 15 ms."""
Scores = Mapping[str, Mapping[str, Any]]
"""By commit: the score of a version that no step made. It is the data of its `scored` event, or its
score as the base of a step, with its `group`."""


class HistoryLoader:
    """Reads all versions and all proposals that were not taken. Belongs to one thread."""

    def __init__(self, repository: "Repository") -> None:
        self._repository = repository
        self._refs: dict[str, str] = {}
        self._head = ""
        self._versions: dict[str, Version] = {}
        self._order: list[str] = []
        self._unread: list[str] = []
        self._steps: dict[str, int] = {}
        self._rows: dict[str, tuple[tuple[Any, ...], HistoryRow]] = {}
        self._notes: tuple[str, Mapping[str, str]] = ("", {})

    @property
    def missing_count(self) -> int:
        """Number of versions that git lists and that are not read yet."""
        return len(self._unread)

    @property
    def loaded_count(self) -> int:
        """Number of versions that are read."""
        return len(self._versions)

    def find_new_versions(self) -> bool:
        """List the versions of git now; whether anything changed. `read_next_chunk` reads them."""
        repository = self._repository
        refs = repository.refs.list_refs(HEADS, TAGS, REJECTED, ABANDONED, NOTES)
        head = repository.head()
        if (refs, head) == (self._refs, self._head):
            return False
        old_branches = {
            self._head,
            *(sha for name, sha in self._refs.items() if name.startswith(HEADS)),
        } - {""}
        tips = {head, *(sha for name, sha in refs.items() if name != NOTES)}
        new_tips = sorted(tips - old_branches - self._versions.keys() - set(self._unread))
        if new_tips:
            excluded = (f"^{sha}" for sha in sorted(old_branches))
            output = repository.run_git("rev-list", "--topo-order", *new_tips, *excluded, "--")
            listed = {*self._versions, *self._unread}
            new_commits = [sha for sha in output.decode().split() if sha not in listed]
            self._order = [*new_commits, *self._order]
            self._unread = [*new_commits, *self._unread]
        self._refs, self._head = refs, head
        return True

    def read_next_chunk(self) -> None:
        """Read the next CHUNK_SIZE versions."""
        chunk, self._unread = self._unread[:CHUNK_SIZE], self._unread[CHUNK_SIZE:]
        if chunk:
            versions = self._repository.run_log("--no-walk=unsorted", *chunk)
            self._versions.update((version.commit, version) for version in versions)

    def build_rows(self, scores: Scores) -> tuple[HistoryRow, ...]:
        """The versions read so far, the newest step first. A version that no step made stands above
        the one it was made from."""
        refs, changed = self._group_refs(), self._find_task_changes()
        on_branch, notes = self._find_branch_versions(), self._read_notes()
        if any(
            v.score is None and v.commit in on_branch and v.commit not in scores
            for v in self._versions.values()
        ):
            scores = {**self._collect_base_scores(), **scores}
        rows = []
        for commit in self._order:
            version = self._versions.get(commit)
            if version is None:
                continue
            branches, tags, rejected = refs.get(commit, NO_REFS)
            kind: VersionKind = (
                "branch" if commit in on_branch else "rejected" if rejected else "abandoned"
            )
            facts = (
                kind,
                branches,
                tags,
                commit == self._head,
                notes.get(commit, ""),
                commit in changed,
            )
            score = scores.get(commit, {}) if version.score is None and kind == "branch" else {}
            other_score = (
                score.get("mean"),
                score.get("stderr"),
                score.get("n"),
                _find_score_group(score),
            )
            rows.append(self._build_row(version, (*facts, other_score)))
        steps = self._assign_steps(rows)
        return tuple(sorted(rows, key=lambda row: (-steps[row.commit], row.candidate)))

    # inside

    def _collect_base_scores(self) -> Scores:
        """The scores of versions that no step made, as git records them: as the base of a child."""
        children = (v for v in self._versions.values() if v.base_score is not None)
        return {
            v.parent: {"mean": v.base_score, "n": v.n, "group": f"{v.task} {v.gate_set}"}
            for v in children
        }

    def _build_row(self, version: "Version", facts: tuple[Any, ...]) -> HistoryRow:
        """The row of a version; the same object as long as its `facts` are the same."""
        entry = self._rows.get(version.commit)
        if entry is None or entry[0] != facts:
            kind, branches, tags, head, note, changed, (mean, stderr, n, group) = facts
            version = replace(version, kind=kind, branches=branches, tags=tags)
            row = build_row(version, head=head, note=note, task_changed=changed)
            if mean is not None:
                row = replace(row, score=mean, stderr=stderr, n=int(n or 0), group=group)
            entry = self._rows[version.commit] = (facts, row)
        return entry[1]

    def _group_refs(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]]:
        """By commit: its branches, its tags, and whether it is a rejected proposal."""
        groups: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {}
        for name, sha in self._refs.items():
            commit = (
                sha
                if sha in self._versions
                else self._resolve_tag(sha)
                if name.startswith(TAGS)
                else sha
            )
            branches, tags, rejected = groups.get(commit, NO_REFS)
            if name.startswith(HEADS):
                branches = (*branches, name.removeprefix(HEADS))
            elif name.startswith(TAGS):
                tags = (*tags, name.removeprefix(TAGS))
            groups[commit] = (branches, tags, rejected or name.startswith(REJECTED))
        return groups

    def _resolve_tag(self, sha: str) -> str:
        """The commit that an annotated tag names: a person may have made one with git."""
        entry = self._repository.objects.read(sha)
        if entry is None or entry.kind != "tag":
            return sha
        return entry.data.partition(b"\n")[0].removeprefix(b"object ").decode("ascii", "replace")

    def _find_branch_versions(self) -> set[str]:
        """The versions reachable from a branch or from a detached head."""
        todo = [self._head, *(sha for name, sha in self._refs.items() if name.startswith(HEADS))]
        reachable: set[str] = set()
        while todo:
            commit = todo.pop()
            if commit not in reachable:
                reachable.add(commit)
                version = self._versions.get(commit)
                todo += version.parents if version else ()
        return reachable

    def _read_notes(self) -> Mapping[str, str]:
        """A person's notes by commit."""
        from genopt_tui.session.history.notes import read_notes

        tip = self._refs.get(NOTES, "")
        if tip != self._notes[0]:
            notes = read_notes(self._repository) if tip else {}
            self._notes = (tip, {commit: single_line(text) for commit, text in notes.items()})
        return self._notes[1]

    def _find_task_changes(self) -> set[str]:
        """The versions before which the task itself changed."""
        from genopt_tui.session.history.versions import find_task_changes

        return find_task_changes(
            [self._versions[commit] for commit in self._order if commit in self._versions]
        )

    def _assign_steps(self, rows: Sequence[HistoryRow]) -> dict[str, int]:
        """The step beside which each version stands."""
        steps = self._steps
        for row in reversed(rows):
            if row.commit not in steps:
                steps[row.commit] = row.step or max(
                    (steps.get(parent, 0) for parent in row.parents), default=0
                )
        return steps


def _find_score_group(scored: Mapping[str, Any]) -> str:
    """Which scores the score compares with: a hash of task and gate examples; empty for none."""
    from genopt_tui.session.history.versions import hash_gate_set

    if "group" in scored:
        return str(scored["group"])
    return f"{scored['fingerprint']} {hash_gate_set(scored['scores'])}" if scored else ""


NO_REFS: tuple[tuple[str, ...], tuple[str, ...], bool] = ((), (), False)


def build_row(
    version: "Version", *, head: bool, note: str = "", task_changed: bool = False
) -> HistoryRow:
    """The row of a version."""
    made_with_git = version.step is None and version.decision != "start"
    return HistoryRow(
        commit=version.commit,
        label="start" if version.decision == "start" else version.name,
        step=version.step or 0,
        candidate=version.candidate,
        kind=version.kind,
        decision=version.decision,
        score=version.score,
        stderr=version.stderr,
        n=version.n,
        base_score=version.base_score,
        verdict=version.verdict,
        subject=version.subject,
        model=version.model,
        decided_by="git" if made_with_git else DECIDERS.get(version.decision, ""),
        branches=version.branches,
        parents=version.parents,
        head=head,
        cost=version.cost,
        at=version.at,
        tags=version.tags,
        note=note,
        task_changed=task_changed,
        group=intern(f"{version.task} {version.gate_set}"),
    )
