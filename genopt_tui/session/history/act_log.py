"""Acts on history, logged as commits on `refs/genopt/acts` with old and new values of HEAD and of
every ref that moved.

Each act names the tops of the undo and redo stacks, so one read finds what can be undone, however
long the history.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.session.git import cli
from genopt_tui.session.git.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `number` counts from 1; `refs` maps ref to (old, new), None for no ref; `head` is
    (old, new) of HEAD.

    `top` is the highest step of this act and those before it, None in acts of earlier versions.
    `undo` and `redo` are the acts (commits) that undo and redo would invert next, `below` is the
    act beneath this one on its own stack; empty for none.
    """

    commit: str
    number: int
    kind: str
    refs: Mapping[str, tuple[str | None, str | None]]
    head: tuple[str, str]
    undo: str
    redo: str
    below: str
    step: int = 0
    inverted: str = ""
    at: int = 0
    top: int | None = None


class ActLog:
    """The acts in a repository's objects."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, commit: str) -> Act:
        """The act that this commit holds. Raises SessionError when it is none."""
        found = self._store.read_commit(commit)
        try:
            data: dict[str, Any] = json.loads(found.message.partition("\n\n")[2])
            refs = {str(ref): (old, new) for ref, (old, new) in data["refs"].items()}
            undo, redo = (
                commit if data[key] == "self" else str(data[key]) for key in ("undo", "redo")
            )
            return Act(
                commit,
                int(data["number"]),
                str(data["kind"]),
                refs,
                (str(data["head"][0]), str(data["head"][1])),
                undo,
                redo,
                str(data["below"]),
                int(data.get("step", 0)),
                str(data.get("of", "")),
                found.at,
                data.get("top"),
            )
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise SessionError(
                "the list of acts cannot be read", f"{commit[:7]} is no act of genopt"
            ) from error

    def walk(self, commit: str | None) -> Iterator[Act]:
        """Acts from `commit` back to the first."""
        while commit:
            act = self.read(commit)
            yield act
            commit = self._store.read_commit(commit).parents[0] if act.number > 1 else None

    def stage(
        self,
        last: str | None,
        kind: str,
        refs: Mapping[str, tuple[str | None, str | None]],
        head: tuple[str, str],
        *,
        step: int = 0,
        inverts: Act | None = None,
    ) -> Act:
        """Stage the act after `last`. `inverts` is what an undo or redo inverts. Old and new values
        of the refs are its parents, so they stay reachable."""
        before = self.read(last) if last else None
        undo, redo, below = _next_stacks(before, kind, inverts)
        top = (
            max(before.top, step) if before and before.top is not None else None if before else step
        )
        data = {
            "number": before.number + 1 if before else 1,
            "top": top,
            "kind": kind,
            "step": step,
            "refs": {ref: list(pair) for ref, pair in refs.items()},
            "head": list(head),
            "undo": undo,
            "redo": redo,
            "below": below,
            "of": inverts.commit if inverts else "",
        }
        moved = [value for pair in refs.values() for value in pair if value]
        parents = list(dict.fromkeys([*([last] if last else []), *moved]))
        by, at = cli.format_identity(), int(time.time())
        text = f"act {data['number']}: {kind}\n\n{json.dumps(data)}\n"
        commit = self._store.write_commit(self._store.write_tree({}), parents, by, text, at)
        undo, redo = (commit if value == "self" else value for value in (undo, redo))
        return Act(
            commit,
            int(str(data["number"])),
            kind,
            dict(refs),
            head,
            undo,
            redo,
            below,
            step,
            str(data["of"]),
            at,
            top,
        )


def _next_stacks(before: Act | None, kind: str, inverts: Act | None) -> tuple[str, str, str]:
    """(undo, redo, below) of the next act: a new act clears redo; undo and redo move one act from
    one stack to the other."""
    undo, redo = (before.undo, before.redo) if before else ("", "")
    if kind == "undo" and inverts:
        return inverts.below, "self", redo
    if kind == "redo" and inverts:
        return "self", inverts.below, undo
    return "self", "", undo
