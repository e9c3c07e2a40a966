"""Reads versions out of a session's git repository: head at once with the standard library alone, the history after."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import SessionError
from genopt_tui.session.objects import Commit, ObjectStore
from genopt_tui.session.progress import Candidate
from genopt_tui.session.summary import HeadSummary, head_summary
from genopt_tui.ui import words
from genopt_tui.ui.fold import DECIDERS, label_of
from genopt_tui.ui.snapshot import EvidenceView, HistoryRow, ProposalView, SessionInfo, Snapshot, VersionView

if TYPE_CHECKING:
    from genopt_tui.session.history import Version
    from genopt_tui.session.repository import Repository

Files = Mapping[str, str]


def first_snapshot(session: Path, head: HeadSummary | None = None) -> Snapshot:
    """Head's row, artifact and score, read (where `head` does not say them) before all else. Raises SessionError."""
    session = session.resolve()
    head = head or head_summary(session)
    score = head.score
    row = HistoryRow(
        commit=head.commit,
        label=words.version_label(head.step, head.decision, head.commit),
        step=head.step or 0,
        decision=head.decision,
        score=score.mean if score else None,
        stderr=score.stderr if score else None,
        n=score.n if score else 0,
        base_score=score.base if score else None,
        verdict=score.verdict if score else "",
        subject=head.subject,
        who=DECIDERS.get(head.decision, ""),
        branches=(head.branch,) if head.branch else (),
        head=True,
    )
    return Snapshot(
        SessionInfo(session.name, str(session)),
        branch=head.branch,
        head=head.commit,
        head_label=row.label,
        rows=(row,),
        version=VersionView(head.commit, row.label, head.files),
    )


def artifact_of(objects: ObjectStore, commit: Commit) -> Files:
    """File name to text of a version's artifact; empty where its tree holds none."""
    entry = objects.entries(commit.tree).get("artifact")
    return objects.texts(entry[1]) if entry else {}


class Reader:
    """Versions of one session; used and closed by one thread."""

    def __init__(self, session: Path) -> None:
        self.session = session
        self._objects = ObjectStore(session)
        self._repository: Repository | None = None
        self.branch = ""

    def close(self) -> None:
        self._objects.close()
        if self._repository is not None:
            self._repository.close()

    def head_commit(self) -> str:
        return self._objects.commit("HEAD").sha

    def artifact(self, tree: str) -> Files:
        """The files under an artifact tree."""
        return self._objects.texts(tree)

    def history(self) -> tuple[HistoryRow, ...]:
        """All versions and all proposals that were not taken, newest step first."""
        from genopt_tui.session.repository import Repository

        if self._repository is None:
            self._repository = Repository.open(self.session)
        head = self.head_commit()
        self.branch = self._repository.branch()
        return in_order([_row(version, head) for version in self._repository.log(all=True)])

    def best(self) -> str:
        """The best version's commit."""
        assert self._repository is not None
        return self._repository.best(self._repository.direction()).commit

    def info(self, info: SessionInfo) -> SessionInfo:
        """What the settings and head's design choices say about the session."""
        from genopt_tui.config import SessionSettings

        settings = SessionSettings.load(self.session)
        choices = self._choices(self._objects.commit("HEAD"))
        gate = choices.get("gate", {})
        return replace(
            info,
            task=str(choices.get("task", {}).get("name", "")) or info.task,
            start=str(choices.get("start", "")),
            mode=settings.mode,
            model=settings.model or info.model,
            workers=settings.workers,
            gate_size=int(gate.get("examples", 0)) * int(gate.get("repeats", 1)),
        )

    def tree(self, commit: str) -> str:
        """Id of a version's artifact."""
        return self._objects.entries(self._objects.commit(commit).tree)["artifact"][1]

    def blame(self, view: VersionView, rows: tuple[HistoryRow, ...]) -> Mapping[str, tuple[str, ...]]:
        """The label of the version that wrote each line, by file."""
        from genopt_tui.session.search import blame

        assert self._repository is not None
        labels = {row.commit: row.label for row in rows}
        found = {name: blame(self._repository, view.commit, name) for name in view.files}
        return {
            name: tuple(labels.get(line.version.commit, line.version.commit[:7]) for line in lines)
            for name, lines in found.items()
        }

    def _worth(self, commit: str) -> Mapping[int, Mapping[str, Any]]:
        """What leaving each hunk of a version out cost, where that was measured."""
        from genopt_tui.session.notes import HUNKS, notes

        if self._repository is None or not (text := notes(self._repository, HUNKS).get(commit)):
            return {}
        return {int(row["hunk"]): row for row in json.loads(text)["hunks"]}

    def design(self, commit: str) -> Mapping[str, Any]:
        """What the next update counts on, from a version's design choices: horizon and batch."""
        choices = self._choices(self._objects.commit(commit))
        return {name: choices.get(name, {}) for name in ("horizon", "batch")}

    def version(self, name: str, rows: tuple[HistoryRow, ...]) -> VersionView:
        """A version with its parent's files, scope and record."""
        commit = self._objects.commit(name)
        row = next((r for r in rows if r.commit == commit.sha), None)
        before = artifact_of(self._objects, self._objects.commit(commit.parents[0])) if commit.parents else {}
        scope = self._choices(commit).get("scope", [])
        entries = [scope] if isinstance(scope, str) else scope
        return VersionView(
            commit.sha,
            row.label if row else commit.sha[:7],
            artifact_of(self._objects, commit),
            before,
            start=self._start_files(rows),
            scope=tuple(str(entry) for entry in entries),
            record=self._record(commit),
        )

    def _start_files(self, rows: tuple[HistoryRow, ...]) -> Files:
        """The artifact that the session began with; empty while the history is not read."""
        start = next((row for row in reversed(rows) if row.decision == "start"), None)
        return artifact_of(self._objects, self._objects.commit(start.commit)) if start else {}

    def step_of(self, view: VersionView) -> tuple[ProposalView | None, EvidenceView]:
        """The proposal and the evidence that a version's record tells of."""
        record = view.record
        step, number = int(record.get("step") or 0), int(record.get("candidate") or 0)
        evidence = EvidenceView(
            step,
            sent=record.get("evidence") or None,
            batch=tuple((str(p["example"]), int(p.get("repeat", 0))) for p in _parts(record)),
            rollouts=tuple(_parts(record)),
            messages=tuple(record.get("prompt") or ()),
        )
        if not step or not record.get("reply"):
            return None, evidence
        proposal, scores = record.get("proposal") or {}, record.get("scores") or {}
        return ProposalView(
            step,
            number,
            label=label_of(step, number),
            text=str(record["reply"]),
            reasoning=str(proposal.get("reasoning", "")),
            base=view.before,
            files=view.files if view.files != view.before else None,
            changes=tuple(proposal.get("files") or ()),
            because=tuple((str(e), int(s)) for e, s in proposal.get("because") or ()),
            expects=tuple((str(e), str(w)) for e, w in proposal.get("expects") or ()),
            gate=scores if scores.get("mean") is not None else None,
            decided=str((record.get("decision") or {}).get("decision", "")),
            tree=str(scores.get("tree", "")),
            worth=self._worth(view.commit),
            candidate=Candidate(number),
        ), evidence

    def _choices(self, commit: Commit) -> dict[str, Any]:
        entry = self._objects.entries(commit.tree).get("genopt.toml")
        if not entry:
            return {}
        try:
            return tomllib.loads(self._objects.get(entry[1], "blob").data.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SessionError("genopt.toml of this version is not TOML", str(error)) from error

    def _record(self, commit: Commit) -> dict[str, Any]:
        entry = self._objects.entries(commit.tree).get("record.json")
        if not entry:
            return {}
        try:
            record = json.loads(self._objects.get(entry[1], "blob").data)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise SessionError("record.json of this version is not JSON", str(error)) from error
        return record if isinstance(record, dict) else {}


def in_order(rows: Sequence[HistoryRow]) -> tuple[HistoryRow, ...]:
    """Newest step first; what belongs to no step stays above the version it was made from. Children come before parents."""
    steps: dict[str, int] = {}
    for row in reversed(rows):
        steps[row.commit] = row.step or max((steps.get(parent, 0) for parent in row.parents), default=0)
    return tuple(sorted(rows, key=lambda row: (-steps[row.commit], row.candidate)))


def _parts(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((record.get("evidence") or {}).get("parts") or ())


def _row(version: "Version", head: str) -> HistoryRow:
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
        who=DECIDERS.get(version.decision, ""),
        branches=version.branches,
        parents=version.parents,
        head=version.commit == head,
        cost=version.cost,
        at=version.at,
    )
