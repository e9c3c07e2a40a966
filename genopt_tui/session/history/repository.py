"""A session's git repository: versions, records, refs and work tree. One writer: the holder of the
`SessionLock`.

Each accepted edit is one commit on the active branch whose tree is `artifact/`, `genopt.toml` and
`record.json`; every other step is a commit under `refs/genopt/rejected/<step>.<candidate>`.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.session.git import cli
from genopt_tui.session.git.ids import FILE_MODE, TREE_MODE
from genopt_tui.session.git.porcelain import run_porcelain
from genopt_tui.session.git.refs import HEADS, REJECTED, HeadMoved, remove_locks
from genopt_tui.session.git.worktree import (
    ARTIFACT,
    CHOICES,
    RECORD,
    EditedFile,
    WorkTree,
    safe_path,
)
from genopt_tui.session.history import message
from genopt_tui.session.history.best import find_best
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.resolve import resolve_version
from genopt_tui.session.history.versions import Version, build_trailers
from genopt_tui.session.history.writer import HistoryWriter

if TYPE_CHECKING:
    from genopt_tui.session.history.record import Record

PACK_FROM_OBJECTS = 2048  # loose objects from which packing is due
SAMPLED_FOLDERS = 16  # of git's 256 object folders, those in which they are counted
ATTRIBUTES = b"record.json -diff\n"
CONFIG = """[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logallrefupdates = true
	autocrlf = false
[gc]
	auto = 0
"""


@dataclass(frozen=True, slots=True)
class HandEdit:
    """What a person changed in the work tree: the whole artifact as it would be, and what of it
    changed.

    `changed` maps file to text, None for a deleted one; `choices` is the text of a changed
    `genopt.toml`. `base` is head. `stale` maps the files that were edited before head moved to the
    text they were made from (None: there was none): accepting the edit as it is takes back what
    head did to them since. `not_utf8` names the changed files that cannot be committed.
    """

    base: str
    files: Mapping[str, str]
    changed: Mapping[str, str | None]
    choices: str | None
    stale: Mapping[str, str | None]
    not_utf8: tuple[str, ...] = ()

    def require_text(self) -> None:
        """Raises SessionError where a changed file cannot be committed."""
        if self.not_utf8:
            raise SessionError(
                f"{self.not_utf8[0]} is not UTF-8 text",
                "a version holds text files only",
                f"Save it as UTF-8, or drop the edit with `git restore {self.not_utf8[0]}`",
            )


class Repository(HistoryReader):
    """The session at `path`. Reading needs no lock; writing is for the holder of the session's
    lock."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        writer = self._writer = HistoryWriter(self)
        self.recover = writer.recover
        self.move_refs = writer.move_refs
        self.read_step_versions = writer.read_step_versions
        self.next_abandoned_ref = writer.next_abandoned_ref

    @classmethod
    def open(cls, path: Path) -> "Repository":
        """Raises SessionError when `path` holds no session."""
        repository = cls(path.resolve())
        if not (repository.path / ".git" / "HEAD").is_file():
            raise SessionError(
                f"{path} is no session", "it holds no git repository", "See `genopt ls`"
            )
        return repository

    @classmethod
    def create(
        cls, path: Path, files: Mapping[str, str], toml: str, record: "Record", author: str = ""
    ) -> "Repository":
        """A new session at `path` (which must not exist) whose first commit is the start; it
        appears whole or not at all."""
        if path.exists():
            raise SessionError(f"{path} exists", advice="Choose another name with --name")
        path.parent.mkdir(parents=True, exist_ok=True)
        building = path.with_name(f".{path.name}.{os.getpid()}")
        shutil.rmtree(building, ignore_errors=True)
        try:
            init_repository(building)
            with cls(building) as repository:
                repository._commit_start(files, toml, record, author)
            os.rename(building, path)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        return cls.open(path)

    def __enter__(self) -> "Repository":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def worktree(self) -> WorkTree:
        """The work tree, after what a killed writer began is finished. For the holder of the
        lock."""
        return self._writer.worktree

    def find_best(self, direction: str = "higher") -> Version:
        """The best version by the lower confidence bound among those scored as head's line was;
        head when none is scored."""
        return find_best(self, direction) or self.read_version(self.head())

    def resolve(self, text: str) -> str:
        """The commit that a person means: head, start, best, a step (`7`, `7b`, `7.1`), branch, tag
        or commit id. Raises SessionError with the nearest name."""
        return resolve_version(self, text)

    # writing

    def write_artifact(self, files: Mapping[str, str]) -> str:
        """Store an artifact's files durably; returns its tree id. Raises SessionError for a name
        that is not a plain path."""
        tree = self.stage_artifact(files)
        self.objects.flush()
        return tree

    def stage_artifact(self, files: Mapping[str, str]) -> str:
        """Like `write_artifact`, but durable only with the next commit or `objects.flush`."""
        blobs = {}
        for name, text in files.items():
            try:
                blobs[safe_path(name)] = self.objects.write_blob(text.encode())
            except UnicodeEncodeError as error:
                raise UsageError(f"{name} is not Unicode text", str(error.reason)) from error
        if not blobs:
            raise SessionError("an artifact needs at least one file")
        return self.objects.write_files(blobs)

    def commit(
        self,
        *,
        base: str,
        tree: str,
        record: "Record",
        subject: str,
        body: str = "",
        model: str = "",
        choices_text: str | None = None,
        act: str = "commit",
        before_move: Callable[[], None] = lambda: None,
    ) -> str:
        """Make a version on top of `base` and move the active branch to it; an act that can be
        undone. Returns the commit.

        `before_move` is called when everything is durable and nothing has moved yet. Raises
        HeadMoved, with nothing changed, when the branch is not at `base` any more.
        """
        branch = self.require_branch()
        if self.head() != base:
            raise HeadMoved(
                "the version was made for another head",
                f"{base[:7]} is not the head of {branch} any more",
            )
        commit = self._stage_commit(base, tree, record, subject, body, model, choices_text)
        versions = self._writer.step_versions
        self.move_refs(
            act, {HEADS + branch: (base, commit)}, step=record.step, before_move=before_move
        )
        self._writer.cache_version(versions, commit, "branch")
        self._highest = max(self._highest or 0, record.step) if self._highest is not None else None
        return commit

    def commit_rejected(
        self,
        *,
        base: str,
        tree: str | None,
        record: "Record",
        subject: str,
        body: str = "",
        model: str = "",
        step: int,
        candidate: int = 0,
        before_move: Callable[[], None] = lambda: None,
    ) -> tuple[str, str]:
        """Commit a proposal that was not accepted on top of `base`; returns the commit and its ref.
        Safe to repeat.

        `before_move` is called when the commit is durable and has no ref yet.
        """
        ref = f"{REJECTED}{step}.{candidate}"
        commit = self._stage_commit(
            base, tree or self.artifact_tree(base), record, subject, body, model, None
        )
        created = {ref: (None, commit)}
        self.objects.flush()
        before_move()
        if (found := self.refs.read(ref)) is None:
            remove_locks(self.path, [ref])  # only we write this ref, so a lock is a killed writer's
            self.refs.update(created)
            self._writer.cache_version(self._writer.step_versions, found := commit, "rejected")
        self._highest = max(self._highest, step) if self._highest is not None else None
        return found, ref

    def read_hand_edit(self) -> HandEdit | None:
        """What a person changed in the work tree since it was last set to head; None when nothing
        changed."""
        work = self._writer.open_worktree()
        head = self.head()
        edits = work.find_edits(head)
        if not edits:
            return None
        return self._build_hand_edit(head, edits, work.state.base)

    def pack_if_due(self) -> bool:
        """Pack if some hundred steps have left loose objects; returns whether it did."""
        folder = self.path / ".git" / "objects"
        sample = [folder / f"{n:02x}" for n in range(SAMPLED_FOLDERS)]
        due = (
            sum(len(os.listdir(part)) for part in sample if part.is_dir())
            > PACK_FROM_OBJECTS * SAMPLED_FOLDERS // 256
        )
        if due:
            self.pack()
        return due

    def pack(self) -> None:
        """Pack objects and refs, while idle and never in a step. Nothing is pruned."""
        run_porcelain(self.path, "repack", "-a", "-d", "-q", "-n", "--keep-unreachable")
        run_porcelain(self.path, "pack-refs", "--all")
        run_porcelain(self.path, "commit-graph", "write", "--reachable")

    # inside

    def _stage_commit(
        self,
        base: str,
        tree: str,
        record: "Record",
        subject: str,
        body: str,
        model: str,
        choices_text: str | None,
    ) -> str:
        entries = dict(self.objects.read_tree(self.objects.read_commit(base).tree))
        entries[ARTIFACT] = (TREE_MODE, tree)
        entries[RECORD] = (
            FILE_MODE,
            self.objects.write_blob(record.to_json().encode("utf-8", "replace")),
        )
        if choices_text is not None:
            entries[CHOICES] = (FILE_MODE, self.objects.write_blob(choices_text.encode()))
        text = message.format_message(
            f"step {record.step}: {subject}", body, build_trailers(record, model)
        )
        root = self.objects.write_tree(entries)
        commit = self.objects.write_commit(
            root, [base], message.format_author(model), text, int(time.time())
        )
        self.cache_outcome(commit, record)  # the next prompt shows it
        return commit

    def _commit_start(
        self, files: Mapping[str, str], toml: str, record: "Record", author: str
    ) -> None:
        entries = {
            ARTIFACT: (TREE_MODE, self.stage_artifact(files)),
            CHOICES: (FILE_MODE, self.objects.write_blob(toml.encode())),
            RECORD: (
                FILE_MODE,
                self.objects.write_blob(record.to_json().encode("utf-8", "replace")),
            ),
            ".gitattributes": (FILE_MODE, self.objects.write_blob(ATTRIBUTES)),
        }
        by = message.format_author(author) if author else cli.format_identity()
        subject = f"start: {record.task}" if record.task else "start"
        text = message.format_message(subject, "", build_trailers(record, author))
        commit = self.objects.write_commit(
            self.objects.write_tree(entries), [], by, text, int(time.time())
        )
        self.objects.flush()
        self.refs.update({HEADS + "main": (None, commit)})
        WorkTree(self.path, self.objects).checkout(commit, HEADS + "main")

    def _build_hand_edit(
        self, head: str, edits: Sequence[EditedFile], bases: Mapping[str, str | None]
    ) -> HandEdit:
        files, choices = self.read_artifact(head), None
        changed: dict[str, str | None] = {}
        stale: dict[str, str | None] = {}
        for edit in edits:
            name = edit.file.removeprefix(f"{ARTIFACT}/")
            if edit.file in bases:
                stale[name] = (
                    self.objects.get(edit.base, "blob").data.decode("utf-8", "replace")
                    if edit.base
                    else None
                )
            if edit.file == CHOICES:
                choices = edit.text
                continue
            changed[name] = edit.text
            files.pop(name, None)
            if edit.text is not None:
                files[name] = edit.text
        not_utf8 = tuple(edit.file for edit in edits if not edit.is_utf8)
        return HandEdit(head, files, changed, choices, stale, not_utf8)


def init_repository(path: Path) -> None:
    """An empty repository with our own configuration, no hooks and no templates."""
    path.mkdir(mode=0o700, parents=True)
    cli.run_git(
        ["init", "-q", "--template=", "--initial-branch=main", "--object-format=sha1", str(path)]
    )
    folder = path / ".git"
    (folder / "config").write_text(CONFIG, encoding="utf-8")
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info" / "exclude").write_text("/.genopt/\n", encoding="utf-8")
    (folder / "genopt").mkdir(mode=0o700, exist_ok=True)


__all__ = ["HandEdit", "HeadMoved", "Repository", "Version", "init_repository"]
