"""How a step ends: the rule or a person decides, what is accepted is committed, everything else is
kept.

Changed design choices become a version of their own, committed once when the next step begins.

While a run goes on: is what is learned still learned, or do edits only fit the examples that the
model sees?
"""

from collections import OrderedDict
from math import inf

from genopt_tui.config import DesignChoices, to_toml
from genopt_tui.learn.doctor.diagnosis import check_overfitting
from genopt_tui.learn.doctor.loop_facts import Finding
from genopt_tui.runner.context import RunContext, assign_choices
from genopt_tui.runner.records import Outcome, build_record, build_subject, summarize_record
from genopt_tui.runner.state import Step, derive_outcome, format_verdict, is_resolved
from genopt_tui.session.history.record import Decision, DecisionRecord, Record
from genopt_tui.session.history.repository import HeadMoved
from genopt_tui.session.journal import utc_timestamp
from genopt_tui.session.progress import Candidate, Progress, read_pending_input


class StepFinisher:
    """Ends steps."""

    def __init__(self, step: Step) -> None:
        self.step, self.context = step, step.context
        self.drift = DriftMonitor()

    async def decide(self) -> None:
        """Let the rule decide, or ask the person."""
        open_ = [c for c in self.context.event_log.p.candidates.values() if not is_resolved(c)]
        batch = self.context.event_log.p.batch or {}
        if (
            batch.get("head", batch["base"]) != batch["base"]
        ):  # asked of a version that is history: an answer, no proposal
            for candidate in open_:
                told = format_verdict(candidate) if candidate.gate else "not scored"
                self.step.record_decision(
                    candidate.number, Outcome("not-chosen", "runner", f"what if: {told}")
                )
            return
        by_person = any(
            (c.decided or {}).get("by") == "person"
            for c in self.context.event_log.p.candidates.values()
        )
        if self.context.settings.mode != "auto" or by_person:
            self.context.event_log.append(
                "decision_wanted",
                pending="decide",
                candidates=[c.number for c in open_],
                since=utc_timestamp(),
            )
            return
        for candidate, outcome in self._apply_rule(open_):
            self.step.record_decision(candidate.number, outcome)

    async def finish(self) -> None:
        """Commit what was accepted and keep everything else; the step is over then."""
        chosen = self.step.accepted_candidate()
        ended = ""
        if chosen:
            ended = await self._commit(chosen)
        for candidate in self.step.unfinished_candidates():
            outcome = derive_outcome(candidate, accepted=chosen is not None)
            if chosen and candidate.number == chosen.number:
                outcome = Outcome(
                    "superseded", "runner", "the head moved before it could be committed"
                )
            await self._store_rejected(candidate, outcome)
            ended = ended or outcome.decision
        self._end_step(ended)

    async def supersede(self, why: str = "the head moved") -> None:
        """End the step: what it has so far is kept, and belongs to the version it was made for."""
        if self.step.has_head_moved():
            batch, repository = self.context.event_log.p.batch or {}, self.context.repository
            old, new = batch["base"], repository.head()
            self.context.event_log.append(
                "moved", step=0, act="outside", branch=repository.current_branch(), old=old, new=new
            )
        candidates = self.step.unfinished_candidates() or (
            [] if self.context.event_log.p.candidates else [Candidate()]
        )
        for candidate in candidates:
            await self._store_rejected(candidate, Outcome("superseded", "runner", why))
        self._end_step("superseded")

    def _apply_rule(self, candidates: list[Candidate]) -> list[tuple[Candidate, Outcome]]:
        """What the gate's rule says of each candidate: the best that counts is taken, the others
        stay open to `finish`."""
        batch = self.context.event_log.p.batch or {}
        choices = self.context.load_choices(batch["base"])
        task = self.context.load_task(choices).task
        rule = choices.gate.rule
        sound = [c for c in candidates if c.gate and c.gate["complete"]]
        counting = [c for c in sound if rule == "always" or (c.gate or {})["verdict"] == "better"]
        if not counting:
            return [(c, derive_outcome(c, accepted=False)) for c in candidates]
        sign = 1 if task.direction == "higher" else -1

        def rank(candidate: Candidate) -> float:
            """Not the mean alone: in it a failure is a number, which may be a good one."""
            gate = candidate.gate or {}
            if gate["mean"] is None or gate.get("rank") == "failed":
                return -inf
            return sign * float(gate["mean"] if gate.get("rank") is None else gate["rank"])

        best = max(counting, key=rank)
        decision: Decision = "always" if rule == "always" else "gate"
        return [(best, Outcome(decision, "gate", format_verdict(best)))]

    async def _commit(self, candidate: Candidate) -> str:
        """Commit an accepted candidate, unless an earlier runner did. Returns the decision, or
        nothing when the head moved."""
        if candidate.ended:
            return str(candidate.ended["decision"])
        context, batch = self.context, self.context.event_log.p.batch or {}
        decided = candidate.decided or {}
        outcome = Outcome(decided["decision"], decided["by"], decided["reason"])
        record, subject = (
            await self._build_record(candidate, outcome),
            build_subject(candidate, outcome),
        )
        tree = (candidate.edit or {})["tree"]
        try:
            version = self._find_own_commit(candidate) or context.repository.commit(
                base=batch["base"],
                tree=tree,
                record=record,
                subject=subject,
                body=record.proposal.reasoning,
                model=record.model,
                before_move=context.event_log.flush,
            )
        except HeadMoved:
            context.event_log.append(
                "paused", step=0, why="the head moved: the proposal is kept as superseded"
            )
            return ""
        context.event_log.append(
            "committed",
            candidate=candidate.number,
            version=version,
            tree=tree,
            branch=batch["branch"],
            subject=f"step {context.event_log.step}: {subject}",
            **summarize_record(record),
        )
        return outcome.decision

    def _find_own_commit(self, candidate: Candidate) -> str | None:
        """The head, when it is this candidate's own commit (its runner died before it could say
        so)."""
        repository, batch = self.context.repository, self.context.event_log.p.batch or {}
        head = repository.head()
        if head == batch["base"]:
            return None
        record = repository.read_record(head)
        mine = (record.step, record.candidate) == (self.context.event_log.step, candidate.number)
        return head if mine and record.base == batch["base"] else None

    async def _store_rejected(self, candidate: Candidate, outcome: Outcome) -> None:
        """Keep a candidate that was not taken as a commit of its own."""
        context, batch = self.context, self.context.event_log.p.batch or {}
        record, subject = (
            await self._build_record(candidate, outcome),
            build_subject(candidate, outcome),
        )
        version, ref = context.repository.commit_rejected(
            base=batch["base"],
            tree=(candidate.edit or {}).get("tree"),
            record=record,
            subject=subject,
            body=record.proposal.reasoning,
            model=record.model,
            step=context.event_log.step,
            candidate=candidate.number,
            before_move=context.event_log.flush,
        )
        context.event_log.append(
            "rejected",
            candidate=candidate.number,
            version=version,
            ref=ref,
            subject=f"step {context.event_log.step}: {subject}",
            **summarize_record(record),
        )

    async def _build_record(self, candidate: Candidate, outcome: Outcome) -> Record:
        from genopt_tui.learn.edit.diff import format_diff

        context, batch = self.context, self.context.event_log.p.batch or {}
        if conditions := (candidate.gate or {}).get("conditions"):
            fingerprint = str(conditions["fingerprint"])
        else:
            scorer = await context.get_scorer(context.load_choices(batch["base"]))
            fingerprint = scorer.fingerprint
        diff = ""
        if candidate.edit:
            diff = format_diff(
                context.repository.read_artifact(batch["base"]),
                context.repository.read_artifact_tree(candidate.edit["tree"]),
            )
        return build_record(context, candidate, outcome, fingerprint, diff)

    def _end_step(self, outcome: str) -> None:
        direction = self.context.load_task(self.step.effective_choices()).task.direction
        if found := self.drift.observe_step(self.context.event_log.p, direction):
            told = f"{found.code}: {found.message} {found.advice}"
            self.context.event_log.append(
                "notice", candidate=None, text=told, path=None, level=found.level
            )
        self.context.event_log.append(
            "step_ended", outcome=outcome, counts=self._counts_against_budget()
        )

    def _counts_against_budget(self) -> bool:
        """Whether the step counts against the budget: under `crash = free` not when all rollouts of
        batch or gate failed."""
        p, rows = self.context.event_log.p, self.step.batch_rows()
        crashed = bool(rows) and all(row.result.status not in {"ok", "infra"} for row in rows)
        gates = [c.gate for c in p.candidates.values() if c.gate]
        crashed = crashed or (bool(gates) and all(g["failed"] == len(g["scores"]) for g in gates))
        return not (crashed and self.step.effective_choices().crash == "free")


def commit_design(context: RunContext, step: int) -> None:
    """Commit the design choices that were changed since the last step, once, as of step `step`."""
    staged = read_pending_input(context.event_log.journal, step).staged
    if not staged:
        return
    base = context.repository.head()
    old = context.load_choices(base)
    new = assign_choices(old, staged, context)
    if new != old:
        _commit_choices(context, base, step, new, staged)
    context.event_log.append("design_committed", step=0, pairs=staged)


def _commit_choices(
    context: RunContext, base: str, step: int, new: DesignChoices, pairs: list[str]
) -> None:
    subject = f"design: {', '.join(pairs)}"
    record = Record(
        step=step,
        at=utc_timestamp(),
        base=base,
        branch=context.repository.require_branch(),
        task=str(new.task.get("name", "")),
        direction=context.load_task(new).task.direction,
        decision=DecisionRecord(decision="design", by="person"),
    )
    tree = context.repository.artifact_tree(base)
    version = context.repository.commit(
        base=base,
        tree=tree,
        record=record,
        subject=subject,
        body="",
        model="",
        choices_text=to_toml(new),
    )
    context.event_log.append(
        "committed",
        step=step,
        candidate=0,
        version=version,
        tree=tree,
        branch=context.repository.require_branch(),
        subject=f"step {step}: {subject}",
        **summarize_record(record),
    )


DRIFT_WINDOW = 5  # versions


class DriftMonitor:
    """The latest bases of steps with their mean on the batch and on the gate; a runner that starts
    anew begins without any."""

    def __init__(self) -> None:
        self._bases: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def observe_step(self, progress: Progress, direction: str) -> Finding | None:
        """Take note of the step that ends; a warning where its base made the train scores rise and
        the gate's fall."""
        base, train = (progress.batch or {}).get("base"), (progress.evidence or {}).get("mean")
        gates = [
            c.gate["base_mean"]
            for c in progress.candidates.values()
            if c.gate and c.gate.get("base_mean") is not None
        ]
        if base is None or train is None or not gates or base in self._bases:
            return None
        self._bases[base] = (train, gates[0])
        while len(self._bases) > DRIFT_WINDOW:
            self._bases.popitem(last=False)
        means = list(self._bases.values())
        return check_overfitting(
            [t for t, _ in means], [g for _, g in means], direction, DRIFT_WINDOW
        )
