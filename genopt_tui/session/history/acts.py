"""Acts of a person on history: rewind, branch, switch, tag, undo and redo, and accepting edits that
were rejected or made by hand.

Each moves refs through `Repository.move_refs`, so it is logged, can be undone, and survives a kill
at any point. All are for the holder of the session's lock.
"""

from collections.abc import Iterable

from genopt_tui.errors import SessionError
from genopt_tui.session.git.refs import ABANDONED, ACTS, HEADS, TAGS, check_name
from genopt_tui.session.git.worktree import ARTIFACT, safe_path
from genopt_tui.session.history.act_log import Act
from genopt_tui.session.history.merge import AppliedEdit, merge_three_way, reapply_edit
from genopt_tui.session.history.record import DecisionRecord, Proposal, Record
from genopt_tui.session.history.repository import HandEdit, Repository
from genopt_tui.session.history.resolve import suggest_nearest
from genopt_tui.session.journal import utc_timestamp


def rewind(repository: Repository, version: str) -> Act:
    """Move the active branch back to an earlier version; its tip stays under
    `refs/genopt/abandoned/<act>`."""
    repository.recover()
    head, target = repository.head(), repository.resolve(version)
    if head == target:
        raise SessionError(f"the branch is at {version} already")
    if not repository.is_ancestor(target, head):
        raise SessionError(
            f"{version} is not an earlier version of this branch",
            advice="Use `genopt branch` or `genopt switch`",
        )
    branch = HEADS + repository.require_branch()
    return repository.move_refs("rewind", {branch: (head, target), **_abandon(repository, head)})


def branch(repository: Repository, name: str, at: str = "head") -> Act:
    """A new branch at any version, accepted or not. The active branch stays."""
    repository.recover()
    ref = HEADS + check_name(name)
    if repository.objects.read(ref) is not None:
        raise SessionError(f"there is a branch '{name}' already")
    return repository.move_refs("branch", {ref: (None, repository.resolve(at))})


def switch(repository: Repository, name: str) -> Act:
    """Make another branch the active one."""
    repository.recover()
    names = [ref.removeprefix(HEADS) for ref in repository.refs.list_refs(HEADS)]
    if name not in names:
        raise SessionError(f"there is no branch '{name}'", advice=suggest_nearest(name, names))
    if repository.current_branch() == name:
        raise SessionError(f"'{name}' is the active branch already")
    return repository.move_refs("switch", {}, head=HEADS + name)


def tag(repository: Repository, name: str, version: str = "head") -> Act:
    """Name a version. An existing tag of this name is moved."""
    repository.recover()
    ref = TAGS + check_name(name, "tag")
    old = repository.objects.read(ref)
    return repository.move_refs(
        "tag", {ref: (old.sha if old else None, repository.resolve(version))}
    )


def undo(repository: Repository) -> Act:
    """Undo the last act that is not undone yet. Steps, spend and journal are never undone."""
    repository.recover()
    return _invert(repository, "undo")


def redo(repository: Repository) -> Act:
    """Redo what the last undo undid."""
    repository.recover()
    return _invert(repository, "redo")


def find_undoable(repository: Repository) -> Act | None:
    """The act that `undo` would undo; None when there is none."""
    return _read_stack_top(repository, "undo")


def find_redoable(repository: Repository) -> Act | None:
    """The act that `redo` would redo; None when there is none."""
    return _read_stack_top(repository, "redo")


def revive(repository: Repository, version: str) -> AppliedEdit:
    """The edit of a rejected or abandoned version, applied to head again, as a proposal by hand.
    Nothing moves."""
    commit = repository.resolve(version)
    return reapply_edit(repository, commit, repository.head())


def pick(
    repository: Repository, version: str, files: Iterable[str] = (), hunks: Iterable[int] = ()
) -> AppliedEdit:
    """Some files and hunks of a version's edit (all when none are named), applied to head as a
    proposal by hand. Hunks are numbered from 1 over the whole edit.
    """
    commit = repository.resolve(version)
    return reapply_edit(
        repository, commit, repository.head(), files=frozenset(files), hunks=frozenset(hunks)
    )


def merge_hand_edit(repository: Repository) -> AppliedEdit:
    """The open hand edit merged with what head changed in the same files since, as a proposal by
    hand. Nothing moves."""
    edit = _require_hand_edit(repository)
    ours = repository.read_artifact(edit.base)
    base = {name: edit.stale.get(name, ours.get(name)) for name in edit.changed}
    merged, conflicts = merge_three_way(
        ours,
        {name: text for name, text in base.items() if text is not None},
        {name: text for name, text in edit.changed.items() if text is not None},
    )
    return AppliedEdit(edit.base, edit.base, merged, tuple(sorted(edit.changed)), tuple(conflicts))


def resolve_hand_edit(repository: Repository) -> dict[str, str] | None:
    """The artifact with the open hand edit, merged with what head changed since; None when design
    choices are edited too.

    Raises SessionError when nothing was edited, or when both changed the same lines, which are then
    marked in the files.
    """
    edit = _require_hand_edit(repository)
    if edit.choices is not None:
        return None
    torn = [name for name, text in edit.changed.items() if has_conflict_markers(text or "")]
    if not torn:
        applied = merge_hand_edit(repository)
        if not applied.conflicts:
            return dict(applied.files)
        torn = [*applied.conflicts]
        _write_changed_files(repository, applied)
        repository.worktree.mark_rebased(f"{ARTIFACT}/{name}" for name in applied.changed)
    raise SessionError(
        f"{torn[0]} holds a conflict",
        "head and the edit changed the same lines, which stand marked in the file",
        f"Edit {repository.path / ARTIFACT / torn[0]} until no marks are left, "
        "then take it over again",
    )


def _require_hand_edit(repository: Repository) -> HandEdit:
    """The open hand edit. Raises SessionError where none is open or it cannot be committed."""
    edit = repository.read_hand_edit()
    if edit is None:
        raise SessionError(
            "nothing was edited by hand", advice="Edit files in the session's artifact folder"
        )
    edit.require_text()
    return edit


def describe_hand_edit(repository: Repository) -> str:
    """The files of the open hand edit, in words."""
    edit = repository.read_hand_edit()
    return ", ".join(sorted(edit.changed)) if edit else ""


def has_conflict_markers(text: str) -> bool:
    """Whether a text still has the markers of a conflict."""
    return "\n<<<<<<< head" in f"\n{text}" or "\n>>>>>>> the edit" in f"\n{text}"


def write_conflicts(repository: Repository, applied: AppliedEdit) -> None:
    """Write an edit with conflicts into the work tree, for a person to finish as a hand edit.

    Raises SessionError when another hand edit is open; that one is never overwritten.
    """
    repository.recover()
    if repository.read_hand_edit() is not None:
        raise SessionError(
            "files are edited by hand already",
            "the conflict would be shown in them",
            "Take them over, or drop them with `git restore artifact`",
        )
    _write_changed_files(repository, applied)


def _write_changed_files(repository: Repository, applied: AppliedEdit) -> None:
    for name in applied.changed:
        target = repository.path / ARTIFACT / safe_path(name)
        if name in applied.files:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(applied.files[name].encode("utf-8", "replace"))
        else:
            target.unlink(missing_ok=True)


def accept_edits(repository: Repository, step: int, record: Record | None = None) -> str:
    """Make the open hand edit a version (decision `manual`); without a `record` it carries no
    score."""
    repository.recover()
    edit = _require_hand_edit(repository)
    tree = repository.write_artifact(edit.files)
    names = sorted(edit.changed) + (["genopt.toml"] if edit.choices is not None else [])
    if edit.choices is not None:
        from genopt_tui.config import from_toml

        from_toml(edit.choices)
    if record is None:
        before = repository.read_record(edit.base)
        record = Record(
            step=step,
            at=utc_timestamp(),
            base=edit.base,
            branch=repository.current_branch(),
            task=before.task,
            direction=before.direction,
            fingerprint=before.fingerprint,
            proposal=Proposal(files=names),
            decision=DecisionRecord(decision="manual", by="person"),
        )
    subject = f"edited by hand: {', '.join(names)}"
    return repository.commit(
        base=edit.base,
        tree=tree,
        record=record,
        subject=subject,
        model="by hand",
        choices_text=edit.choices,
        act="accept-edits",
    )


def _read_stack_top(repository: Repository, kind: str) -> Act | None:
    last = repository.objects.read(ACTS)
    if last is None:
        return None
    act = repository.acts.read(last.sha)
    target = act.undo if kind == "undo" else act.redo
    return repository.acts.read(target) if target else None


def _invert(repository: Repository, kind: str) -> Act:
    target = _read_stack_top(repository, kind)
    if target is None:
        raise SessionError(f"there is nothing to {kind}")
    changes = {ref: (new, old) for ref, (old, new) in target.refs.items()}
    for ref, (left, _) in changes.items():
        found = repository.objects.read(ref)
        if (found.sha if found else None) != left:
            raise SessionError(
                f"'{target.kind}' cannot be taken back",
                f"{ref} has moved since",
                "Rewind or branch instead",
            )
    head = _head_to_restore(repository, target)
    for ref, (left, restored) in list(changes.items()):
        if (
            ref.startswith(HEADS)
            and left
            and not _is_reachable(repository, restored, left)
            and left not in _find_abandoned_tips(changes)
        ):
            changes |= _abandon(repository, left)
    if changes.get(head, ("", ""))[1] is None:
        raise SessionError(
            f"'{target.kind}' cannot be taken back",
            "its branch is the active one",
            "Switch to another first",
        )
    return repository.move_refs(kind, changes, head=head, step=target.step, inverts=target)


def _head_to_restore(repository: Repository, target: Act) -> str:
    now_, (before, left) = repository.refs.read_head(), target.head
    if before == left:
        return now_
    if now_ != left:
        raise SessionError(
            f"'{target.kind}' cannot be taken back",
            "another branch is active now",
            "Switch instead",
        )
    if not before.startswith(HEADS) or repository.objects.read(before) is None:
        raise SessionError(
            f"'{target.kind}' cannot be taken back",
            "the branch that was active is gone",
            "Switch instead",
        )
    return before


def _is_reachable(repository: Repository, tip: str | None, commit: str) -> bool:
    return tip is not None and repository.is_ancestor(commit, tip)


def _find_abandoned_tips(changes: dict[str, tuple[str | None, str | None]]) -> set[str | None]:
    return {new for ref, (_, new) in changes.items() if ref.startswith(ABANDONED)}


def _abandon(repository: Repository, tip: str) -> dict[str, tuple[str | None, str | None]]:
    return {repository.next_abandoned_ref(): (None, tip)}
