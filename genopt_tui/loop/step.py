"""The step in flight: what its events, git and the settings say of it, and the evidence and prompt made of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genopt_tui.config import DesignChoices, SessionSettings
from genopt_tui.learn.doctor_text import learning_template
from genopt_tui.learn.evidence import Evidence, PersonChoices
from genopt_tui.learn.prompt import Prompt
from genopt_tui.loop.changes import changed, with_settings
from genopt_tui.loop.choosing import chosen
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.prompting import composed, templates
from genopt_tui.loop.records import Outcome
from genopt_tui.loop.rules import at_rest, is_accepted, is_train, settled
from genopt_tui.session.journal import RolloutRow
from genopt_tui.session.person import said
from genopt_tui.session.progress import Candidate
from genopt_tui.session.refs import branch_of

if TYPE_CHECKING:
    from genopt_tui.propose.base import Proposer


@dataclass(frozen=True)
class Composed:
    """What the model would be asked now. `exact`: tokens were counted by its own tokenizer; `templates` names those that
    override the shipped ones; `hints` and `standing` are what a person said up to the event `until`, all of it in the prompt."""

    evidence: Evidence
    prompt: Prompt
    exact: bool
    templates: Mapping[str, str]
    hints: Sequence[str]
    standing: Sequence[str]
    until: int


class Step:
    """Reads the step in flight. It changes nothing but by saying an event."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._made: tuple[Any, tuple[Evidence, Prompt]] | None = None  # what was composed last, and of what

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
        batch = self.desk.book.p.batch or {}
        head, commit = self.desk.repository.at()
        return (branch_of(head), commit) != (batch["branch"], batch.get("head", batch["base"]))

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

    async def build_evidence(self, dropped: Sequence[str] = (), pinned: Sequence[str] = ()) -> Prompt:
        """Build the evidence, with what a person left out or pinned, and say `evidence_built`; the prompt that it makes."""
        made = await self.composed(dropped, pinned)
        self.built(made, dropped, pinned)
        return made.prompt

    def built(self, made: Composed, dropped: Sequence[str], pinned: Sequence[str]) -> None:
        """Say `evidence_built`, unless that is what was said last."""
        known = self.desk.book.p.evidence or {}
        told: dict[str, Any] = {"dropped": [*dropped], "pinned": [*pinned]}
        if made.templates:
            told["templates"] = dict(made.templates)
        same = known.get("tokens") == made.evidence.tokens and known.get("templates") == told.get("templates")
        if not (same and all(known.get(key) == told[key] for key in ("dropped", "pinned"))):
            longest = max((part.steps for part in made.evidence.parts), default=0)
            told["learning"] = learning_template(self.choices(), longest)
            payload = {**made.evidence.payload(), "estimated": not made.exact, **told}
            self.desk.book.say("evidence_built", **payload)

    async def preview(
        self, dropped: Sequence[str], pinned: Sequence[str], edited: Sequence[Mapping[str, str]] = ()
    ) -> None:
        """Say `prompt_preview`: the prompt as it would be sent without `dropped`, or as a person `edited` it."""
        shown: dict[str, Any] = {"dropped": [*dropped], "pinned": [*pinned], "edited": bool(edited)}
        if edited:
            last, counter = self.shown(), await self.proposer().counter()
            tokens = sum(counter.count(m["content"]) for m in edited)
            sections = [{"name": "edited by a person", "tokens": tokens, "cuts": 0}]
            shown |= {"messages": [dict(m) for m in edited], "tokens": tokens, "sections": sections}
            shown |= {key: last[key] for key in ("hints", "standing", "until")}
        else:
            made = await self.composed(dropped, pinned)
            known, prompt = self.desk.book.p.evidence or {}, made.prompt
            if [*dropped] == known.get("dropped", []):
                self.built(made, dropped, pinned)
            shown |= {"messages": prompt.messages, "tokens": prompt.tokens, "sections": prompt.sections}
            shown |= {"hints": [*made.hints], "standing": [*made.standing], "until": made.until}
        self.desk.book.say("prompt_preview", **shown)

    def shown(self) -> Mapping[str, Any]:
        """The prompt that was shown last in this step."""
        event = self.desk.book.journal.last("prompt_preview", step=self.desk.book.p.step)
        return event.data if event else {}

    async def heard(self) -> str:
        """A person said something that the prompt holds: one that waits to be sent is shown anew. What is to be told."""
        p = self.desk.book.p
        if not p.pending or p.ended or p.pending["pending"] != "propose":
            return ""
        shown = self.shown()
        if shown["edited"]:
            return "the prompt that waits was edited and stays as it is: the one after it holds this"
        await self.preview(shown["dropped"], shown["pinned"])
        return "the prompt that waits holds it"

    async def composed(self, dropped: Sequence[str], pinned: Sequence[str]) -> Composed:
        """Evidence and prompt of the step in flight. Raises UsageError, also where a template or the horizon's function fails."""
        desk, batch, choices = self.desk, self.desk.book.p.batch or {}, self.choices()
        until, heard = desk.book.journal.last_event(), said(desk.book.journal, desk.book.step)
        hints, standing = batch.get("hints", heard.hints), batch.get("standing", heard.standing)
        counter = await self.proposer().counter()
        rows, task = self.batch_rows(), desk.task(choices)
        own = templates(task.path, desk.session)
        told: dict[int, Any] = {}
        if choices.horizon.kind.startswith("python:"):
            told, digest = await chosen(choices.horizon.kind, desk.session, task.path, rows)
        person = PersonChoices(set(dropped), list(pinned), hints, standing, heard.excluded(choices.exclude))
        given = (
            batch["base"],
            rows,
            choices,
            task.task,
            person,
            counter.count,
            told,
            batch.get("whatif", 0),
            own.texts,
        )
        of = (*given, len(desk.repository.tried()), batch)
        if self._made is None or self._made[0] != of:
            self._made = (of, composed(desk.repository, desk.book.journal, *given))
        evidence, prompt = self._made[1]
        if told:
            evidence.horizon["digest"] = digest
        return Composed(evidence, prompt, counter.exact, own.origins, hints, standing, until)
