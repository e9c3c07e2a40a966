"""The versions of a session as rows of the history.

They are read in chunks, the newest first; later only what git has gained since.
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
"""Versions that are read at once: some 15 ms."""
Scores = Mapping[str, Mapping[str, Any]]
"""Commit to the score of a version that no step made: what `scored` said of it, or its score as a
base with its `group`."""


class HistoryLoader:
    """All versions and all proposals that were not taken. Belongs to one thread."""

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
        """How many versions are known of and not read yet."""
        return len(self._unread)

    @property
    def loaded_count(self) -> int:
        """How many versions are read."""
        return len(self._versions)

    def find_new_versions(self) -> bool:
        """Find out what git has now; whether anything is new (what `read` then reads)."""
        repository = self._repository
        refs = repository.refs.list_refs(HEADS, TAGS, REJECTED, ABANDONED, NOTES)
        head = repository.head()
        if (refs, head) == (self._refs, self._head):
            return False
        known = {
            self._head,
            *(sha for name, sha in self._refs.items() if name.startswith(HEADS)),
        } - {""}
        tips = {head, *(sha for name, sha in refs.items() if name != NOTES)}
        fresh = sorted(tips - known - self._versions.keys() - set(self._unread))
        if fresh:
            out = repository.run_git(
                "rev-list", "--topo-order", *fresh, *(f"^{sha}" for sha in sorted(known)), "--"
            )
            there = {*self._versions, *self._unread}
            found = [sha for sha in out.decode().split() if sha not in there]
            self._order = [*found, *self._order]
            self._unread = [*found, *self._unread]
        self._refs, self._head = refs, head
        return True

    def read_next_chunk(self) -> None:
        """Read the next piece."""
        piece, self._unread = self._unread[:CHUNK_SIZE], self._unread[CHUNK_SIZE:]
        if piece:
            found = self._repository.run_log("--no-walk=unsorted", *piece)
            self._versions.update((version.commit, version) for version in found)

    def build_rows(self, scores: Scores) -> tuple[HistoryRow, ...]:
        """What is read so far, the newest step first; what belongs to no step stands above the
        version it was made from."""
        names, changed = self._group_refs(), self._find_task_changes()
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
            branches, tags, kept = names.get(commit, NO_REFS)
            kind: VersionKind = (
                "branch" if commit in on_branch else "rejected" if kept else "abandoned"
            )
            known = (
                kind,
                branches,
                tags,
                commit == self._head,
                notes.get(commit, ""),
                commit in changed,
            )
            score = scores.get(commit, {}) if version.score is None and kind == "branch" else {}
            told = (
                score.get("mean"),
                score.get("stderr"),
                score.get("n"),
                _find_score_group(score),
            )
            rows.append(self._build_row(version, (*known, told)))
        steps = self._assign_steps(rows)
        return tuple(sorted(rows, key=lambda row: (-steps[row.commit], row.candidate)))

    # inside

    def _collect_base_scores(self) -> Scores:
        """What git alone knows of versions that no step made: their scores as the base of another
        version."""
        children = (v for v in self._versions.values() if v.base_score is not None)
        return {
            v.parent: {"mean": v.base_score, "n": v.n, "group": f"{v.task} {v.gate_set}"}
            for v in children
        }

    def _build_row(self, version: "Version", known: tuple[Any, ...]) -> HistoryRow:
        """The row of a version; the same object as long as nothing about it changes."""
        kept = self._rows.get(version.commit)
        if kept is None or kept[0] != known:
            kind, branches, tags, head, note, changed, (mean, stderr, n, group) = known
            version = replace(version, kind=kind, branches=branches, tags=tags)
            row = build_row(version, head=head, note=note, task_changed=changed)
            if mean is not None:
                row = replace(row, score=mean, stderr=stderr, n=int(n or 0), group=group)
            kept = self._rows[version.commit] = (known, row)
        return kept[1]

    def _group_refs(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]]:
        """Commit to its branches, its tags, and whether a proposal is kept there."""
        found: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {}
        for name, sha in self._refs.items():
            commit = (
                sha
                if sha in self._versions
                else self._resolve_tag(sha)
                if name.startswith(TAGS)
                else sha
            )
            branches, tags, kept = found.get(commit, NO_REFS)
            if name.startswith(HEADS):
                branches = (*branches, name.removeprefix(HEADS))
            elif name.startswith(TAGS):
                tags = (*tags, name.removeprefix(TAGS))
            found[commit] = (branches, tags, kept or name.startswith(REJECTED))
        return found

    def _resolve_tag(self, sha: str) -> str:
        """The commit that an annotated tag of plain git names."""
        found = self._repository.objects.read(sha)
        if found is None or found.kind != "tag":
            return sha
        return found.data.partition(b"\n")[0].removeprefix(b"object ").decode("ascii", "replace")

    def _find_branch_versions(self) -> set[str]:
        """The versions that a branch, or a head without one, leads to."""
        todo = [self._head, *(sha for name, sha in self._refs.items() if name.startswith(HEADS))]
        found: set[str] = set()
        while todo:
            commit = todo.pop()
            if commit not in found:
                found.add(commit)
                version = self._versions.get(commit)
                todo += version.parents if version else ()
        return found

    def _read_notes(self) -> Mapping[str, str]:
        """A person's notes by commit."""
        from genopt_tui.session.history.notes import read_notes

        at = self._refs.get(NOTES, "")
        if at != self._notes[0]:
            said = read_notes(self._repository) if at else {}
            self._notes = (at, {commit: single_line(text) for commit, text in said.items()})
        return self._notes[1]

    def _find_task_changes(self) -> set[str]:
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
    """Task and gate examples of a score of a version that no step made; empty for none."""
    from genopt_tui.session.history.versions import hash_gate_set

    if "group" in scored:
        return str(scored["group"])
    return f"{scored['fingerprint']} {hash_gate_set(scored['scores'])}" if scored else ""


NO_REFS: tuple[tuple[str, ...], tuple[str, ...], bool] = ((), (), False)


def build_row(
    version: "Version", *, head: bool, note: str = "", task_changed: bool = False
) -> HistoryRow:
    """A version as a row."""
    by_git = version.step is None and version.decision != "start"
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
        decided_by="git" if by_git else DECIDERS.get(version.decision, ""),
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
