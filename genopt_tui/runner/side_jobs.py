"""Work beside the steps, in a runner or without one: versions scored on demand, traced again, and
scored without single hunks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.runner.context import RunContext
from genopt_tui.runner.scoring import ArtifactFiles, RolloutRequest, Scorer
from genopt_tui.session.history.notes import HUNKS, write_note
from genopt_tui.session.journal import RolloutRow
from genopt_tui.task.rollout import Split

Pairs = Sequence[tuple[str, int]]


class SideJobs:
    """Work that belongs to no step.

    Each piece says `aside_started {token, what, size}` (size: rollouts to be run; their
    `rollout_finished` have step 0) and in
    the end `aside_finished` with the token that its asker gave it.
    """

    def __init__(self, context: RunContext) -> None:
        self.context = context

    async def run_missing(self, versions: Sequence[str], examples: int | None, token: str) -> None:
        """Run what is missing of the gate's rollouts of these versions, under head's task and
        choices."""
        context = self.context
        scorer = await context.get_scorer(context.load_choices(context.repository.head()))
        gate = scorer.choices.gate.model_copy(update={"examples": examples} if examples else {})
        pairs = await scorer.select_pairs("gate", gate)
        wanted = [context.load_artifact(commit) for commit in versions]
        self._record_started(token, "fill", scorer, wanted, pairs)
        for version in wanted:
            await scorer.run_rollouts(RolloutRequest(version, "gate", pairs, quiet=True))
        told = {"fingerprint": scorer.fingerprint, "gate": gate.model_dump(), "pairs": pairs}
        self._record_finished(token, versions=[*versions], **told)

    async def run_traced(
        self, versions: Sequence[str], split: Split, example: str, repeat: int, token: str
    ) -> None:
        """Run one example of a split again, with its trace, where a version has none."""
        context = self.context
        scorer = await context.get_scorer(context.load_choices(context.repository.head()))
        wanted = [context.load_artifact(commit) for commit in versions]
        self._record_started(token, "trace", scorer, wanted, [(example, repeat)], traced=True)
        for version in wanted:
            await scorer.run_rollouts(
                RolloutRequest(version, split, [(example, repeat)], traced=True, quiet=True)
            )
        self._record_finished(token)

    async def score_hunks(self, commit: str, token: str) -> None:
        """Score a version's edit with each of its hunks left out once; what came of it is noted in
        git."""
        repository = self.context.repository
        parents = repository.objects.read_commit(commit).parents
        if not parents:
            raise SessionError(f"{commit[:7]} is the start", "it edits nothing")
        base, whole = self.context.load_artifact(parents[0]), self.context.load_artifact(commit)
        found = {"version": commit, **await self._score_each_hunk(base, whole, token)}
        write_note(repository, commit, json.dumps(found, indent=1), HUNKS)
        self._record_finished(token, hunks=found)

    async def score_pending_hunks(self, step: int, number: int, token: str) -> None:
        """The same for a proposal that waits for a decision."""
        p, repository = self.context.event_log.p, self.context.repository
        candidate = p.candidates.get(number)
        if p.step != step or p.batch is None or candidate is None or candidate.edit is None:
            raise SessionError("there is no such proposal", f"step {step}, candidate {number}")
        tree = str(candidate.edit["tree"])
        whole = ArtifactFiles(repository.read_artifact_tree(tree), tree)
        found = await self._score_each_hunk(
            self.context.load_artifact(p.batch["base"]), whole, token
        )
        self._record_finished(token, hunks={"step": step, "candidate": number, **found})

    async def _score_each_hunk(
        self, base: ArtifactFiles, whole: ArtifactFiles, token: str
    ) -> dict[str, Any]:
        """What each hunk of the edit from `base` to `whole` is worth: the gate's comparison of
        `whole` with itself without it.

        `worth` of a hunk is the mean with all hunks minus the mean without it. Raises SessionError
        where nothing was edited.
        """
        from genopt_tui.learn.edit.diff import apply_hunks, find_hunks
        from genopt_tui.runner.gate import compare_on_gate

        context = self.context
        parts = find_hunks(base.files, whole.files)
        if not parts:
            raise SessionError(f"{whole.tree[:7]} edits nothing of the artifact")
        scorer = await context.get_scorer(context.load_choices(context.repository.head()))
        task, gate, pairs = (
            scorer.task.task,
            scorer.choices.gate,
            await scorer.select_pairs("gate", scorer.choices.gate),
        )
        numbers = {part.number for part in parts}
        rests = [
            self._write_artifact(apply_hunks(base.files, whole.files, numbers - {part.number}))
            for part in parts
        ]
        self._record_started(token, "hunks", scorer, [whole, base, *rests], pairs)

        async def rolled(version: ArtifactFiles) -> list[RolloutRow]:
            return await scorer.run_rollouts(RolloutRequest(version, "gate", pairs, quiet=True))

        with_all, before = await rolled(whole), await rolled(base)
        measured = []
        for part, rest in zip(parts, rests, strict=True):
            data = compare_on_gate(await rolled(rest), with_all, task, gate)
            row = {
                "hunk": part.number,
                "file": part.file,
                "header": part.header,
                "added": part.added,
            }
            row |= {
                "removed": part.removed,
                "without": data["base_mean"],
                "worth": data.get("difference"),
            }
            measured.append(
                row | {key: data.get(key) for key in ("interval", "p", "verdict", "test", "n")}
            )
        compared = compare_on_gate(before, with_all, task, gate)
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

    def _write_artifact(self, files: Mapping[str, str]) -> ArtifactFiles:
        return ArtifactFiles(dict(files), self.context.repository.write_artifact(dict(files)))

    def _record_started(
        self,
        token: str,
        what: str,
        scorer: Scorer,
        versions: Sequence[ArtifactFiles],
        pairs: Pairs,
        traced: bool = False,
    ) -> None:
        """Say how many rollouts are to be run: those that no earlier one serves."""
        wanted = {
            (version.tree, example, repeat) for version in versions for example, repeat in pairs
        }
        if not scorer.is_timed:
            find = self.context.cache.find
            wanted = {w for w in wanted if find(scorer.build_key(*w), w[0], traced=traced) is None}
        self.context.event_log.append(
            "aside_started", step=0, token=token, what=what, size=len(wanted)
        )
        self.context.event_log.flush()

    def _record_finished(self, token: str, **found: Any) -> None:
        self.context.event_log.append("aside_finished", step=0, token=token, error="", **found)

    def record_failure(self, token: str, error: str) -> None:
        self.context.event_log.append("aside_finished", step=0, token=token, error=error)
