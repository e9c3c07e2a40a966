"""What happens to a session's folder without the application: a person's editor, and plain git."""

import json
import os
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import GenoptError
from genopt_tui.folders import settings_file, user_file
from genopt_tui.session import queries
from genopt_tui.session.git.refs import HEADS
from genopt_tui.session.queries import QueryResult
from genopt_tui.ui.state.snapshot import ExternalChanges

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository

SCANS_PER_TASK_CHECK = 5
"""Scans between two checks of the task's files."""
WATCHED_REFS = (
    "HEAD",
    "packed-refs",
    "refs/heads",
    "refs/tags",
    "refs/genopt",
    "refs/genopt/rejected",
    "refs/genopt/abandoned",
    "reftable",
)
"""Files and folders whose mtime changes when a ref moves: git renames a lock file over the ref."""


class SessionWatcher:
    """Watches a session's folder. Belongs to one thread."""

    def __init__(self, session: Path) -> None:
        self.session = session
        self.changes = ExternalChanges()
        self._ref_times: tuple[Any, ...] = ()
        self._last_state: tuple[Any, ...] = ()
        self._scanned_state: tuple[Any, ...] = ()
        self._scan_count = 0
        self.task = TaskWatcher(session)

    def have_refs_moved(self) -> bool:
        """Whether a ref may have moved since the last call."""
        now = tuple(_read_mtime(self.session / ".git" / name) for name in WATCHED_REFS)
        before, self._ref_times = self._ref_times, now
        return bool(before) and before != now

    def scan(self, repository: "Repository") -> None:
        """Find out what was edited by hand and what plain git moved. A state counts once two scans
        in a row have seen it: an editor may be in the middle of a write."""
        files = tuple(sorted(self._stat_files()))
        now = (files, repository.head(), self._read_worktree_record())
        settled, self._last_state = now == self._last_state, now
        if settled and now != self._scanned_state:
            self._scanned_state = now
            moved = _describe_git_change(repository, self._read_worktree_record())
            self.changes = ExternalChanges(
                *_find_edited(repository), moved, self.changes.task_changed
            )
        self._scan_count += 1
        if self._scan_count % SCANS_PER_TASK_CHECK == 1 or self.task.is_querying:
            self.changes = replace(self.changes, task_changed=self.task.has_changed(repository))

    def _stat_files(self) -> list[tuple[str, int, int]]:
        """Name, time and size of every file that a person may have edited."""
        places = [self.session / "genopt.toml"]
        for folder, folders, names in os.walk(self.session / "artifact"):
            folders[:] = [
                name for name in folders if not name.startswith(".") and name != "__pycache__"
            ]
            places += [Path(folder, name) for name in names]
        found = []
        for place in places:
            try:
                stat = place.lstat()
            except FileNotFoundError:  # deleted since it was listed
                continue
            found.append((str(place), stat.st_mtime_ns, stat.st_size))
        return found

    def _read_worktree_record(self) -> str:
        """The record of what the loop last checked out; empty while an act is under way."""
        folder = self.session / ".git" / "genopt"
        if (folder / "act.json").exists():
            return ""
        try:
            return (folder / "worktree.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""


class TaskWatcher:
    """Whether the task (code, data, settings, limits) has changed since head was scored, and the
    rule of its scores.

    The query runs in a thread, and again whenever a file of the task changes.
    """

    def __init__(self, session: Path) -> None:
        self._session = session
        self._queried_state: tuple[Any, ...] = ()
        self._facts: QueryResult = {}
        self._query_thread: Thread | None = None

    @property
    def is_querying(self) -> bool:
        """Whether an answer is awaited, or came since the last call of `has_changed`."""
        return self._query_thread is not None

    @property
    def rule(self) -> str:
        """The score rule with the settings that were changed; empty while it is not known."""
        return str(self._facts.get("rule", ""))

    @property
    def fingerprint(self) -> str:
        """The task's fingerprint; empty while it is not known."""
        return str(self._facts.get("fingerprint", ""))

    def has_changed(self, repository: "Repository") -> bool:
        from genopt_tui.session.history.best import find_score_group

        choices = repository.read_choices_text(repository.head())
        if not self.is_querying and (choices, self._stat_files()) != self._queried_state:
            self._query_thread = Thread(
                target=self._query_facts, args=(choices,), daemon=True, name="genopt-task"
            )
            self._query_thread.start()
            if queries.has_models_loaded():
                self._query_thread.join()
        if self._query_thread is not None and not self._query_thread.is_alive():
            self._query_thread = None
        group = find_score_group(repository, repository.head())
        return (
            bool(self._facts)
            and group is not None
            and group.partition(" ")[0] not in {"?", self._facts["fingerprint"]}
        )

    def _query_facts(self, choices: str) -> None:
        try:
            self._facts = queries.run_query("task", str(self._session), choices)
        except (GenoptError, OSError):  # running the task gives the same error, to whoever asked
            self._facts = {}
        self._queried_state = (choices, self._stat_files())

    def _stat_files(self) -> tuple[int, ...]:
        own = (user_file("settings.toml"), user_file("tasks"), settings_file(self._session))
        return tuple(map(_read_mtime, (*own, *map(Path, self._facts.get("places", ())))))


def _read_mtime(place: Path) -> int:
    try:
        return place.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _find_edited(repository: "Repository") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files that were edited by hand, and those in which a conflict is marked."""
    edit = repository.read_hand_edit()
    if edit is None:
        return (), ()
    from genopt_tui.session.history.acts import has_conflict_markers

    names = sorted(edit.changed) + (["genopt.toml"] if edit.choices is not None else [])
    return tuple(names), tuple(
        name for name in names if has_conflict_markers(edit.files.get(name, ""))
    )


def _describe_git_change(repository: "Repository", worktree_record: str) -> str:
    """What plain git did to head since the loop last checked it out; empty for nothing."""
    try:
        followed = json.loads(worktree_record)
    except (
        ValueError
    ):  # not written yet, or half of it when the power went, or an act is being done
        return ""
    ref, commit = repository.refs.read_head(), repository.head()
    if (followed["ref"], followed["at"]) == (ref, commit):
        return ""
    branch = ref.removeprefix(HEADS) if ref.startswith(HEADS) else ""
    if not branch:
        return f"plain git checked out {commit[:7]}, which is no branch"
    if ref != followed["ref"]:
        return f"plain git switched to {branch}"
    return f"plain git moved {branch} to {commit[:7]}"
