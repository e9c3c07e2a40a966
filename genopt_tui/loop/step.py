"""The step in flight: what its events, git and the settings say of it, and the evidence and prompt made of that."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genopt_tui.config import DesignChoices, SessionSettings
from genopt_tui.learn.evidence import Evidence, PersonChoices
from genopt_tui.learn.prompt import Prompt
from genopt_tui.loop.changes import changed, with_settings
from genopt_tui.loop.choosing import chosen
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.prompting import composed
from genopt_tui.loop.records import Outcome
from genopt_tui.loop.rules import at_rest, is_accepted, is_train, settled
from genopt_tui.session.journal import RolloutRow
from genopt_tui.session.person import said
from genopt_tui.session.progress import Candidate

if TYPE_CHECKING:
    from genopt_tui.propose.base import Proposer


class Step:
    """Reads the step in flight. It changes nothing but by saying an event."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def choices(self) -> DesignChoices:
        """The design choices of the step in flight: its base's, with what was changed for this step alone."""
        batch = self.desk.book.p.batch or {}
        choices, pairs = self.desk.choices(batch["base"]), batch.get("set", [])
        return changed(choices, pairs, self.desk) if pairs else choices

    def settings(self) -> SessionSettings:
        """The session's settings, with what was changed for the step in flight alone."""
        pairs = (self.desk.book.p.batch or {}).get("set", [])
        return with_settings(self.desk.settings, pairs, self.desk) if pairs else self.desk.settings

    def proposer(self) -> "Proposer":
        """Who proposes in the step in flight."""
        return self.desk.proposer(self.settings())

    def moved(self) -> bool:
        """Whether the head is no longer where it was when the step was begun."""
        batch, repository = self.desk.book.p.batch or {}, self.desk.repository
        return (repository.head(), repository.branch()) != (batch.get("head", batch["base"]), batch["branch"])

    def missing(self) -> list[tuple[str, int]]:
        """The batch's rollouts that are not finished."""
        p = self.desk.book.p
        done = {(r["example"], r["repeat"]) for r in p.rollouts if is_train(r) and r["status"] != "infra"}
        return [(e, r) for e, r in (p.batch or {})["examples"] if (e, r) not in done]

    def numbers(self) -> list[int]:
        """The candidates of the step: as many as the choices ask for, and those added since."""
        p = self.desk.book.p
        batch = p.batch or {}
        wanted = 0 if batch.get("hand") else self.choices().candidates + int(batch.get("given", 0))
        return sorted(set(range(wanted)) | set(p.candidates))

    def open_candidates(self) -> list[int]:
        """Candidates that are still to be asked for, read or scored."""
        known = self.desk.book.p.candidates
        return [k for k in self.numbers() if k not in known or not at_rest(known[k])]

    def to_measure(self) -> list[int]:
        """Candidates that a person accepted on the condition that the gate is run first."""
        return [k for k, c in self.desk.book.p.candidates.items() if is_accepted(c) and not at_rest(c)]

    def accepted(self) -> Candidate | None:
        return next((c for c in self.desk.book.p.candidates.values() if is_accepted(c)), None)

    def all_decided(self) -> bool:
        """Whether one candidate was accepted, or all of them have an end."""
        if self.accepted():
            return True
        candidates = self.desk.book.p.candidates
        return set(candidates) >= set(self.numbers()) and all(settled(c) for c in candidates.values())

    def unended(self) -> list[Candidate]:
        return [c for _, c in sorted(self.desk.book.p.candidates.items()) if not c.ended]

    def batch_rows(self) -> list[RolloutRow]:
        """The batch's finished rollouts, in the batch's order."""
        p = self.desk.book.p
        ids = {(r["example"], r["repeat"]): r["rollout"] for r in p.rollouts if is_train(r)}
        rows = [self.desk.book.journal.rollout(ids[e, r]) for e, r in (p.batch or {})["examples"] if (e, r) in ids]
        return [row for row in rows if row is not None]

    def decided(self, number: int, outcome: Outcome, **more: Any) -> None:
        """Say what was decided of a candidate."""
        self.desk.book.say(
            "decided", candidate=number, decision=outcome.decision, by=outcome.by, reason=outcome.reason, **more
        )

    async def build_evidence(self, dropped: tuple[str, ...] = (), pinned: tuple[str, ...] = ()) -> None:
        """Build the evidence, with what a person left out or pinned, and say `evidence_built`."""
        evidence, _, exact = await self.composed(dropped, pinned)
        self.built(evidence, exact, dropped, pinned)

    def built(self, evidence: Evidence, exact: bool, dropped: Sequence[str], pinned: Sequence[str]) -> None:
        """Say `evidence_built`."""
        payload = {**evidence.payload(), "estimated": not exact}
        self.desk.book.say("evidence_built", **payload, dropped=list(dropped), pinned=list(pinned))

    async def composed(self, dropped: Sequence[str], pinned: Sequence[str]) -> tuple[Evidence, Prompt, bool]:
        """Evidence and prompt of the step in flight, and whether tokens were counted by the model's own tokenizer."""
        desk, batch, choices = self.desk, self.desk.book.p.batch or {}, self.choices()
        counter = await self.proposer().counter()
        rows, task = self.batch_rows(), desk.task(choices)
        told: dict[int, Any] = {}
        if choices.horizon.kind.startswith("python:"):
            told, digest = await chosen(choices.horizon.kind, desk.session, task.path, rows)
        heard = said(desk.book.journal, desk.book.step)
        hints, standing = batch.get("hints", heard.hints), batch.get("standing", heard.standing)
        person = PersonChoices(set(dropped), list(pinned), hints, standing, heard.excluded)
        evidence, prompt = composed(
            desk.repository,
            desk.book.journal,
            batch["base"],
            rows,
            choices,
            task.task,
            person,
            counter.count,
            told,
            batch.get("whatif", 0),
        )
        if told:
            evidence.horizon["digest"] = digest
        return evidence, prompt, counter.exact
