"""Reads versions out of a session's git repository: head at once with the standard library alone, the history after."""

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
from genopt_tui.session.objects import Commit, ObjectStore
from genopt_tui.session.progress import Candidate
from genopt_tui.session.summary import HeadSummary, head_summary
from genopt_tui.ui import words
from genopt_tui.ui.fold import DECIDERS, label_of
from genopt_tui.ui.snapshot import EvidenceView, HistoryRow, ProposalView, SessionInfo, Snapshot, VersionView

if TYPE_CHECKING:
    from genopt_tui.session.repository import Repository
    from genopt_tui.ui.past import Past

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


def read_settings(session: Path) -> dict[str, Any]:
    """The settings that the user's own file and the session's give, the session's first; what is no TOML gives none."""
    found: dict[str, Any] = {}
    for file, table in ((user_file("settings.toml"), "session"), (settings_file(session), "")):
        with suppress(FileNotFoundError, tomllib.TOMLDecodeError):
            told = tomllib.loads(file.read_text(encoding="utf-8", errors="replace"))
            found |= told.get(table, {}) if table else told
    return found


class Reader:
    """Versions of one session; used and closed by one thread."""

    def __init__(self, session: Path) -> None:
        self.session = session
        self._objects = ObjectStore(session)
        self._repository: Repository | None = None
        self._past: Past | None = None

    def close(self) -> None:
        self._objects.close()
        if self._repository is not None:
            self._repository.close()

    def head_commit(self) -> str:
        return self._objects.commit("HEAD").sha

    def artifact(self, tree: str) -> Files:
        """The files under an artifact tree."""
        return self._objects.texts(tree)

    @property
    def repository(self) -> "Repository":
        """The repository, opened with what it needs once the first content stands."""
        if self._repository is None:
            from genopt_tui.ui.light import LightRepository

            self._repository = LightRepository.open(self.session)
            self._objects.close()  # one git process and one memory of objects are enough
            self._objects = self._repository.objects
        return self._repository

    @property
    def past(self) -> "Past":
        if self._past is None:
            from genopt_tui.ui.past import Past

            self._past = Past(self.repository)
        return self._past

    @property
    def branch(self) -> str | None:
        """The active branch; empty where none is checked out, None while nothing is known yet."""
        return self._repository.branch() if self._repository is not None else None

    def opened(self) -> int:
        """How often the test split was looked at."""
        from genopt_tui.session.notes import openings

        return sum(openings(self.repository).values())

    def best(self) -> str:
        """The best version's commit."""
        direction = self._record(self._objects.commit(self.repository.head())).get("direction")
        return self.repository.best("lower" if direction == "lower" else "higher").commit

    def info(self, info: SessionInfo) -> SessionInfo:
        """What the settings (as whoever set them has checked them) and head's design choices say about the session."""
        settings = read_settings(self.session)
        choices = self._choices(self._objects.commit("HEAD"))
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
        """Raises SessionError when the session's settings file is no TOML: nothing of it is in force then."""
        file = settings_file(self.session)
        try:
            tomllib.loads(file.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return
        except tomllib.TOMLDecodeError as error:
            raise SessionError(f"{file}: {error}", "Correct the file; none of its settings is in force") from error

    def tree(self, commit: str) -> str:
        """Id of a version's artifact."""
        return self._objects.entries(self._objects.commit(commit).tree)["artifact"][1]

    def trees(self, commit: str) -> tuple[str, str]:
        """Ids of the artifact that a version was made from (empty for a start), and of its own."""
        parents = self._objects.commit(commit).parents
        return self.tree(parents[0]) if parents else "", self.tree(commit)

    def blame(self, view: VersionView, rows: tuple[HistoryRow, ...]) -> Mapping[str, tuple[str, ...]]:
        """Which version wrote each line and what its score did, by file."""
        from genopt_tui.session.search import blame

        by_commit = {row.commit: row for row in rows}
        found = {name: blame(self.repository, view.commit, name) for name in view.files}
        return {
            name: tuple(_author(line.version.commit, by_commit.get(line.version.commit)) for line in lines)
            for name, lines in found.items()
        }

    def _worth(self, commit: str) -> Mapping[int, Mapping[str, Any]]:
        """What leaving each hunk of a version out cost, where that was measured."""
        from genopt_tui.session.notes import HUNKS, notes

        text = notes(self.repository, HUNKS).get(commit)
        return {int(row["hunk"]): row for row in json.loads(text)["hunks"]} if text else {}

    def design(self, commit: str) -> Mapping[str, Any]:
        """What the next update counts on, from a version's design choices: horizon, batch and examples left out."""
        choices = self._choices(self._objects.commit(commit))
        return {name: choices.get(name, {}) for name in ("horizon", "batch", "exclude")}

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


def _author(commit: str, row: HistoryRow | None) -> str:
    """Who wrote a line, and what that version's score did: `7 +5.2 up`."""
    if row is None:
        return commit[:7]
    change = words.change(row.verdict, row.difference)
    return " ".join(filter(None, (row.label, words.signed(row.difference), change)))


def _parts(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((record.get("evidence") or {}).get("parts") or ())
