"""Re-applying a version's own edit somewhere else: three-way, file by file, by `git merge-file`."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.errors import SessionError
from genopt_tui.session.git import cli

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository


@dataclass(frozen=True, slots=True)
class AppliedEdit:
    """An edit re-applied: the whole artifact as it would be, for the version `base`.

    `conflicts` names files that hold conflict marks to be edited; `source` is the version the edit
    came from.
    """

    base: str
    source: str
    files: Mapping[str, str]
    changed: tuple[str, ...]
    conflicts: tuple[str, ...]


def reapply_edit(
    repository: "Repository",
    commit: str,
    onto: str,
    *,
    files: frozenset[str] = frozenset(),
    hunks: frozenset[int] = frozenset(),
) -> AppliedEdit:
    """The edit that `commit` made on its parent, as files (all: none named) or numbered hunks,
    re-applied on `onto`."""
    parents = repository.objects.read_commit(commit).parents
    if not parents:
        raise SessionError(f"{commit[:7]} is the start", "it edits nothing", "Use rewind or branch")
    before, after = repository.read_artifact(parents[0]), repository.read_artifact(commit)
    if unknown := files - before.keys() - after.keys():
        raise SessionError(
            f"{commit[:7]} has no file '{min(unknown)}'",
            advice=f"It has: {', '.join(sorted(after))}",
        )
    if files or hunks:
        after = _select_part(before, after, files, hunks)
    merged, conflicts = merge_three_way(repository.read_artifact(onto), before, after)
    now = repository.read_artifact(onto)
    changed = tuple(sorted(n for n in now.keys() | merged.keys() if now.get(n) != merged.get(n)))
    return AppliedEdit(onto, commit, merged, changed, tuple(conflicts))


def _select_part(
    before: Mapping[str, str],
    after: Mapping[str, str],
    files: frozenset[str],
    hunks: frozenset[int],
) -> dict[str, str]:
    """`before` with some files and some numbered hunks of what leads to `after`."""
    from genopt_tui.learn.edit import diff

    count = len(diff.find_hunks(before, after))
    if wrong := [number for number in hunks if not 1 <= number <= count]:
        raise SessionError(f"there is no hunk {wrong[0]}", f"the edit has {count}")
    kept = dict(diff.apply_hunks(before, after, hunks))
    for name in files:
        kept.pop(name, None)
        if name in after:
            kept[name] = after[name]
    return kept


def merge_three_way(
    ours: Mapping[str, str], base: Mapping[str, str], theirs: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """`ours` with what leads from `base` to `theirs`; second the files where both changed the same
    lines."""
    merged, conflicts = dict(ours), []
    for name in sorted(base.keys() | theirs.keys()):
        old, new, here = base.get(name), theirs.get(name), ours.get(name)
        if old == new or here == new:
            continue
        if here == old:
            text, clash = new, False
        else:
            text, clash = _merge_text(here or "", old or "", new or "")
            clash = clash or here is None or new is None
        if text is None:
            merged.pop(name, None)
        else:
            merged[name] = text
        if clash:
            conflicts.append(name)
    return merged, conflicts


def _merge_text(ours: str, base: str, theirs: str) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            Path(folder, name).write_bytes(text.encode("utf-8", "replace"))
        labels = ("-L", "head", "-L", "before the edit", "-L", "the edit")
        out = cli.run_git(
            ["merge-file", "-p", *labels, "ours", "base", "theirs"], cwd=Path(folder), ok=range(128)
        )
    text = out.decode("utf-8", "replace")
    return text, "<<<<<<< head" in text and ">>>>>>> the edit" in text
