"""Reads versions from a session's git repository: head first, with the standard library alone."""

import json
import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import SessionError
from genopt_tui.folders import settings_file, user_file
from genopt_tui.session.git.objects import Commit, ObjectStore
from genopt_tui.session.progress import Candidate, list_unchecked
from genopt_tui.session.summary import HeadSummary, head_summary
from genopt_tui.ui import formatters
from genopt_tui.ui.state.reducer import DECIDERS, format_step_label
from genopt_tui.ui.state.snapshot import (
    EvidenceView,
    Files,
    HistoryRow,
    ProposalView,
    SessionInfo,
    Snapshot,
    VersionView,
)

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.ui.state.history_loader import HistoryLoader


def read_first_snapshot(session: Path, head: HeadSummary | None = None) -> Snapshot:
    """Head's row, artifact and score: the first content of the screen. Raises SessionError."""
    session = session.resolve()
    head = head or head_summary(session)
    score = head.score
    row = HistoryRow(
        commit=head.commit,
        label=head.label,
        step=head.step or 0,
        decision=head.decision,
        score=score.mean if score else None,
        stderr=score.stderr if score else None,
        n=score.n if score else 0,
        base_score=score.base if score else None,
        verdict=score.verdict if score else "",
        subject=head.subject,
        decided_by=DECIDERS.get(head.decision, ""),
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


def read_artifact_files(objects: ObjectStore, commit: Commit) -> Files:
    """The artifact of a version; empty where its tree has none."""
    entry = objects.read_tree(commit.tree).get("artifact")
    return objects.read_texts(entry[1]) if entry else {}


def read_settings(session: Path) -> dict[str, Any]:
    """The settings in the user's file and in the session's, which wins; a file that is not TOML
    gives none."""
    found: dict[str, Any] = {}
    for file, table in ((user_file("settings.toml"), "session"), (settings_file(session), "")):
        with suppress(FileNotFoundError, tomllib.TOMLDecodeError):
            data = tomllib.loads(file.read_text(encoding="utf-8", errors="replace"))
            found |= data.get(table, {}) if table else data
    return found


class VersionReader:
    """Versions of one session; used and closed by one thread."""

    def __init__(self, session: Path) -> None:
        self.session = session
        self._objects = ObjectStore(session)
        self._repository: Repository | None = None
        self._history: HistoryLoader | None = None

    def close(self) -> None:
        self._objects.close()
        if self._repository is not None:
            self._repository.close()

    def read_head_commit(self) -> str:
        return self._objects.read_commit("HEAD").sha

    def read_artifact(self, tree: str) -> Files:
        """The files under an artifact tree."""
        return self._objects.read_texts(tree)

    @property
    def repository(self) -> "Repository":
        """The repository, opened on first use: after the first content."""
        if self._repository is None:
            from genopt_tui.session.history.repository import Repository

            self._repository = Repository.open(self.session)
            self._objects.close()  # one git process and one object cache are enough
            self._objects = self._repository.objects
        return self._repository

    @property
    def history(self) -> "HistoryLoader":
        if self._history is None:
            from genopt_tui.ui.state.history_loader import HistoryLoader

            self._history = HistoryLoader(self.repository)
        return self._history

    @property
    def branch(self) -> str | None:
        """The active branch; empty where none is checked out, None while nothing is known yet."""
        return self._repository.current_branch() if self._repository is not None else None

    def count_test_openings(self) -> int:
        """How often the test split was opened."""
        from genopt_tui.session.history.notes import count_openings

        return sum(count_openings(self.repository).values())

    def find_best(self) -> str:
        """The best version's commit."""
        direction = self._read_record(self._objects.read_commit(self.repository.head())).get(
            "direction"
        )
        return self.repository.find_best("lower" if direction == "lower" else "higher").commit

    def read_session_info(self, info: SessionInfo) -> SessionInfo:
        """What settings and head's design choices say about the session. Whoever set them has
        checked them."""
        settings = read_settings(self.session)
        choices = self._read_choices(self._objects.read_commit("HEAD"))
        gate = choices.get("gate", {})
        return replace(
            info,
            task=str(choices.get("task", {}).get("name", "")) or info.task,
            start=str(choices.get("start", "")),
            mode=str(settings.get("mode") or "ask"),
            model=str(settings.get("model") or info.model),
            workers=int(settings.get("workers") or os.cpu_count() or 1),
            gate_size=int(gate.get("examples", 0)) * int(gate.get("repeats", 1)),
        )

    def check_settings(self) -> None:
        """Raises SessionError when the session's settings file is not TOML: it then has no effect."""
        file = settings_file(self.session)
        try:
            tomllib.loads(file.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return
        except tomllib.TOMLDecodeError as error:
            raise SessionError(
                f"{file}: {error}", "Correct the file; none of its settings is in force"
            ) from error

    def find_artifact_tree(self, commit: str) -> str:
        """Id of a version's artifact."""
        return self._objects.read_tree(self._objects.read_commit(commit).tree)["artifact"][1]

    def find_artifact_trees(self, commit: str) -> tuple[str, str]:
        """Tree ids of the parent's artifact (empty for a start) and of the version's own."""
        parents = self._objects.read_commit(commit).parents
        return self.find_artifact_tree(parents[0]) if parents else "", self.find_artifact_tree(
            commit
        )

    def read_blame(
        self, view: VersionView, rows: tuple[HistoryRow, ...]
    ) -> Mapping[str, tuple[str, ...]]:
        """By file, which version wrote each line and how its score changed."""
        from genopt_tui.session.history.search import blame

        by_commit = {row.commit: row for row in rows}
        found = {name: blame(self.repository, view.commit, name) for name in view.files}
        return {
            name: tuple(
                _format_author(line.version.commit, by_commit.get(line.version.commit))
                for line in lines
            )
            for name, lines in found.items()
        }

    def _read_hunk_worth(self, commit: str) -> Mapping[int, Mapping[str, Any]]:
        """What leaving each hunk of a version out cost, where that was measured."""
        from genopt_tui.session.history.notes import HUNKS, read_notes

        text = read_notes(self.repository, HUNKS).get(commit)
        return {int(row["hunk"]): row for row in json.loads(text)["hunks"]} if text else {}

    def read_design(self, commit: str) -> Mapping[str, Any]:
        """Horizon, batch and excluded examples from a version's design choices."""
        choices = self._read_choices(self._objects.read_commit(commit))
        return {name: choices.get(name, {}) for name in ("horizon", "batch", "exclude")}

    def read_version(self, name: str, rows: tuple[HistoryRow, ...]) -> VersionView:
        """A version with its parent's files, scope and record."""
        commit = self._objects.read_commit(name)
        row = next((r for r in rows if r.commit == commit.sha), None)
        before = (
            read_artifact_files(self._objects, self._objects.read_commit(commit.parents[0]))
            if commit.parents
            else {}
        )
        scope = self._read_choices(commit).get("scope", [])
        entries = [scope] if isinstance(scope, str) else scope
        return VersionView(
            commit.sha,
            row.label if row else commit.sha[:7],
            read_artifact_files(self._objects, commit),
            before,
            start=self._read_start_files(rows),
            scope=tuple(str(entry) for entry in entries),
            record=self._read_record(commit),
        )

    def _read_start_files(self, rows: tuple[HistoryRow, ...]) -> Files:
        """The artifact that the session began with; empty while the history is not read."""
        start = next((row for row in reversed(rows) if row.decision == "start"), None)
        return (
            read_artifact_files(self._objects, self._objects.read_commit(start.commit))
            if start
            else {}
        )

    def read_step(self, view: VersionView) -> tuple[ProposalView | None, EvidenceView]:
        """The proposal and the evidence in a version's record."""
        record = view.record
        step, number = int(record.get("step") or 0), int(record.get("candidate") or 0)
        evidence = EvidenceView(
            step,
            sent=record.get("evidence") or None,
            batch=tuple(
                (str(p["example"]), int(p.get("repeat", 0))) for p in _list_evidence_parts(record)
            ),
            rollouts=tuple(_list_evidence_parts(record)),
            messages=tuple(record.get("prompt") or ()),
        )
        if not step or not record.get("reply"):
            return None, evidence
        proposal, scores = record.get("proposal") or {}, record.get("scores") or {}
        return ProposalView(
            step,
            number,
            label=format_step_label(step, number),
            text=str(record["reply"]),
            reasoning=str(proposal.get("reasoning", "")),
            base=view.before,
            files=view.files if view.files != view.before else None,
            changes=tuple(proposal.get("files") or ()),
            because=tuple((str(e), int(s)) for e, s in proposal.get("because") or ()),
            expects=tuple((str(e), str(w)) for e, w in proposal.get("expects") or ()),
            unchecked=list_unchecked(proposal.get("expects") or (), proposal.get("promised") or ())
            if scores.get("mean") is not None
            else (),
            gate=scores if scores.get("mean") is not None else None,
            decision=str((record.get("decision") or {}).get("decision", "")),
            reason=str((record.get("decision") or {}).get("reason", "")),
            tree=str(scores.get("tree", "")),
            hunk_worth=self._read_hunk_worth(view.commit),
            candidate=Candidate(number),
        ), evidence

    def _read_choices(self, commit: Commit) -> dict[str, Any]:
        entry = self._objects.read_tree(commit.tree).get("genopt.toml")
        if not entry:
            return {}
        try:
            return tomllib.loads(self._objects.get(entry[1], "blob").data.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SessionError("genopt.toml of this version is not TOML", str(error)) from error

    def _read_record(self, commit: Commit) -> dict[str, Any]:
        entry = self._objects.read_tree(commit.tree).get("record.json")
        if not entry:
            return {}
        try:
            record = json.loads(self._objects.get(entry[1], "blob").data)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise SessionError("record.json of this version is not JSON", str(error)) from error
        return record if isinstance(record, dict) else {}


def _format_author(commit: str, row: HistoryRow | None) -> str:
    """Who wrote a line, and how that version's score changed: `7 +5.2 up`."""
    if row is None:
        return commit[:7]
    change = formatters.format_change(row.verdict, row.difference)
    return " ".join(filter(None, (row.label, formatters.format_difference(row.difference), change)))


def _list_evidence_parts(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((record.get("evidence") or {}).get("parts") or ())
