"""What happens to a session's folder without the application: a person's editor, and plain git."""

import json
import os
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import GenoptError
from genopt_tui.folders import settings_file, user_file
from genopt_tui.session import facts
from genopt_tui.session.facts import Facts
from genopt_tui.session.refs import HEADS
from genopt_tui.ui.snapshot import Outside

if TYPE_CHECKING:
    from genopt_tui.session.repository import Repository

TASK_EVERY = 5
"""Looks from one at the task's files to the next."""
WATCHED = (
    "HEAD",
    "packed-refs",
    "refs/heads",
    "refs/tags",
    "refs/genopt",
    "refs/genopt/rejected",
    "refs/genopt/abandoned",
)
"""Whose times of change tell that refs have moved: a ref is written beside its place and put there."""


class Watch:
    """Looks at a session's folder. Belongs to one thread."""

    def __init__(self, session: Path) -> None:
        self.session = session
        self.found = Outside()
        self._refs: tuple[Any, ...] = ()
        self._files: tuple[Any, ...] = ()
        self._looked: tuple[Any, ...] = ()
        self._looks = 0
        self.task = TaskWatch(session)

    def refs_moved(self) -> bool:
        """Whether a ref may have moved since the last time."""
        now = tuple(_changed_at(self.session / ".git" / name) for name in WATCHED)
        before, self._refs = self._refs, now
        return bool(before) and before != now

    def look(self, repository: "Repository") -> None:
        """Find out what was edited by hand and what plain git moved; a state counts once it has lasted from one look to the next."""
        files = tuple(sorted(self._stamps()))
        now = (files, repository.head(), self._memory())
        settled, self._files = now == self._files, now
        if settled and now != self._looked:
            self._looked = now
            moved = _moved(repository, self._memory())
            self.found = Outside(*_edited(repository), moved, self.found.task_changed)
        self._looks += 1
        if self._looks % TASK_EVERY == 1 or self.task.asking:
            self.found = replace(self.found, task_changed=self.task.changed(repository))

    def _stamps(self) -> list[tuple[str, int, int]]:
        """Name, time and size of every file that a person may have edited."""
        places = [self.session / "genopt.toml"]
        for folder, folders, names in os.walk(self.session / "artifact"):
            folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
            places += [Path(folder, name) for name in names]
        found = []
        for place in places:
            try:
                stat = place.lstat()
            except FileNotFoundError:  # deleted since it was listed
                continue
            found.append((str(place), stat.st_mtime_ns, stat.st_size))
        return found

    def _memory(self) -> str:
        """What the loop put the work tree to; empty while an act is being done."""
        folder = self.session / ".git" / "genopt"
        if (folder / "act.json").exists():
            return ""
        try:
            return (folder / "worktree.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""


class TaskWatch:
    """Whether the task (code, data, settings, limits) is another one than head was scored under, and the rule of its scores.

    Asked anew where a file changed, and in a thread where the answer takes a moment.
    """

    def __init__(self, session: Path) -> None:
        self._session = session
        self._asked: tuple[Any, ...] = ()
        self._told: Facts = {}
        self._asking: Thread | None = None

    @property
    def asking(self) -> bool:
        """Whether an answer is awaited, or has come since the last look."""
        return self._asking is not None

    @property
    def rule(self) -> str:
        """By which rule and under which changed settings scores are made; empty where that is not known."""
        return str(self._told.get("rule", ""))

    @property
    def fingerprint(self) -> str:
        """The task's state; empty where that is not known."""
        return str(self._told.get("fingerprint", ""))

    def changed(self, repository: "Repository") -> bool:
        from genopt_tui.session.best import group_of

        choices = repository.choices_text(repository.head())
        if not self.asking and (choices, self._stamps()) != self._asked:
            self._asking = Thread(target=self._ask, args=(choices,), daemon=True, name="genopt-task")
            self._asking.start()
            if facts.at_hand():
                self._asking.join()
        if self._asking is not None and not self._asking.is_alive():
            self._asking = None
        group = group_of(repository, repository.head())
        return (
            bool(self._told) and group is not None and group.partition(" ")[0] not in {"?", self._told["fingerprint"]}
        )

    def _ask(self, choices: str) -> None:
        try:
            self._told = facts.ask("task", str(self._session), choices)
        except (GenoptError, OSError):  # whoever wants to run it is told
            self._told = {}
        self._asked = (choices, self._stamps())

    def _stamps(self) -> tuple[int, ...]:
        own = (user_file("settings.toml"), user_file("tasks"), settings_file(self._session))
        return tuple(map(_changed_at, (*own, *map(Path, self._told.get("places", ())))))


def _changed_at(place: Path) -> int:
    try:
        return place.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _edited(repository: "Repository") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files that were edited by hand, and those in which a conflict is marked."""
    edit = repository.hand_edit()
    if edit is None:
        return (), ()
    from genopt_tui.session.acts import is_torn

    names = sorted(edit.changed) + (["genopt.toml"] if edit.choices is not None else [])
    return tuple(names), tuple(name for name in names if is_torn(edit.files.get(name, "")))


def _moved(repository: "Repository", memory: str) -> str:
    """What plain git did to the head since the loop last put the work tree to it; empty for nothing."""
    try:
        followed = json.loads(memory)
    except ValueError:  # not written yet, or half of it when the power went, or an act is being done
        return ""
    ref, commit = repository.refs.head(), repository.head()
    if (followed["ref"], followed["at"]) == (ref, commit):
        return ""
    branch = ref.removeprefix(HEADS) if ref.startswith(HEADS) else ""
    if not branch:
        return f"plain git checked out {commit[:7]}, which is no branch"
    if ref != followed["ref"]:
        return f"plain git switched to {branch}"
    return f"plain git moved {branch} to {commit[:7]}"
