"""What is asked beside the steps, of a runner or without one: versions scored on demand, again, and without single hunks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from genopt_tui.errors import EvaluationError, SessionError
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.scoring import Scorer, Version, Wish, score_of
from genopt_tui.session.notes import HUNKS, note
from genopt_tui.session.repository import Repository


class Asides:
    """Work that belongs to no step. Each piece says `aside_finished` with the token that its asker gave it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def fill(self, versions: Sequence[str], examples: int | None, token: str) -> None:
        """Run what is missing of the gate's rollouts of these versions, under head's task and choices."""
        desk = self.desk
        choices = desk.choices(desk.repository.head())
        scorer = await desk.scorer(choices)
        gate = choices.gate.model_copy(update={"examples": examples} if examples else {})
        pairs = await scorer.pairs("gate", gate)
        for commit in versions:
            await scorer.roll(Wish(desk.version(commit), "gate", pairs, quiet=True))
        desk.book.say("aside_finished", step=0, token=token, error="")

    async def hunks(self, commit: str, token: str) -> None:
        """Score a version's edit with each of its hunks left out once; what came of it is noted in git."""
        desk = self.desk
        scorer = await desk.scorer(desk.choices(desk.repository.head()))
        found = await hunks_of(scorer, desk.repository, commit)
        note(desk.repository, commit, json.dumps(found, indent=1), HUNKS)
        desk.book.say("aside_finished", step=0, token=token, error="", hunks=found)

    def failed(self, token: str, error: str) -> None:
        self.desk.book.say("aside_finished", step=0, token=token, error=error)


async def hunks_of(scorer: Scorer, repository: Repository, commit: str) -> dict[str, Any]:
    """What each hunk of a version's edit is worth: the gate's comparison of the version with itself without that hunk.

    `worth` of a hunk is the mean with all hunks minus the mean without it. Raises SessionError for a version without hunks.
    """
    from genopt_tui.learn.diff import hunks, keep
    from genopt_tui.loop.gating import gated

    parents = repository.objects.commit(commit).parents
    if not parents:
        raise SessionError(f"{commit[:7]} is the start", "it edits nothing")
    old, new = repository.files(parents[0]), repository.files(commit)
    parts = hunks(old, new)
    if not parts:
        raise SessionError(f"{commit[:7]} edits nothing of the artifact")
    pairs = await scorer.pairs("gate", scorer.choices.gate)

    async def rolled(files: Mapping[str, str]) -> list[Any]:
        version = Version(files, repository.write_artifact(files))
        return await scorer.roll(Wish(version, "gate", pairs, quiet=True))

    whole, base, task = await rolled(new), await rolled(old), scorer.task.task
    measured = []
    for part in parts:
        rest = dict(keep(old, new, {p.number for p in parts} - {part.number}))
        data = gated(await rolled(rest), whole, task, scorer.choices.gate)
        row = {"hunk": part.number, "file": part.file, "header": part.header, "added": part.added}
        row |= {"removed": part.removed, "without": data["base_mean"], "worth": data.get("difference")}
        measured.append(row | {key: data.get(key) for key in ("interval", "p", "verdict", "test", "n")})
    compared = gated(base, whole, task, scorer.choices.gate)
    return {
        "version": commit,
        "fingerprint": scorer.fingerprint,
        "mean": compared["mean"],
        "base_mean": compared["base_mean"],
        "confidence": scorer.choices.gate.confidence,
        "hunks": measured,
    }


async def scores_in(
    scorer: Scorer, version: Version, examples: int | None = None
) -> dict[tuple[str, int], tuple[float, str]]:
    """Score and status of a version on the gate's pairs; what infrastructure failed is left out. Raises EvaluationError."""
    gate = scorer.choices.gate.model_copy(update={"examples": examples} if examples else {})
    rows = await scorer.roll(Wish(version, "gate", await scorer.pairs("gate", gate), quiet=True))
    failure = scorer.task.task.failure_score
    found: dict[tuple[str, int], tuple[float, str]] = {
        (row.result.example, row.result.repeat): (score, row.result.status)
        for row in rows
        if (score := score_of(row.result, failure)) is not None
    }
    if not found:
        raise EvaluationError("nothing could be scored", rows[0].result.error if rows else "", "See `genopt doctor`")
    return found
