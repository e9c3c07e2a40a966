"""Acts of a person on history: rewind, branch, switch, tag, undo, redo, and taking over what was kept or edited by hand.

Each moves refs through `Repository.move`, so that it is written down, can be undone, and survives a kill at any point.
All belong to the holder of the session's lock.
"""

from collections.abc import Iterable

from genopt_tui.errors import SessionError
from genopt_tui.session.actlog import Act
from genopt_tui.session.journal import now
from genopt_tui.session.merge import Applied, apply, three_way
from genopt_tui.session.record import Decided, Proposal, Record
from genopt_tui.session.refs import ABANDONED, ACTS, HEADS, TAGS, check_name
from genopt_tui.session.repository import Repository
from genopt_tui.session.resolve import nearest
from genopt_tui.session.worktree import ARTIFACT, safe_path


def rewind(repository: Repository, version: str) -> Act:
    """Move the active branch back to an earlier version; its tip stays under `refs/genopt/abandoned/<act>`."""
    repository.recover()
    head, target = repository.head(), repository.resolve(version)
    if head == target:
        raise SessionError(f"the branch is at {version} already")
    if not repository.is_ancestor(target, head):
        raise SessionError(
            f"{version} is not an earlier version of this branch", advice="Use `genopt branch` or `genopt switch`"
        )
    branch = HEADS + repository.active()
    return repository.move("rewind", {branch: (head, target), **_abandon(repository, head)})


def branch(repository: Repository, name: str, at: str = "head") -> Act:
    """A new branch at any version, accepted or not. The active branch stays."""
    repository.recover()
    ref = HEADS + check_name(name)
    if repository.objects.read(ref) is not None:
        raise SessionError(f"there is a branch '{name}' already")
    return repository.move("branch", {ref: (None, repository.resolve(at))})


def switch(repository: Repository, name: str) -> Act:
    """Make another branch the active one."""
    repository.recover()
    names = [ref.removeprefix(HEADS) for ref in repository.refs.all(HEADS)]
    if name not in names:
        raise SessionError(f"there is no branch '{name}'", advice=nearest(name, names))
    if repository.branch() == name:
        raise SessionError(f"'{name}' is the active branch already")
    return repository.move("switch", {}, head=HEADS + name)


def tag(repository: Repository, name: str, version: str = "head") -> Act:
    """Name a version. An existing tag of this name is moved."""
    repository.recover()
    ref = TAGS + check_name(name, "tag")
    old = repository.objects.read(ref)
    return repository.move("tag", {ref: (old.sha if old else None, repository.resolve(version))})


def undo(repository: Repository) -> Act:
    """Take back the last act that was not undone yet. Steps, spend and journal are never undone."""
    repository.recover()
    return _invert(repository, "undo")


def redo(repository: Repository) -> Act:
    """Do again what the last undo took back."""
    repository.recover()
    return _invert(repository, "redo")


def undoable(repository: Repository) -> Act | None:
    """What `undo` would take back."""
    return _top(repository, "undo")


def redoable(repository: Repository) -> Act | None:
    """What `redo` would do again."""
    return _top(repository, "redo")


def revive(repository: Repository, version: str) -> Applied:
    """The edit of a version that was rejected or abandoned, re-applied on head: a proposal by hand, nothing is moved."""
    commit = repository.resolve(version)
    return apply(repository, commit, repository.head())


def pick(repository: Repository, version: str, files: Iterable[str] = (), hunks: Iterable[int] = ()) -> Applied:
    """Some files and hunks (all: none named) of a version's own edit, re-applied on head: a proposal by hand.

    Hunks have the numbers of the whole edit, from 1.
    """
    commit = repository.resolve(version)
    return apply(repository, commit, repository.head(), files=frozenset(files), hunks=frozenset(hunks))


def merge_edits(repository: Repository) -> Applied:
    """The open hand edit on top of what head did meanwhile to the files it touches: a proposal by hand, nothing is moved."""
    edit = repository.hand_edit()
    if edit is None:
        raise SessionError("nothing was edited by hand", advice="Edit files in the session's artifact folder")
    ours = repository.files(edit.base)
    base = {name: edit.stale.get(name, ours.get(name)) for name in edit.changed}
    merged, conflicts = three_way(
        ours,
        {name: text for name, text in base.items() if text is not None},
        {name: text for name, text in edit.changed.items() if text is not None},
    )
    return Applied(edit.base, edit.base, merged, tuple(sorted(edit.changed)), tuple(conflicts))


def edited(repository: Repository) -> dict[str, str] | None:
    """The artifact with the open hand edit, on top of what head did meanwhile; None where design choices are edited too.

    Raises SessionError where nothing was edited, or where both changed the same lines: these stand marked in the files then.
    """
    edit = repository.hand_edit()
    if edit is not None and edit.choices is not None:
        return None
    torn = [name for name, text in edit.changed.items() if is_torn(text or "")] if edit else []
    if not torn:
        applied = merge_edits(repository)
        if not applied.conflicts:
            return dict(applied.files)
        torn = [*applied.conflicts]
        _put(repository, applied)
        repository.work.made_from_head(f"{ARTIFACT}/{name}" for name in applied.changed)
    raise SessionError(
        f"{torn[0]} holds a conflict",
        "head and the edit changed the same lines, which stand marked in the file",
        f"Edit {repository.path / ARTIFACT / torn[0]} until no marks are left, then take it over again",
    )


def names_of(repository: Repository) -> str:
    """The files of the open hand edit, in words."""
    edit = repository.hand_edit()
    return ", ".join(sorted(edit.changed)) if edit else ""


def is_torn(text: str) -> bool:
    """Whether marks of a conflict are left in a text."""
    return "\n<<<<<<< head" in f"\n{text}" or "\n>>>>>>> the edit" in f"\n{text}"


def lay_out(repository: Repository, applied: Applied) -> None:
    """Put an edit that does not fit into the work tree, conflicts marked, as a hand edit to be finished by a person.

    Raises SessionError where another hand edit is open: that one is never overwritten.
    """
    repository.recover()
    if repository.hand_edit() is not None:
        raise SessionError(
            "files are edited by hand already",
            "the conflict would be shown in them",
            "Take them over, or drop them with `git restore artifact`",
        )
    _put(repository, applied)


def _put(repository: Repository, applied: Applied) -> None:
    for name in applied.changed:
        target = repository.path / ARTIFACT / safe_path(name)
        if name in applied.files:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(applied.files[name].encode("utf-8", "replace"))
        else:
            target.unlink(missing_ok=True)


def accept_edits(repository: Repository, step: int, record: Record | None = None) -> str:
    """Make the open hand edit a version (decision `manual`); without a `record` it carries no score."""
    repository.recover()
    edit = repository.hand_edit()
    if edit is None:
        raise SessionError("nothing was edited by hand", advice="Edit files in the session's artifact folder")
    tree = repository.write_artifact(edit.files)
    names = sorted(edit.changed) + (["genopt.toml"] if edit.choices is not None else [])
    if edit.choices is not None:
        from genopt_tui.config import from_toml

        from_toml(edit.choices)
    if record is None:
        before = repository.record(edit.base)
        record = Record(
            step=step,
            at=now(),
            base=edit.base,
            branch=repository.branch(),
            task=before.task,
            direction=before.direction,
            fingerprint=before.fingerprint,
            proposal=Proposal(files=names),
            decision=Decided(decision="manual", by="person"),
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


def _top(repository: Repository, kind: str) -> Act | None:
    last = repository.objects.read(ACTS)
    if last is None:
        return None
    act = repository.acts.read(last.sha)
    target = act.undo if kind == "undo" else act.redo
    return repository.acts.read(target) if target else None


def _invert(repository: Repository, kind: str) -> Act:
    target = _top(repository, kind)
    if target is None:
        raise SessionError(f"there is nothing to {kind}")
    changes = {ref: (new, old) for ref, (old, new) in target.refs.items()}
    for ref, (left, _) in changes.items():
        found = repository.objects.read(ref)
        if (found.sha if found else None) != left:
            raise SessionError(
                f"'{target.kind}' cannot be taken back", f"{ref} has moved since", "Rewind or branch instead"
            )
    head = _head_to_restore(repository, target)
    for ref, (left, restored) in list(changes.items()):
        if ref.startswith(HEADS) and left and not _leads_to(repository, restored, left) and left not in _kept(changes):
            changes |= _abandon(repository, left)
    if changes.get(head, ("", ""))[1] is None:
        raise SessionError(
            f"'{target.kind}' cannot be taken back", "its branch is the active one", "Switch to another first"
        )
    return repository.move(kind, changes, head=head, step=target.step, inverts=target)


def _head_to_restore(repository: Repository, target: Act) -> str:
    now_, (before, left) = repository.refs.head(), target.head
    if before == left:
        return now_
    if now_ != left:
        raise SessionError(f"'{target.kind}' cannot be taken back", "another branch is active now", "Switch instead")
    if not before.startswith(HEADS) or repository.objects.read(before) is None:
        raise SessionError(
            f"'{target.kind}' cannot be taken back", "the branch that was active is gone", "Switch instead"
        )
    return before


def _leads_to(repository: Repository, tip: str | None, commit: str) -> bool:
    return tip is not None and repository.is_ancestor(commit, tip)


def _kept(changes: dict[str, tuple[str | None, str | None]]) -> set[str | None]:
    return {new for ref, (_, new) in changes.items() if ref.startswith(ABANDONED)}


def _abandon(repository: Repository, tip: str) -> dict[str, tuple[str | None, str | None]]:
    return {repository.next_abandoned(): (None, tip)}
