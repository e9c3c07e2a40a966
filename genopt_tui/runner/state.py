"""The step in flight: what its events, git and the settings say of it, and the evidence and prompt
made of that.

What is to be said of a candidate of the step in flight, from its events alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genopt_tui.config import DesignChoices, SessionSettings
from genopt_tui.learn.doctor.inputs import classify_learning_template
from genopt_tui.learn.evidence import Evidence, PersonChoices
from genopt_tui.learn.prompt import Prompt
from genopt_tui.runner.context import RunContext, apply_settings, assign_choices
from genopt_tui.runner.horizon_process import run_horizon_function
from genopt_tui.runner.prompts import compose_prompt, load_templates
from genopt_tui.runner.records import Outcome
from genopt_tui.session.git.refs import parse_branch_name
from genopt_tui.session.history.versions import ACCEPTED
from genopt_tui.session.journal import RolloutRow
from genopt_tui.session.progress import Candidate, describe_gate_size, read_pending_input

if TYPE_CHECKING:
    from genopt_tui.propose.base import Proposer


@dataclass(frozen=True)
class PromptDraft:
    """What the model would be asked now. `exact`: tokens were counted by its own tokenizer;
    `templates` names those that
    override the shipped ones; `hints` and `standing` are what a person said up to the event
    `until`, all of it in the prompt."""

    evidence: Evidence
    prompt: Prompt
    exact: bool
    templates: Mapping[str, str]
    hints: Sequence[str]
    standing_hints: Sequence[str]
    until_event: int


class Step:
    """Reads the step in flight. It changes nothing but by saying an event."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self._cached_draft: tuple[Any, tuple[Evidence, Prompt]] | None = (
            None  # what was composed last, and of what
        )

    def effective_choices(self) -> DesignChoices:
        """The design choices of the step in flight: its base's, with what was changed for this step
        alone."""
        batch = self.context.event_log.p.batch or {}
        choices, pairs = self.context.load_choices(batch["base"]), batch.get("set", [])
        return assign_choices(choices, pairs, self.context) if pairs else choices

    def effective_settings(self) -> SessionSettings:
        """The session's settings, with what was changed for the step in flight alone."""
        pairs = (self.context.event_log.p.batch or {}).get("set", [])
        return (
            apply_settings(self.context.settings, pairs, self.context)
            if pairs
            else self.context.settings
        )

    def proposer(self) -> "Proposer":
        """Who proposes in the step in flight."""
        return self.context.get_proposer(self.effective_settings())

    def has_head_moved(self) -> bool:
        """Whether the head is no longer where it was when the step was begun."""
        batch = self.context.event_log.p.batch or {}
        head, commit = self.context.repository.resolve_head()
        return (parse_branch_name(head), commit) != (
            batch["branch"],
            batch.get("head", batch["base"]),
        )

    def missing_rollouts(self) -> list[tuple[str, int]]:
        """The batch's rollouts that are not finished."""
        p = self.context.event_log.p
        done = {
            (r["example"], r["repeat"])
            for r in p.rollouts
            if is_train_rollout(r) and r["status"] != "infra"
        }
        return [(e, r) for e, r in (p.batch or {})["examples"] if (e, r) not in done]

    def candidate_numbers(self) -> list[int]:
        """The candidates of the step: as many as the choices ask for, and those added since."""
        p = self.context.event_log.p
        batch = p.batch or {}
        wanted = (
            0
            if batch.get("hand")
            else self.effective_choices().candidates + int(batch.get("given", 0))
        )
        return sorted(set(range(wanted)) | set(p.candidates))

    def open_candidates(self) -> list[int]:
        """Candidates that are still to be asked for, read or scored."""
        known = self.context.event_log.p.candidates
        return [k for k in self.candidate_numbers() if k not in known or not is_processed(known[k])]

    def candidates_to_gate(self) -> list[int]:
        """Candidates that a person accepted on the condition that the gate is run first."""
        return [
            k
            for k, c in self.context.event_log.p.candidates.items()
            if is_accepted(c) and not is_processed(c)
        ]

    def accepted_candidate(self) -> Candidate | None:
        return next(
            (c for c in self.context.event_log.p.candidates.values() if is_accepted(c)), None
        )

    def is_decided(self) -> bool:
        """Whether one candidate was accepted, or all of them have an end."""
        if self.accepted_candidate():
            return True
        candidates = self.context.event_log.p.candidates
        return set(candidates) >= set(self.candidate_numbers()) and all(
            is_resolved(c) for c in candidates.values()
        )

    def unfinished_candidates(self) -> list[Candidate]:
        return [c for _, c in sorted(self.context.event_log.p.candidates.items()) if not c.ended]

    def batch_rows(self) -> list[RolloutRow]:
        """The batch's finished rollouts, in the batch's order."""
        p = self.context.event_log.p
        ids = {(r["example"], r["repeat"]): r["rollout"] for r in p.rollouts if is_train_rollout(r)}
        rows = [
            self.context.event_log.journal.read_rollout(ids[e, r])
            for e, r in (p.batch or {})["examples"]
            if (e, r) in ids
        ]
        return [row for row in rows if row is not None]

    def record_decision(self, number: int, outcome: Outcome, **more: Any) -> None:
        """Say what was decided of a candidate."""
        self.context.event_log.append(
            "decided",
            candidate=number,
            decision=outcome.decision,
            by=outcome.by,
            reason=outcome.reason,
            **more,
        )

    async def build_evidence(
        self, dropped: Sequence[str] = (), pinned: Sequence[str] = ()
    ) -> Prompt:
        """Build the evidence, with what a person left out or pinned, and say `evidence_built`; the
        prompt that it makes."""
        made = await self.compose_prompt(dropped, pinned)
        self.record_evidence(made, dropped, pinned)
        return made.prompt

    def record_evidence(
        self, draft: PromptDraft, dropped: Sequence[str], pinned: Sequence[str]
    ) -> None:
        """Say `evidence_built`, unless that is what was said last."""
        known = self.context.event_log.p.evidence or {}
        told: dict[str, Any] = {"dropped": [*dropped], "pinned": [*pinned]}
        if draft.templates:
            told["templates"] = dict(draft.templates)
        same = known.get("tokens") == draft.evidence.tokens and known.get("templates") == told.get(
            "templates"
        )
        if not (same and all(known.get(key) == told[key] for key in ("dropped", "pinned"))):
            longest = max((part.steps for part in draft.evidence.parts), default=0)
            told["learning"] = classify_learning_template(self.effective_choices(), longest)
            payload = {**draft.evidence.payload(), "estimated": not draft.exact, **told}
            self.context.event_log.append("evidence_built", **payload)

    async def preview_prompt(
        self,
        dropped: Sequence[str],
        pinned: Sequence[str],
        edited: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Say `prompt_preview`: the prompt as it would be sent without `dropped`, or as a person
        `edited` it."""
        shown: dict[str, Any] = {"dropped": [*dropped], "pinned": [*pinned], "edited": bool(edited)}
        if edited:
            last, counter = self.last_preview(), await self.proposer().get_counter()
            tokens = sum(counter.count(m["content"]) for m in edited)
            sections = [{"name": "edited by a person", "tokens": tokens, "cuts": 0}]
            shown |= {"messages": [dict(m) for m in edited], "tokens": tokens, "sections": sections}
            shown |= {key: last[key] for key in ("hints", "standing", "until")}
        else:
            made = await self.compose_prompt(dropped, pinned)
            known, prompt = self.context.event_log.p.evidence or {}, made.prompt
            if [*dropped] == known.get("dropped", []):
                self.record_evidence(made, dropped, pinned)
            shown |= {
                "messages": prompt.messages,
                "tokens": prompt.tokens,
                "sections": prompt.sections,
            }
            shown |= {
                "hints": [*made.hints],
                "standing": [*made.standing_hints],
                "until": made.until_event,
            }
        self.context.event_log.append("prompt_preview", **shown)

    def last_preview(self) -> Mapping[str, Any]:
        """The prompt that was shown last in this step."""
        event = self.context.event_log.journal.find_last(
            "prompt_preview", step=self.context.event_log.p.step
        )
        return event.data if event else {}

    async def refresh_preview(self) -> str:
        """A person said something that the prompt holds: one that waits to be sent is shown anew.
        What is to be told."""
        p = self.context.event_log.p
        if not p.pending or p.ended or p.pending["pending"] != "propose":
            return ""
        shown = self.last_preview()
        if shown["edited"]:
            return (
                "the prompt that waits was edited and stays as it is: the one after it holds this"
            )
        await self.preview_prompt(shown["dropped"], shown["pinned"])
        return "the prompt that waits holds it"

    async def compose_prompt(self, dropped: Sequence[str], pinned: Sequence[str]) -> PromptDraft:
        """Evidence and prompt of the step in flight. Raises UsageError, also where a template or
        the horizon's function fails."""
        context, batch, choices = (
            self.context,
            self.context.event_log.p.batch or {},
            self.effective_choices(),
        )
        until, heard = (
            context.event_log.journal.last_event_id(),
            read_pending_input(context.event_log.journal, context.event_log.step),
        )
        hints, standing = batch.get("hints", heard.hints), batch.get("standing", heard.standing)
        counter = await self.proposer().get_counter()
        rows, task = self.batch_rows(), context.load_task(choices)
        own = load_templates(task.path, context.session)
        told: dict[int, Any] = {}
        if choices.horizon.kind.startswith("python:"):
            told, digest = await run_horizon_function(
                choices.horizon.kind, context.session, task.path, rows
            )
        person = PersonChoices(
            set(dropped), list(pinned), hints, standing, heard.excluded(choices.exclude)
        )
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
        of = (*given, len(context.repository.read_step_versions()), batch)
        if self._cached_draft is None or self._cached_draft[0] != of:
            self._cached_draft = (
                of,
                compose_prompt(context.repository, context.event_log.journal, *given),
            )
        evidence, prompt = self._cached_draft[1]
        if told:
            evidence.horizon["digest"] = digest
        return PromptDraft(evidence, prompt, counter.exact, own.origins, hints, standing, until)


def is_train_rollout(rollout: Any) -> bool:
    return rollout["split"] == "train" and rollout.get("candidate") is None


def is_accepted(c: Candidate) -> bool:
    return bool(c.decided) and (c.decided or {})["decision"] in ACCEPTED


def is_processed(c: Candidate) -> bool:
    """Whether nothing more is asked, read or scored for this candidate."""
    if c.ended or c.refused or c.gate:
        return True
    decided = c.decided or {}
    return bool(decided) and (
        decided["decision"] not in ACCEPTED or bool(decided.get("unmeasured"))
    )


def is_resolved(c: Candidate) -> bool:
    """Whether this candidate's end is known without asking anybody."""
    return bool(c.ended or c.refused or c.decided)


def derive_outcome(c: Candidate, *, accepted: bool) -> Outcome:
    """How a candidate ends that is not taken; `accepted`: another one of its step is."""
    if c.decided and not is_accepted(c):
        return Outcome(c.decided["decision"], c.decided["by"], c.decided["reason"])
    if c.refused:
        return Outcome("refused", "runner", str(c.refusals[-1]["why"]))
    if c.gate is None:
        return Outcome("not-chosen" if accepted else "failed", "runner", "it was not scored")
    if not c.gate["complete"]:
        return Outcome("failed", "runner", "its gate could not be completed")
    if accepted:
        return Outcome("not-chosen", "runner", "another candidate was taken")
    return Outcome(
        "undecided" if c.gate["verdict"] == "undecided" else "rejected", "gate", format_verdict(c)
    )


def format_verdict(c: Candidate) -> str:
    """The gate's reason in words."""
    gate = c.gate or {}
    low, high = gate.get("interval") or (None, None)
    span = f" [{low:+.3g}, {high:+.3g}]" if low is not None else ""
    if gate["mean"] is None:
        return f"{gate['verdict']}: no score, {gate['failed']} of {len(gate['scores'])} failed"
    size = describe_gate_size(gate)
    return (
        f"{gate['verdict']}: {gate.get('base_mean') or 0:.4g} -> {gate['mean']:.4g}{span}, {size}"
    )
