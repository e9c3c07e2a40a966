"""What is asked beside the steps, of a runner or without one: versions scored on demand, again, and without single hunks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.scoring import Scorer, Version, Wish
from genopt_tui.session.journal import RolloutRow
from genopt_tui.session.notes import HUNKS, note
from genopt_tui.task.rollout import Split

Pairs = Sequence[tuple[str, int]]


class Asides:
    """Work that belongs to no step.

    Each piece says `aside_started {token, what, size}` (size: rollouts to be run; their `rollout_finished` have step 0) and in
    the end `aside_finished` with the token that its asker gave it.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def fill(self, versions: Sequence[str], examples: int | None, token: str) -> None:
        """Run what is missing of the gate's rollouts of these versions, under head's task and choices."""
        desk = self.desk
        scorer = await desk.scorer(desk.choices(desk.repository.head()))
        gate = scorer.choices.gate.model_copy(update={"examples": examples} if examples else {})
        pairs = await scorer.pairs("gate", gate)
        wanted = [desk.version(commit) for commit in versions]
        self._started(token, "fill", scorer, wanted, pairs)
        for version in wanted:
            await scorer.roll(Wish(version, "gate", pairs, quiet=True))
        told = {"fingerprint": scorer.fingerprint, "gate": gate.model_dump(), "pairs": pairs}
        self._finished(token, versions=[*versions], **told)

    async def trace(self, versions: Sequence[str], split: Split, example: str, repeat: int, token: str) -> None:
        """Run one example of a split again, with its trace, where a version has none."""
        desk = self.desk
        scorer = await desk.scorer(desk.choices(desk.repository.head()))
        wanted = [desk.version(commit) for commit in versions]
        self._started(token, "trace", scorer, wanted, [(example, repeat)], traced=True)
        for version in wanted:
            await scorer.roll(Wish(version, split, [(example, repeat)], traced=True, quiet=True))
        self._finished(token)

    async def hunks(self, commit: str, token: str) -> None:
        """Score a version's edit with each of its hunks left out once; what came of it is noted in git."""
        repository = self.desk.repository
        parents = repository.objects.commit(commit).parents
        if not parents:
            raise SessionError(f"{commit[:7]} is the start", "it edits nothing")
        base, whole = self.desk.version(parents[0]), self.desk.version(commit)
        found = {"version": commit, **await self._hunks(base, whole, token)}
        note(repository, commit, json.dumps(found, indent=1), HUNKS)
        self._finished(token, hunks=found)

    async def pending_hunks(self, step: int, number: int, token: str) -> None:
        """The same for a proposal that waits for a decision."""
        p, repository = self.desk.book.p, self.desk.repository
        candidate = p.candidates.get(number)
        if p.step != step or p.batch is None or candidate is None or candidate.edit is None:
            raise SessionError("there is no such proposal", f"step {step}, candidate {number}")
        tree = str(candidate.edit["tree"])
        whole = Version(repository.files_of(tree), tree)
        found = await self._hunks(self.desk.version(p.batch["base"]), whole, token)
        self._finished(token, hunks={"step": step, "candidate": number, **found})

    async def _hunks(self, base: Version, whole: Version, token: str) -> dict[str, Any]:
        """What each hunk of the edit from `base` to `whole` is worth: the gate's comparison of `whole` with itself without it.

        `worth` of a hunk is the mean with all hunks minus the mean without it. Raises SessionError where nothing was edited.
        """
        from genopt_tui.learn.diff import hunks, keep
        from genopt_tui.loop.gating import gated

        desk = self.desk
        parts = hunks(base.files, whole.files)
        if not parts:
            raise SessionError(f"{whole.tree[:7]} edits nothing of the artifact")
        scorer = await desk.scorer(desk.choices(desk.repository.head()))
        task, gate, pairs = scorer.task.task, scorer.choices.gate, await scorer.pairs("gate", scorer.choices.gate)
        numbers = {part.number for part in parts}
        rests = [self._version(keep(base.files, whole.files, numbers - {part.number})) for part in parts]
        self._started(token, "hunks", scorer, [whole, base, *rests], pairs)

        async def rolled(version: Version) -> list[RolloutRow]:
            return await scorer.roll(Wish(version, "gate", pairs, quiet=True))

        with_all, before = await rolled(whole), await rolled(base)
        measured = []
        for part, rest in zip(parts, rests, strict=True):
            data = gated(await rolled(rest), with_all, task, gate)
            row = {"hunk": part.number, "file": part.file, "header": part.header, "added": part.added}
            row |= {"removed": part.removed, "without": data["base_mean"], "worth": data.get("difference")}
            measured.append(row | {key: data.get(key) for key in ("interval", "p", "verdict", "test", "n")})
        compared = gated(before, with_all, task, gate)
        return {
            "tree": whole.tree,
            "base_tree": base.tree,
            "fingerprint": scorer.fingerprint,
            "mean": compared["mean"],
            "base_mean": compared["base_mean"],
            "difference": compared.get("difference"),
            "confidence": gate.confidence,
            "hunks": measured,
        }

    def _version(self, files: Mapping[str, str]) -> Version:
        return Version(dict(files), self.desk.repository.write_artifact(dict(files)))

    def _started(
        self, token: str, what: str, scorer: Scorer, versions: Sequence[Version], pairs: Pairs, traced: bool = False
    ) -> None:
        """Say how many rollouts are to be run: those that no earlier one serves."""
        wanted = {(version.tree, example, repeat) for version in versions for example, repeat in pairs}
        if not scorer.timed:
            find = self.desk.cache.find
            wanted = {w for w in wanted if find(scorer.key(*w), w[0], traced=traced) is None}
        self.desk.book.say("aside_started", step=0, token=token, what=what, size=len(wanted))
        self.desk.book.flush()

    def _finished(self, token: str, **found: Any) -> None:
        self.desk.book.say("aside_finished", step=0, token=token, error="", **found)

    def failed(self, token: str, error: str) -> None:
        self.desk.book.say("aside_finished", step=0, token=token, error=error)
